"""Which workspace, and the ids of what lies in it."""

from msgspec import Struct

PROVIDER = "Microsoft.MachineLearningServices"


class Workspace(Struct, frozen=True):
    """One Azure Machine Learning workspace: its address, and where it is."""

    subscription_id: str
    resource_group: str
    name: str
    location: str = ""
    """The Azure region; empty until it has been read."""
    local: bool = False
    """Whether it is the emulator's."""

    @property
    def id(self) -> str:
        """The workspace's ARM id."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/{PROVIDER}/workspaces/{self.name}"

    def asset(self, collection: str, name: str, version: str) -> str:
        """The id of a versioned asset; `collection` is e.g. `models`."""
        return f"{self.id}/{collection}/{name}/versions/{version}"

    def connection(self, name: str) -> str:
        """A connection's id."""
        return f"{self.id}/connections/{name}"

    def endpoint(self, name: str) -> str:
        """An endpoint's id."""
        return f"{self.id}/onlineEndpoints/{name}"

    def deployment(self, endpoint: str, name: str) -> str:
        """A deployment's id."""
        return f"{self.endpoint(endpoint)}/deployments/{name}"

    def asset_id(self, collection: str, reference: str) -> str:
        """The id that `azureml:NAME:VERSION` stands for in this workspace; any other reference unchanged."""
        parts = reference.removeprefix("azureml:").split(":")
        named = reference.startswith("azureml:") and not reference.startswith("azureml://") and len(parts) == 2
        return self.asset(collection, *parts) if named else reference

    def in_location(self, location: str, collection: str) -> str:
        """The id of a region's `usages` or `vmSizes`."""
        return f"/subscriptions/{self.subscription_id}/providers/{PROVIDER}/locations/{location}/{collection}"
