"""A model asset that others made and the spec names: read, mounted, and never changed or deleted by gatelift."""

from dataclasses import dataclass
from typing import ClassVar

from infra.azure.cloud import Cloud
from infra.errors import NotFound
from infra.resources.base import Live, Resource, State


@dataclass(frozen=True)
class GivenWeights(Resource):
    """A version of a workspace or of a registry; `id` is empty for one that cannot be read from here."""

    reference: str
    id: str
    note: str = ""
    """What a plan says of it."""

    kind: ClassVar[str] = "weights"
    shared: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """`NAME:VERSION`; the whole address for one of a registry."""
        return self.reference if "://" in self.reference else self.reference.removeprefix("azureml:")

    @property
    def desired(self) -> State:
        """Nothing: it is as others made it."""
        return {}

    def remark_on(self, live: Live) -> str:
        """What is known of it."""
        return self.note

    def read(self, cloud: Cloud) -> Live | None:
        """The version; nobody owns it, whoever made it."""
        if not self.id:
            return Live({})
        document = cloud.management.get(self.id)
        return None if document is None else Live({}, document=document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Raise `NotFound`: it was there when the plan was made."""
        raise NotFound(
            f"the model {self.name} was deleted meanwhile", hint="`az ml model list`", code="model_asset_not_found"
        )

    def delete(self, cloud: Cloud) -> None:
        """Leave it."""
