"""Azure's and the Hub's rules for names; each checker returns the name or raises `RuleBroken` with the rule.

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
# The resource id or the address of a project of the newer kind; one that belongs to a hub is a workspace.
FOUNDRY_PROJECT = re.compile(r"(?i)microsoft\.cognitiveservices|services\.ai\.azure\.com")
RESOURCE_GROUP = re.compile(r"[-\w._()]{1,89}[-\w_()]")
LONGEST_NAME = 240  # characters of a name that is derived; Azure takes 255
ASSET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}")
VERSION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,29}")
STACK = re.compile(r"[a-z]([a-z0-9]|-(?!-)){0,30}[a-z0-9]")
VM_SIZE = re.compile(r"(?i:standard)_[A-Za-z]+[0-9]+[A-Za-z0-9_-]*")
HUB_SEGMENT = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
REGISTRY_ID = re.compile(
    rf"/subscriptions/{GUID.pattern}/resourceGroups/[-\w._()]{{1,90}}"
    rf"/providers/Microsoft\.MachineLearningServices/registries/{CONNECTION.pattern}",
    re.IGNORECASE,
)
REGISTRY_MODEL = re.compile(r"azureml://registries/[^/]+/models/[^/]+/(versions/[^/]+|labels/latest)")
WORKSPACE_MODEL = re.compile(r"azureml:[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}(:[a-zA-Z0-9][a-zA-Z0-9._-]{0,29}|@latest)")
ADAPTER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/:-]{0,95}")
KEY_VAULT_SECRET = re.compile(
    r"https://[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]\.vault\.[a-z.]+/secrets/[a-zA-Z0-9-]{1,127}/[0-9a-f]{32}"
)
IDENTITY = re.compile(
    rf"/subscriptions/{GUID.pattern}/resourceGroups/[-\w._()]{{1,90}}"
    r"/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[a-z0-9][a-z0-9_-]{2,127}",
    re.IGNORECASE,
)
# [HOST[:PORT]/]PATH[:TAG][@DIGEST], as https://github.com/distribution/reference has it
HOST = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*(:\d{1,5})?"
PART = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?P<name>((?P<host>{HOST})/)?{PART}(/{PART})*)(:(?P<tag>\w[\w.-]{{0,127}}))?"
    r"(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
THIS_MACHINE = re.compile(r"(localhost|127\.[\d.]+)(:\d+)?")
ENVIRONMENT_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RuleBroken(ValueError):
    """Raised for a value that breaks a rule of the spec; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class RulesBroken(ValueError):
    """Several rules broken at once, each at a key of a mapping."""

    def __init__(self, broken: dict[str, RuleBroken]) -> None:
        super().__init__("; ".join(f"{key}: {one}" for key, one in broken.items()))
        self.broken = broken


def checked_by(rule: Callable[[Any], Any]) -> Meta:
    """An `Annotated` marker for a field: `rule` returns the value, normalized, or raises `RuleBroken`."""
    return Meta(extra={"rule": rule})


def stack_name(name: str) -> str:
    """Stack names: like an Azure endpoint's, but in lower case, since they become part of tags."""
    return _match(
        STACK, name, "2 to 32 lower-case letters, digits and single hyphens, a letter first", _suggestion(name)
    )


def endpoint_name(name: str) -> str:
    """Endpoint names: 3 to 32 characters, unique in the region among all customers."""
    rule = "3 to 32 letters, digits and single hyphens, a letter first, no hyphen last"
    if not 3 <= len(name) <= 32:
        raise RuleBroken(f"must be {rule}; this has {len(name)}", _suggestion(name))
    return _match(ENDPOINT, name, rule, _suggestion(name))


def subscription_id(value: str) -> str:
    """Subscription ids are GUIDs."""
    return _match(
        GUID, value, "a GUID such as 00000000-0000-0000-0000-000000000001", "`az account show --query id` shows yours"
    )


def resource_group(name: str) -> str:
    """Resource groups: 1 to 90 characters, not ending in a full stop."""
    if len(name) == 1 and re.fullmatch(r"[\w()-]", name):
        return name
    rule = "1 to 90 letters, digits, '-', '_', '.', '(' or ')', no full stop last"
    return _match(RESOURCE_GROUP, name, rule, "`az group list --query [].name` shows yours")


