"""What a person writes: one strict, frozen Struct of the YAML spec. `spec_file` reads it from disk."""

from collections.abc import Collection
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta, field

from infra.spec.check import Written, read_as
from infra.spec.names import (
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
from infra.spec.rules import EngineArguments, Moment, Variables
from infra.spec.tags import CatalogTags, ResourceTags

Count = Annotated[int, Meta(ge=1)]
NotEmpty = Annotated[str, Meta(min_length=1)]
Switch = Literal["enabled", "disabled"]


class ModelSpec(Written, frozen=True, kw_only=True):
    """Which model, at which commit."""

    id: Annotated[ModelId, Meta(description="Hub id `org/name`, or `azureml://registries/…/models/…`")]
    revision: Annotated[NotEmpty | None, Meta(description="Commit, branch or tag; resolved to a commit and pinned")] = (
        None
    )
    served_name: Annotated[NotEmpty | None, Meta(description="Name that clients use; the Hub id by default")] = None


class WorkspaceSpec(Written, frozen=True, kw_only=True):
    """Where on Azure."""

    subscription_id: Annotated[
        SubscriptionId, Meta(description="GUID; `${AZURE_SUBSCRIPTION_ID}` reads the environment")
    ]
    resource_group: ResourceGroupName
    name: WorkspaceName
    location: Annotated[str | None, Meta(description="Region; the workspace's own when left out")] = None


class IdentitySpec(Written, frozen=True, kw_only=True):
    """Whose rights the endpoint has."""

    type: Literal["system_assigned", "user_assigned"] = "system_assigned"
    user_assigned_identities: Annotated[tuple[IdentityId, ...], Meta(description="The identity's resource id")] = ()

    def check(self, written: Collection[str]) -> None:
        """The ids fit the type."""
        if (self.type == "user_assigned") != bool(self.user_assigned_identities):
            raise RuleBroken(
                "user_assigned needs user_assigned_identities, and only user_assigned has them",
                "`type: user_assigned` with the resource id, or leave identity out",
            )
        if len(self.user_assigned_identities) > 1:
            raise RuleBroken("an endpoint has one user-assigned identity, not several", "take the others out")


class EndpointSpec(Written, frozen=True, kw_only=True):
    """The endpoint: its name is unique in the whole region, so choose one that is yours."""

    name: EndpointName
    auth_mode: Literal["key", "aml_token", "aad_token"] = "key"
    identity: IdentitySpec = IdentitySpec()
    public_network_access: Switch = "enabled"
    enforce_access_to_default_secret_stores: Annotated[
        Switch | None,
        Meta(description="`enabled` by default, so that Azure lets the endpoint read the token; system-assigned only"),
    ] = None
    description: str | None = None
    tags: ResourceTags = field(default_factory=dict)

    def check(self, written: Collection[str]) -> None:
        """The flag needs a system-assigned identity."""
        if self.identity.type == "user_assigned" and self.enforce_access_to_default_secret_stores:
            raise RuleBroken(
                "enforce_access_to_default_secret_stores is not allowed with a user-assigned identity",
                "take it out: `gatelift up` gives that identity the right to read the token by a role assignment",
            )


class RequestSettingsSpec(Written, frozen=True, kw_only=True):
    """How the front end treats requests."""

    request_timeout_ms: Annotated[int, Meta(ge=1, le=180_000)] = 180_000
    max_concurrent_requests_per_instance: Annotated[
        Count | None, Meta(description="`engine.max_num_seqs`, else 64, when left out")
    ] = None


class ProbeSpec(Written, frozen=True, kw_only=True):
    """How Azure asks the container; seconds and counts."""

    initial_delay: Count | None = None
    period: Count | None = None
    timeout: Count | None = None
    success_threshold: Count | None = None
    failure_threshold: Count | None = None


class DeploymentSpec(Written, frozen=True, kw_only=True):
    """The machines and what runs on them."""

    name: EndpointName = "blue"
    instance_type: Annotated[VmSize, Meta(description="Azure VM size, e.g. `Standard_NC24ads_A100_v4`")]
    instance_count: Annotated[int, Meta(ge=1, le=50)] = 1
    keep_previous: Annotated[
        bool,
        Meta(
            description="When another instance_type or name takes over: keep the old deployment at 0 % for `rollback`"
        ),
    ] = True
    engine: Annotated[
        EngineArguments, Meta(description="Any vLLM argument by its own name, e.g. `max_model_len: 4096`")
    ] = field(default_factory=dict)
    environment_variables: Annotated[Variables, Meta(description="Plain values only, no secrets")] = field(
        default_factory=dict
    )
    request_settings: RequestSettingsSpec = RequestSettingsSpec()
    liveness_probe: ProbeSpec = ProbeSpec()
    readiness_probe: ProbeSpec = ProbeSpec()
    tags: ResourceTags = field(default_factory=dict)


class TokenSpec(Written, frozen=True, kw_only=True):
    """Where the Hub token lies: in a workspace connection under a key, or in Key Vault."""

    connection: WorkspaceName = "HuggingFaceTokenConnection"
    key: VariableName = "HF_TOKEN"
    key_vault: Annotated[
        KeyVaultSecret | None,
        Meta(description="Instead of a connection: the address of one version of a Key Vault secret"),
    ] = None

    def check(self, written: Collection[str]) -> None:
        """The token lies in one place."""
        if self.key_vault and not {"connection", "key"}.isdisjoint(written):
            raise RuleBroken("the token lies in a connection or in Key Vault, not in both", "take one of them out")


class CatalogSpec(Written, frozen=True, kw_only=True):
    """How the model appears in the workspace's catalogue."""

    name: Annotated[AssetName | None, Meta(description="From the Hub id when left out")] = None
    version: Annotated[AssetVersion | None, Meta(description="From the content when left out")] = None
    description: str | None = None
    tags: CatalogTags = field(default_factory=dict)
    invisible_until: Annotated[
        Moment | None, Meta(description="Hidden before this moment: exactly `YYYY-MM-DDTHH:MM:SS.mmmZ`, UTC")
    ] = None


class LocalSpec(Written, frozen=True, kw_only=True):
    """What is different on this machine (`--local`), and only there."""

    engine: Annotated[EngineArguments, Meta(description="vLLM arguments laid over `deployment.engine`")] = field(
        default_factory=dict
    )


class StackSpec(Written, frozen=True, kw_only=True):
    """One model on one endpoint."""

    name: StackName
    model: ModelSpec
    workspace: WorkspaceSpec
    endpoint: EndpointSpec
    deployment: DeploymentSpec
    token: Annotated[
        TokenSpec | None, Meta(description="Left out: HuggingFaceTokenConnection, if the model needs a token")
    ] = None
    catalog: Annotated[CatalogSpec | None, Meta(description="Left out: no entry in the catalogue")] = None
    local: LocalSpec = LocalSpec()

    def check(self, written: Collection[str]) -> None:
        """A registry's model brings its container."""
        if is_registry_model(self.model.id) and (self.deployment.engine or self.model.revision or self.catalog):
            raise RuleBroken(
                "a registry model brings its own container: no engine, no revision, no catalog beside it",
                "take them out, or name the model by its Hub id",
            )

    def for_this_machine(self) -> Self:
        """The spec with its `local` part laid over the rest."""
        return self.but(deployment=self.deployment.but(engine={**self.deployment.engine, **self.local.engine}))


def spec_from(values: Any) -> StackSpec:
    """The spec that these values say; raises `spec_check.Mistakes` with all that is wrong with them."""
    return read_as(StackSpec, values)


def to_values(spec: Written) -> dict[str, Any]:
    """The values that say this, without those that say what would be so anyway."""
    values: dict[str, Any] = msgspec.to_builtins(spec)
    return values


def spec_json_schema() -> dict[str, Any]:
    """The JSON schema of the spec, for editors."""
    _, parts = msgspec.json.schema_components([StackSpec])
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **parts.pop("StackSpec"), "$defs": parts}
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({**whole, "title": "gatelift spec"}))
    return schema
