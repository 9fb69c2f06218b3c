"""Azure's and the Hub's rules for names; each checker returns the name or raises ValueError with the rule.

Sources: Azure ML quotas page and the pattern in azure-ai-ml `constants/_endpoint.py` (endpoints, deployments),
the ARM Swagger (`connections`, `workspaces`), Resource Manager naming rules, `huggingface_hub.utils.validate_repo_id`.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta

AS_ON_THE_HUB = "copy it from the top of the model's page, for example `HuggingFaceTB/SmolLM2-135M-Instruct`"
REGISTRY_EXAMPLE = "azureml://registries/HuggingFace/models/NAME/labels/latest"
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ENDPOINT = re.compile(r"[a-zA-Z]([a-zA-Z0-9]|-(?!-))*[a-zA-Z0-9]")
CONNECTION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")
RESOURCE_GROUP = re.compile(r"[-\w._()]{1,89}[-\w_()]")
ASSET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}")
VERSION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,29}")
STACK = re.compile(r"[a-z]([a-z0-9]|-(?!-)){0,30}[a-z0-9]")
VM_SIZE = re.compile(r"(?i:standard)_[A-Za-z]+[0-9]+[A-Za-z0-9_-]*")
HUB_SEGMENT = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
REGISTRY_MODEL = re.compile(r"azureml://registries/[^/]+/models/[^/]+/(versions/[^/]+|labels/latest)")
KEY_VAULT_SECRET = re.compile(
    r"https://[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]\.vault\.[a-z.]+/secrets/[a-zA-Z0-9-]{1,127}/[0-9a-f]{32}"
)
IDENTITY = re.compile(
    rf"/subscriptions/{GUID.pattern}/resourceGroups/[-\w._()]{{1,90}}"
    r"/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[a-z0-9][a-z0-9_-]{2,127}",
    re.IGNORECASE,
)
ENVIRONMENT_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RuleBroken(ValueError):
    """A value that breaks a rule, and the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def following(rule: Callable[[Any], Any]) -> Meta:
    """Goes beside a kind in `Annotated`: the rule returns the value, made regular, or raises RuleBroken."""
    return Meta(extra={"rule": rule})


def stack_name(name: str) -> str:
    """A stack is named like an Azure endpoint, in lower case, since it becomes part of tags."""
    return _matching(STACK, name, "2 to 32 lower-case letters, digits and single hyphens, a letter first", _near(name))


def endpoint_name(name: str) -> str:
    """Endpoint names: 3 to 32 characters, unique in the region among all customers."""
    rule = "3 to 32 letters, digits and single hyphens, a letter first, no hyphen last"
    if not 3 <= len(name) <= 32:
        raise RuleBroken(f"must be {rule}; this has {len(name)}", _near(name))
    return _matching(ENDPOINT, name, rule, _near(name))


def subscription_id(value: str) -> str:
    """A subscription is a GUID."""
    return _matching(
        GUID, value, "a GUID such as 00000000-0000-0000-0000-000000000001", "`az account show --query id` shows yours"
    )


def resource_group(name: str) -> str:
    """Resource groups: 1 to 90 characters, no full stop last."""
    if len(name) == 1 and re.fullmatch(r"[\w()-]", name):
        return name
    rule = "1 to 90 letters, digits, '-', '_', '.', '(' or ')', no full stop last"
    return _matching(RESOURCE_GROUP, name, rule, "`az group list --query [].name` shows yours")


def workspace_name(name: str) -> str:
    """Workspaces and connections share one pattern."""
    rule = "3 to 33 letters, digits, '_' and '-', a letter or digit first"
    return _matching(CONNECTION, name, rule, _near(name, most=33))


def asset_name(name: str) -> str:
    """Models, environments and code: 1 to 255 characters."""
    return _matching(
        ASSET, name, "1 to 255 letters, digits, '.', '_' and '-', a letter or digit first", _near(name, most=255)
    )


def asset_version(version: str) -> str:
    """Versions of assets: 1 to 30 characters."""
    return _matching(
        VERSION, version, "1 to 30 letters, digits, '.', '_' and '-', a letter or digit first", "for example `1`"
    )


def vm_size(name: str) -> str:
    """VM sizes as Azure spells them."""
    hint = "sizes for online endpoints: https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list"
    return _matching(VM_SIZE, name, "an Azure VM size such as Standard_NC24ads_A100_v4", hint)


def environment_variable(name: str) -> str:
    """Names of environment variables."""
    return _matching(ENVIRONMENT_VARIABLE, name, "letters, digits and '_', no digit first", "for example `HF_TOKEN`")


def key_vault_secret(value: str) -> str:
    """A version of a Key Vault secret, by its address."""
    hint = "`az keyvault secret show --vault-name VAULT --name NAME --query id` shows it"
    rule = "the address of one version of a secret: https://VAULT.vault.azure.net/secrets/NAME/VERSION"
    return _matching(KEY_VAULT_SECRET, value, rule, hint)


def identity_id(value: str) -> str:
    """A user-assigned identity, by its resource id."""
    rule = (
        "the id of an identity: "
        "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME"
    )
    return _matching(IDENTITY, value, rule, "`az identity list --query [].id` shows yours")


def model_id(value: str) -> str:
    """A Hub id `org/name` (or `name`), or a model of an Azure ML registry by version or label."""
    if value.startswith("azureml:"):
        rule = "azureml://registries/REGISTRY/models/NAME/versions/N or …/labels/latest"
        return _matching(REGISTRY_MODEL, value, rule, f"for example `{REGISTRY_EXAMPLE}`")
    segments = value.split("/")
    rule = "a Hugging Face Hub id such as org/name, or azureml://registries/…"
    if len(segments) > 2 or "--" in value or ".." in value or value.endswith(".git"):
        raise RuleBroken(f"must be {rule}", AS_ON_THE_HUB)
    for segment in segments:
        _matching(HUB_SEGMENT, segment, rule, AS_ON_THE_HUB)
    return value


def is_registry_model(model: str) -> bool:
    """Whether the model is one of an Azure ML registry, which carries its own container."""
    return model.startswith("azureml://registries/")


def catalog_name(model: str) -> str:
    """The catalogue's name for a Hub id: `/` and `_` become `-`, in lower case, as the HuggingFace registry does."""
    return re.sub(r"[/_]", "-", model).lower()


def _matching(pattern: re.Pattern[str], value: str, rule: str, hint: str) -> str:
    if not pattern.fullmatch(value):
        raise RuleBroken(f"must be {rule}", hint)
    return value


def _near(name: str, *, most: int = 32) -> str:
    """A name like the wrong one that every rule here accepts."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:most].rstrip("-")
    return f"for example `{text if len(text) >= 3 else 'my-model'}`"


StackName = Annotated[str, following(stack_name)]
EndpointName = Annotated[str, following(endpoint_name)]
SubscriptionId = Annotated[str, following(subscription_id)]
ResourceGroupName = Annotated[str, following(resource_group)]
WorkspaceName = Annotated[str, following(workspace_name)]
AssetName = Annotated[str, following(asset_name)]
AssetVersion = Annotated[str, following(asset_version)]
VmSize = Annotated[str, following(vm_size)]
VariableName = Annotated[str, following(environment_variable)]
IdentityId = Annotated[str, following(identity_id)]
KeyVaultSecret = Annotated[str, following(key_vault_secret)]
ModelId = Annotated[str, following(model_id)]