def workspace_name(name: str) -> str:
    """Names of workspaces and of connections, which follow the same pattern."""
    rule = "3 to 33 letters, digits, '_' and '-', a letter or digit first"
    if FOUNDRY_PROJECT.search(name):
        raise RuleBroken(
            f"{name!r} is a project of Microsoft Foundry, which has no managed online endpoints",
            "name an Azure ML workspace, or a project that belongs to a hub: `az ml workspace list` shows yours",
        )
    return _match(CONNECTION, name, rule, _suggestion(name, most=33))


def asset_name(name: str) -> str:
    """Names of models, environments and code: 1 to 255 characters."""
    return _match(
        ASSET, name, "1 to 255 letters, digits, '.', '_' and '-', a letter or digit first", _suggestion(name, most=255)
    )


def asset_version(version: str) -> str:
    """Versions of assets: 1 to 30 characters."""
    return _match(
        VERSION, version, "1 to 30 letters, digits, '.', '_' and '-', a letter or digit first", "for example `1`"
    )


def vm_size(name: str) -> str:
    """VM sizes as Azure spells them."""
    hint = "sizes for online endpoints: https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list"
    return _match(VM_SIZE, name, "an Azure VM size such as Standard_NC24ads_A100_v4", hint)


def environment_variable(name: str) -> str:
    """Names of environment variables."""
    return _match(ENVIRONMENT_VARIABLE, name, "letters, digits and '_', no digit first", "for example `HF_TOKEN`")


def key_vault_secret(value: str) -> str:
    """The URL of one version of a Key Vault secret."""
    hint = "`az keyvault secret show --vault-name VAULT --name NAME --query id` shows it"
    rule = "the URL of one version of a secret: https://VAULT.vault.azure.net/secrets/NAME/VERSION"
    return _match(KEY_VAULT_SECRET, value, rule, hint)


def identity_id(value: str) -> str:
    """The resource id of a user-assigned identity."""
    rule = (
        "the resource id of an identity: "
        "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME"
    )
    return _match(IDENTITY, value, rule, "`az identity list --query [].id` shows yours")


def registry_name(value: str) -> str:
    """The name of an Azure ML registry, or its resource id."""
    hint = "`az ml registry list` shows yours; one of another subscription is given by its resource id"
    rule = (
        "the name of a registry (3 to 33 letters, digits, '-' and '_'), or "
        "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.MachineLearningServices/registries/NAME"
    )
    return _match(REGISTRY_ID if value.startswith("/") else CONNECTION, value, rule, hint)


def model_id(value: str) -> str:
    """A Hub id `org/name` (or `name`), or a registry model by version or label."""
    if value.startswith("azureml:"):
        rule = "azureml://registries/REGISTRY/models/NAME/versions/N or …/labels/latest"
        return _match(REGISTRY_MODEL, value, rule, f"for example `{REGISTRY_EXAMPLE}`")
    segments = value.split("/")
    rule = "a Hugging Face Hub id such as org/name, or azureml://registries/…"
    if len(segments) > 2 or "--" in value or ".." in value or value.endswith(".git"):
        raise RuleBroken(f"must be {rule}", AS_ON_THE_HUB)
    for segment in segments:
        _match(HUB_SEGMENT, segment, rule, AS_ON_THE_HUB)
    return value


def model_asset(value: str) -> str:
    """A model asset whose files are weights: of the workspace, or of a registry."""
    rule = "azureml:NAME:VERSION, azureml:NAME@latest or azureml://registries/REGISTRY/models/NAME/versions/N"
    pattern = REGISTRY_MODEL if value.startswith("azureml://") else WORKSPACE_MODEL
    return _match(pattern, value, rule, "`az ml model list` shows those of your workspace")


def adapter_name(value: str) -> str:
    """A model name that requests may have in `model`."""
    return _match(ADAPTER, value, "1 to 96 letters, digits, '.', '_', '/', ':' and '-'", _suggestion(value))


def is_registry_model(model: str) -> bool:
    """Whether the model is in an Azure ML registry; such a model comes with its own container."""
    return model.startswith("azureml://registries/")


