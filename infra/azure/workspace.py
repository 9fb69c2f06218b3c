"""The address of a workspace, and the resource ids of what is in it."""

from msgspec import Struct

PROVIDER = "Microsoft.MachineLearningServices"


class Workspace(Struct, frozen=True):
    """One Azure Machine Learning workspace."""

    subscription_id: str
    resource_group: str
    name: str
    location: str = ""
    """The Azure region; empty while it is not known."""
    local: bool = False
    """Whether the workspace is in the emulator."""
    absent: bool = False
    """Whether the emulator lacks it until `up --local` makes it; never set on Azure."""

    @property
    def id(self) -> str:
        """The resource id of the workspace."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/{PROVIDER}/workspaces/{self.name}"

    def asset(self, collection: str, name: str, version: str) -> str:
        """The resource id of an asset version; `collection` is e.g. `models`."""
        return f"{self.id}/{collection}/{name}/versions/{version}"

    def connection(self, name: str) -> str:
        """The resource id of a connection."""
        return f"{self.id}/connections/{name}"

    def endpoint(self, name: str) -> str:
        """The resource id of an endpoint."""
        return f"{self.id}/onlineEndpoints/{name}"

    def deployment(self, endpoint: str, name: str) -> str:
        """The resource id of a deployment."""
        return f"{self.endpoint(endpoint)}/deployments/{name}"

    def asset_id(self, collection: str, reference: str) -> str:
        """The resource id of `azureml:NAME:VERSION` in this workspace; any other reference is returned unchanged."""
        parts = reference.removeprefix("azureml:").split(":")
        named = reference.startswith("azureml:") and not reference.startswith("azureml://") and len(parts) == 2
        return self.asset(collection, *parts) if named else reference

    def in_location(self, location: str, collection: str) -> str:
        """The id of a region's `usages` or `vmSizes` (`collection`)."""
        return f"/subscriptions/{self.subscription_id}/providers/{PROVIDER}/locations/{location}/{collection}"
