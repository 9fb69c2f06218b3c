"""What a person writes: one strict, frozen model of the YAML spec. `spec_file` reads it from disk."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, field_validator, model_validator

from infra.engine_arguments import unknown_argument
from infra.names import (
    AssetName,
    AssetVersion,
    EndpointName,
    IdentityId,
    KeyVaultSecret,
    ModelId,
    ResourceGroupName,
    RuleBroken,
    StackName,
    SubscriptionId,
    VariableName,
    VmSize,
    WorkspaceName,
    is_registry_model,
)
from infra.tag_rules import Tags, resource_tags, spec_tags

INVISIBLE_UNTIL = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)
VARIABLES_OF_OURS = ("SCORING_MODEL", "SCORING_REVISION", "SCORING_SERVED_MODEL_NAME", "SCORING_ENGINE_ARGS")
PLATFORM_VARIABLES = ("AZUREML_", "AML_", "MSI_", "IDENTITY_", "GATELIFT_")
ENGINE_ARGUMENTS_OF_OURS = {
    "model": "model.id",
    "revision": "model.revision",
    "served_model_name": "model.served_name",
    "hf_token": "token",
    "api_key": "endpoint.auth_mode",
}


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise RuleBroken("must be a whole number", "for example `1`")
    return value


Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=1)]
DEFAULTS: Any = Field(default={}, validate_default=True)  # an instance would be built now, and its class's schema twice


class Written(BaseModel):
    """Base of everything a person writes: an unknown key is a typo, so it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # a third of the import


class ModelSpec(Written):
    """Which model, at which commit."""

    id: ModelId = Field(description="Hub id `org/name`, or `azureml://registries/…/models/…`")
    revision: str | None = Field(
        default=None, min_length=1, description="Commit, branch or tag; resolved to a commit and pinned"
    )
    served_name: str | None = Field(
        default=None, min_length=1, description="Name that clients use; the Hub id by default"
    )


class WorkspaceSpec(Written):
    """Where on Azure."""

    subscription_id: SubscriptionId = Field(description="GUID; `${AZURE_SUBSCRIPTION_ID}` reads the environment")
    resource_group: ResourceGroupName
    name: WorkspaceName
    location: str | None = Field(default=None, description="Region; the workspace's own when left out")


class IdentitySpec(Written):
    """Whose rights the endpoint has."""

    type: Literal["system_assigned", "user_assigned"] = "system_assigned"
    user_assigned_identities: tuple[IdentityId, ...] = Field(default=(), description="The identity's resource id")

    @model_validator(mode="after")
    def _ids_fit_the_type(self) -> IdentitySpec:
        if (self.type == "user_assigned") != bool(self.user_assigned_identities):
            raise RuleBroken(
                "user_assigned needs user_assigned_identities, and only user_assigned has them",
                "`type: user_assigned` with the resource id, or leave identity out",
            )
        if len(self.user_assigned_identities) > 1:
            raise RuleBroken("an endpoint has one user-assigned identity, not several", "take the others out")
        return self


class EndpointSpec(Written):
    """The endpoint: its name is unique in the whole region, so choose one that is yours."""

    name: EndpointName
    auth_mode: Literal["key", "aml_token", "aad_token"] = "key"
    identity: IdentitySpec = DEFAULTS
    public_network_access: Literal["enabled", "disabled"] = "enabled"
    enforce_access_to_default_secret_stores: Literal["enabled", "disabled"] | None = Field(
        default=None,
        description="`enabled` by default, so that Azure lets the endpoint read the token; system-assigned only",
    )
    description: str | None = None
    tags: Tags = {}

    @model_validator(mode="after")
    def _flag_needs_system_identity(self) -> EndpointSpec:
        if self.identity.type == "user_assigned" and self.enforce_access_to_default_secret_stores:
            raise RuleBroken(
                "enforce_access_to_default_secret_stores is not allowed with a user-assigned identity",
                "take it out: `gatelift up` gives that identity the right to read the token by a role assignment",
            )
        return self

    @field_validator("tags")
    @classmethod
    def _tags(cls, tags: Tags) -> Tags:
        return resource_tags(tags)


class RequestSettingsSpec(Written):
    """How the front end treats requests."""

    request_timeout_ms: int = Field(default=180_000, ge=1, le=180_000)
    max_concurrent_requests_per_instance: Count | None = Field(
        default=None, description="`engine.max_num_seqs`, else 64, when left out"
    )


class ProbeSpec(Written):
    """How Azure asks the container; seconds and counts."""

    initial_delay: Count | None = None
    period: Count | None = None
    timeout: Count | None = None
    success_threshold: Count | None = None
    failure_threshold: Count | None = None


