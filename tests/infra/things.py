"""A token, and a resource for tests of planning: what it should be is given, and Azure is never asked."""

from infra.azure.cloud import Cloud
from infra.resources.base import Live, Resource, State, owned

TOKEN = "hf_sometoken1"


class Thing(Resource):
    """Of the stack `demo`; which of its fields may change in place is up to the test."""

    kind = "thing"

    def __init__(self, state: State, name: str = "thing") -> None:
        self._name = name
        self.state = owned(state, "demo")

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    @property
    def desired(self) -> State:
        """As it was given, with the stack's tag."""
        return self.state

    def read(self, cloud: Cloud) -> Live | None:
        """Nothing."""
        return None

    def create(self, cloud: Cloud, state: State) -> None:
        """Nothing to do."""

    def delete(self, cloud: Cloud) -> None:
        """Nothing to do."""