def catalog_name(model: str) -> str:
    """The catalog name for a Hub id or a folder's name: in lower case, `-` for `/`, `_` and what Azure does not take.

    Azure's HuggingFace registry has it so.
    """
    name = re.sub(r"[^a-z0-9.-]+", "-", re.sub(r"[/_]", "-", model).lower())
    return name.strip("-.")[:LONGEST_NAME] or "model"


def image(value: str) -> str:
    """References of container images, with a tag or a digest, since `latest` means another image every day."""
    rule = "an image with its tag or digest, `REGISTRY/NAME:TAG` or `REGISTRY/NAME@sha256:…`"
    _check_image_form(value)
    match = IMAGE.fullmatch(value)
    if not match or not (match["tag"] or match["digest"]):
        raise RuleBroken(f"must be {rule}", "for example `vllm/vllm-openai:v0.33.0`")
    return value


def pinned_image(value: str) -> str:
    """References of container images by digest: a tag may mean another image tomorrow, on a machine that restarts."""
    _check_image_form(value)
    match = IMAGE.fullmatch(value)
    if match and match["host"] and THIS_MACHINE.fullmatch(match["host"]):
        raise RuleBroken("is on this machine, where Azure cannot pull it", "push it to a registry that Azure reaches")
    if not match or not match["digest"]:
        name = match["name"] if match else "REGISTRY/NAME"
        raise RuleBroken(
            "must be an image by its digest, `REGISTRY/NAME@sha256:…`",
            f"`docker buildx imagetools inspect {value if match else 'IMAGE'}` shows the digest: write "
            f"`{name}@sha256:…`; `gatelift image build` prints it of what it has built",
        )
    return value


def image_repository(value: str) -> str:
    """Where images are pushed: a reference without tag and digest, which the image itself brings."""
    _check_image_form(value)
    match = IMAGE.fullmatch(value)
    if not match or match["tag"] or match["digest"]:
        raise RuleBroken("must be a repository without a tag or a digest, `REGISTRY/NAME`", "the tag is gatelift's own")
    return value


def _check_image_form(value: str) -> None:
    """Raise `RuleBroken` for what people write into references of images though no registry takes it."""
    if "://" in value:
        raise RuleBroken("must have no `https://` in front", f"write `{value.partition('://')[2]}`")
    name, at, _ = value.partition("@")
    if at and not DIGEST.search(value):
        hint = "copy the whole digest; `docker buildx imagetools inspect IMAGE` shows it"
        raise RuleBroken("must have a digest of `sha256:` and 64 hexadecimal digits in lower case", hint)
    head, slash, path = name.partition("/")
    repository = (path if slash else head).partition(":")[0]
    if repository != repository.lower():
        hint = f"write `{value.replace(repository, repository.lower(), 1)}`"
        raise RuleBroken("must have the repository in lower case, as registries have it", hint)


def _match(pattern: re.Pattern[str], value: str, rule: str, hint: str) -> str:
    if not pattern.fullmatch(value):
        raise RuleBroken(f"must be {rule}", hint)
    return value


def _suggestion(name: str, *, most: int = 32) -> str:
    """A hint with a valid name that is similar to the wrong one."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:most].rstrip("-")
    return f"for example `{text if len(text) >= 3 else 'my-model'}`"


StackName = Annotated[str, checked_by(stack_name)]
EndpointName = Annotated[str, checked_by(endpoint_name)]
SubscriptionId = Annotated[str, checked_by(subscription_id)]
ResourceGroupName = Annotated[str, checked_by(resource_group)]
WorkspaceName = Annotated[str, checked_by(workspace_name)]
RegistryName = Annotated[str, checked_by(registry_name)]
AssetName = Annotated[str, checked_by(asset_name)]
AssetVersion = Annotated[str, checked_by(asset_version)]
VmSize = Annotated[str, checked_by(vm_size)]
VariableName = Annotated[str, checked_by(environment_variable)]
IdentityId = Annotated[str, checked_by(identity_id)]
KeyVaultSecret = Annotated[str, checked_by(key_vault_secret)]
ImageName = Annotated[str, checked_by(image)]
PinnedImage = Annotated[str, checked_by(pinned_image)]
ModelId = Annotated[str, checked_by(model_id)]
ModelAsset = Annotated[str, checked_by(model_asset)]
AdapterName = Annotated[str, checked_by(adapter_name)]
