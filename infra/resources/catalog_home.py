"""Where the entries of a catalog are: in the workspace, or in an Azure ML registry.

Registries are reached through Resource Manager as workspaces are: Registry Model Versions, 2024-04-01.
"""

from collections.abc import Mapping

from infra.azure.cloud import Cloud
from infra.azure.workspace import PROVIDER
from infra.errors import NotFound
from infra.resources.base import OWNER_TAG, owner_of

WORKSPACE_TAG = "gatelift_workspace"  # on entries of a registry, where stacks of several workspaces meet
IN_A_WORKSPACE = "invisibleUntil hides it in `gatelift catalog list` only: Azure's studio lists it all the same"
IN_A_REGISTRY = "whether Azure's own catalog heeds invisibleUntil in your registry is not documented"


def home_id(cloud: Cloud, registry: str | None) -> str:
    """The id of what holds the entries; raises `NotFound` for a registry that the workspace's subscription lacks."""
    if not registry:
        return cloud.workspace.id
    if registry.startswith("/"):
        return registry
    subscription = cloud.workspace.subscription_id
    for document in cloud.management.list(f"/subscriptions/{subscription}/providers/{PROVIDER}/registries"):
        if str(document.get("name", "")).lower() == registry.lower():
            return str(document["id"])
    hint = "correct catalog.registry (`az ml registry list`); one of another subscription is given by its resource id"
    message = f"there is no registry {registry} in the subscription {subscription}, or you may not read it"
    raise NotFound(message, hint=hint, code="registry_not_found")


def check_home(cloud: Cloud, registry: str) -> str:
    """What to say of a registry that is there; raises `NotFound` where it is not, also for one given by its id."""
    home = home_id(cloud, registry)
    if cloud.management.get(home) is None:
        hint = "correct catalog.registry (`az ml registry list`)"
        raise NotFound(f"there is no registry {registry}, or you may not read it", hint=hint, code="registry_not_found")
    return f"the model's entry goes into the {place(home)}"


def entry_id(home: str, name: str, version: str) -> str:
    """The id of one version of an entry; in a registry's answers stand `azureml://` ids instead."""
    return f"{home}/models/{name}/versions/{version}"


def is_registry(home: str) -> bool:
    """Whether the entries are in a registry."""
    return "/registries/" in home.lower()


def place(home: str) -> str:
    """`registry NAME` or `workspace NAME`."""
    return f"{'registry' if is_registry(home) else 'workspace'} {home.rpartition('/')[2]}"


def own_place(cloud: Cloud) -> str:
    """The workspace as entries of a registry name it."""
    return f"{cloud.workspace.resource_group}/{cloud.workspace.name}"


def owner_here(cloud: Cloud, tags: Mapping[str, str]) -> str:
    """The stack that owns an entry; one of another workspace, which may have the same name, with its workspace."""
    owner, made_in = owner_of(tags), tags.get(WORKSPACE_TAG, "")
    foreign = OWNER_TAG in tags and made_in and made_in.lower() != own_place(cloud).lower()
    return f"{owner} of {made_in}" if foreign else owner