class DeploymentSpec(Written):
    """The machines and what runs on them."""

    name: EndpointName = "blue"
    instance_type: VmSize = Field(description="Azure VM size, e.g. `Standard_NC24ads_A100_v4`")
    instance_count: Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=50)] = 1
    keep_previous: bool = Field(
        default=True,
        description="When another instance_type or name takes over: keep the old deployment at 0 % for `rollback`",
    )
    engine: dict[str, JsonValue] = Field(
        default={}, description="Any vLLM argument by its own name, e.g. `max_model_len: 4096`"
    )
    environment_variables: dict[VariableName, str] = Field(default={}, description="Plain values only, no secrets")
    request_settings: RequestSettingsSpec = DEFAULTS
    liveness_probe: ProbeSpec = DEFAULTS
    readiness_probe: ProbeSpec = DEFAULTS
    tags: Tags = {}

    @field_validator("engine")
    @classmethod
    def _engine(cls, engine: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return _vllm_names(engine)

    @field_validator("environment_variables")
    @classmethod
    def _variables(cls, variables: dict[str, str]) -> dict[str, str]:
        for name in variables:
            if name in VARIABLES_OF_OURS:
                raise RuleBroken(f"{name} is set by gatelift from model and engine", "take it out")
            if name.startswith(PLATFORM_VARIABLES):
                hint = f"take it out: names that begin with {', '.join(PLATFORM_VARIABLES)} are not the spec's"
                raise RuleBroken(f"{name} is set by the platform or by gatelift", hint)
        return variables

    @field_validator("tags")
    @classmethod
    def _tags(cls, tags: Tags) -> Tags:
        return resource_tags(tags)


class TokenSpec(Written):
    """Where the Hub token lies: in a workspace connection under a key, or in Key Vault."""

    connection: WorkspaceName = "HuggingFaceTokenConnection"
    key: VariableName = "HF_TOKEN"
    key_vault: KeyVaultSecret | None = Field(
        default=None, description="Instead of a connection: the address of one version of a Key Vault secret"
    )

    @model_validator(mode="after")
    def _one_place(self) -> TokenSpec:
        if self.key_vault and self.model_fields_set & {"connection", "key"}:
            raise RuleBroken("the token lies in a connection or in Key Vault, not in both", "take one of them out")
        return self


class CatalogSpec(Written):
    """How the model appears in the workspace's catalogue."""

    name: AssetName | None = Field(default=None, description="From the Hub id when left out")
    version: AssetVersion | None = Field(default=None, description="From the content when left out")
    description: str | None = None
    tags: Tags = {}
    invisible_until: str | None = Field(
        default=None,
        description="Hidden before this moment: exactly `YYYY-MM-DDTHH:MM:SS.mmmZ`, UTC",
        pattern=f"^{INVISIBLE_UNTIL}$",
    )

    @field_validator("tags")
    @classmethod
    def _tags(cls, tags: Tags) -> Tags:
        if "invisibleUntil" in tags:
            raise RuleBroken(
                "invisibleUntil is written as catalog.invisible_until", "move it there: `invisible_until: <moment>`"
            )
        return spec_tags(tags)

    @field_validator("invisible_until")
    @classmethod
    def _a_day_that_exists(cls, moment: str | None) -> str | None:
        if moment is not None:
            datetime.fromisoformat(moment)
        return moment


class LocalSpec(Written):
    """What is different on this machine (`--local`), and only there."""

    engine: dict[str, JsonValue] = Field(default={}, description="vLLM arguments laid over `deployment.engine`")

    @field_validator("engine")
    @classmethod
    def _engine(cls, engine: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return _vllm_names(engine)


class StackSpec(Written):
    """One model on one endpoint."""

    name: StackName
    model: ModelSpec
    workspace: WorkspaceSpec
    endpoint: EndpointSpec
    deployment: DeploymentSpec
    token: TokenSpec | None = Field(
        default=None, description="Left out: HuggingFaceTokenConnection, if the model needs a token"
    )
    catalog: CatalogSpec | None = Field(default=None, description="Left out: no entry in the catalogue")
    local: LocalSpec = DEFAULTS

    @model_validator(mode="after")
    def _registry_models_bring_their_container(self) -> StackSpec:
        if is_registry_model(self.model.id) and (self.deployment.engine or self.model.revision or self.catalog):
            raise RuleBroken(
                "a registry model brings its own container: no engine, no revision, no catalog beside it",
                "take them out, or name the model by its Hub id",
            )
        return self

    def for_this_machine(self) -> StackSpec:
        """The spec with its `local` part laid over the rest."""
        deployment = self.deployment.model_copy(update={"engine": {**self.deployment.engine, **self.local.engine}})
        return self.model_copy(update={"deployment": deployment})


def spec_json_schema() -> dict[str, Any]:
    """The JSON schema of the spec, for editors."""
    schema = StackSpec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "gatelift spec"}


def _vllm_names(engine: dict[str, JsonValue]) -> dict[str, JsonValue]:
    names = [key.removeprefix("--").replace("-", "_") for key in engine]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RuleBroken(f"{twice} stands here twice, in two spellings", "keep one of the two")
    named = dict(zip(names, engine.values(), strict=True))
    for key, field in ENGINE_ARGUMENTS_OF_OURS.items():
        if key in named:
            raise RuleBroken(f"{key} is set through {field}", f"write it there and take `{key}` out")
    if unknown := unknown_argument(named):
        raise RuleBroken(f"vLLM knows no argument {unknown[0]!r}", unknown[1])
    return named
