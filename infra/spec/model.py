"""The fields of the YAML spec, as frozen Structs; `infra.spec.file` reads a spec from disk."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta, field

from infra.spec.check import Written, read_as
from infra.spec.deployment import DeploymentSpec
from infra.spec.model_source import SOURCES, ModelSpec
from infra.spec.names import (
    AssetName,
    AssetVersion,
    EndpointName,
    IdentityId,
    ImageName,
    KeyVaultSecret,
    PinnedImage,
    RegistryName,
    ResourceGroupName,
    RuleBroken,
    RulesBroken,
    StackName,
    SubscriptionId,
    VariableName,
    WorkspaceName,
)
from infra.spec.rollout import RolloutSpec
from infra.spec.rules import EngineArguments, Moment
from infra.spec.tags import CatalogTags, ResourceTags

NotEmpty = Annotated[str, Meta(min_length=1)]
Switch = Literal["enabled", "disabled"]


class WorkspaceSpec(Written, frozen=True, kw_only=True):
    """The Azure Machine Learning workspace."""

    subscription_id: Annotated[
        SubscriptionId, Meta(description="A GUID; `${AZURE_SUBSCRIPTION_ID}` takes it from the environment")
    ]
    resource_group: ResourceGroupName
    name: WorkspaceName
    location: Annotated[
        str | None, Meta(description="Region of the workspace in the emulator; on Azure, its own region is used")
    ] = None


class IdentitySpec(Written, frozen=True, kw_only=True):
    """The identity under which the endpoint runs."""

    type: Literal["system_assigned", "user_assigned"] = "system_assigned"
    user_assigned_identities: Annotated[
        tuple[IdentityId, ...], Meta(description="Resource id of the identity; only one is allowed")
    ] = ()

    def check(self, written: Collection[str]) -> None:
        """User-assigned identities are given exactly if the type says so, and there is at most one."""
        if (self.type == "user_assigned") != bool(self.user_assigned_identities):
            raise RuleBroken(
                "`type: user_assigned` and `user_assigned_identities` go together, and one of them is missing",
                "write both, or leave `identity` out for a system-assigned identity",
            )
        if len(self.user_assigned_identities) > 1:
            raise RuleBroken("an endpoint can have only one user-assigned identity", "delete the others")


class EndpointSpec(Written, frozen=True, kw_only=True):
    """The endpoint; its name must be unique in the Azure region, among all customers."""

    name: EndpointName
    auth_mode: Literal["key", "aml_token", "aad_token"] = "key"
    identity: IdentitySpec = IdentitySpec()
    public_network_access: Switch = "enabled"
    enforce_access_to_default_secret_stores: Annotated[
        Switch | None,
        Meta(description="Lets the endpoint read the token; `enabled` by default, only for a system-assigned identity"),
    ] = None
    description: str | None = None
    tags: ResourceTags = field(default_factory=dict)

    def check(self, written: Collection[str]) -> None:
        """`enforce_access_to_default_secret_stores` needs a system-assigned identity."""
        if self.identity.type == "user_assigned" and self.enforce_access_to_default_secret_stores:
            raise RuleBroken(
                "enforce_access_to_default_secret_stores is not allowed with a user-assigned identity",
                "delete it: `gatelift up` lets that identity read the token through a role assignment",
            )


class TokenSpec(Written, frozen=True, kw_only=True):
    """Where the Hub token is stored: in a workspace connection under a key, or in Key Vault."""

    connection: WorkspaceName = "HuggingFaceTokenConnection"
    key: VariableName = "HF_TOKEN"
    key_vault: Annotated[
        KeyVaultSecret | None,
        Meta(description="URL of one version of a Key Vault secret, instead of a connection"),
    ] = None

    def check(self, written: Collection[str]) -> None:
        """The token is stored in one place only."""
        if self.key_vault and not {"connection", "key"}.isdisjoint(written):
            raise RuleBroken(
                "the token is stored either in a connection or in Key Vault, not in both", "delete one of them"
            )


class BuildSpec(Written, frozen=True, kw_only=True):
    """How the container's image is built in the workspace's registry."""

    base: Annotated[
        ImageName | None,
        Meta(description="Image of vLLM to build on, e.g. one for another CUDA; gatelift's own pin by default"),
    ] = None


class EnvironmentSpec(Written, frozen=True, kw_only=True):
    """The container's image: a ready one, or one that is built; `build: {}` by default."""

    image: Annotated[
        PinnedImage | None,
        Meta(description="Ready image of `gatelift image build`, by its digest: `REGISTRY/NAME@sha256:…`"),
    ] = None
    build: BuildSpec | None = None

    def check(self, written: Collection[str]) -> None:
        """Exactly one of the two is given."""
        if bool(self.image) == (self.build is not None):
            raise RuleBroken(
                "environment has either `image` or `build`" + (", not both" if self.image else ""),
                "`image: REGISTRY/NAME@sha256:…` names a ready one; `build: {}` builds it in the workspace's registry",
            )


class CatalogSpec(Written, frozen=True, kw_only=True):
    """The model's entry in the catalog: of the workspace, or of a registry."""

    registry: Annotated[
        RegistryName | None,
        Meta(description="Publish into this Azure ML registry: its name in the workspace's subscription, or its id"),
    ] = None
    name: Annotated[AssetName | None, Meta(description="Derived from the model by default")] = None
    version: Annotated[AssetVersion | None, Meta(description="Hash of the model card by default")] = None
    description: str | None = None
    tags: CatalogTags = field(default_factory=dict)
    invisible_until: Annotated[
        Moment | None,
        Meta(description="Time until which the entry is hidden: exactly `YYYY-MM-DDTHH:MM:SS.mmmZ`, in UTC"),
    ] = None


class LocalSpec(Written, frozen=True, kw_only=True):
    """Settings for the emulator only (`--local`)."""

    engine: Annotated[
        EngineArguments, Meta(description="vLLM arguments that replace or add to those in `deployment.engine`")
    ] = field(default_factory=dict)
    model: Annotated[
        ModelSpec | None,
        Meta(description="The model on this machine, instead of `model`: such as a folder that is here"),
    ] = None


class StackSpec(Written, frozen=True, kw_only=True):
    """One stack: a model on an endpoint."""

    name: StackName
    model: ModelSpec
    workspace: WorkspaceSpec
    cloud: Annotated[
        Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] | None,
        Meta(description="Azure's cloud; by default that of AZURE_CLOUD or `az cloud set`, else the public one"),
    ] = None
    endpoint: EndpointSpec
    deployment: DeploymentSpec
    rollout: Annotated[
        RolloutSpec | None, Meta(description="How requests move to a new deployment; all at once by default")
    ] = None
    token: Annotated[
        TokenSpec | None, Meta(description="By default HuggingFaceTokenConnection, if the model needs a token")
    ] = None
    environment: Annotated[
        EnvironmentSpec, Meta(description="The container's image; built in the workspace's registry by default")
    ] = EnvironmentSpec(build=BuildSpec())
    catalog: Annotated[CatalogSpec | None, Meta(description="No entry in the catalog by default")] = None
    take_over: Annotated[
        bool,
        Meta(description="Make the connection and the catalog entry the stack's own even if another stack made them"),
    ] = False
    local: LocalSpec = LocalSpec()

    def check(self, written: Collection[str]) -> None:
        """A registry model comes with its own container, so that some fields do not apply."""
        others = (self.deployment.engine, self.model.revision, self.catalog, "environment" in written)
        if self.model.brings_container and any(others):
            raise RuleBroken(
                "a registry model comes with its own container: engine, revision, catalog and environment cannot be "
                "set",
                "delete them, or give the model's Hub id in model.id",
            )

        if self.model.adapters:
            _refuse_own_adapters(self.deployment.engine, "deployment")
        if (self.local.model or self.model).adapters:
            _refuse_own_adapters(self.local.engine, "local")

    def for_this_machine(self) -> Self:
        """The spec with `local.engine` applied to `deployment.engine`, and with `local.model` in place of `model`."""
        engine = {**self.deployment.engine, **self.local.engine}
        return self.but(deployment=self.deployment.but(engine=engine), model=self.local.model or self.model)

    def load_format(self, *, local: bool = False) -> str:
        """How vLLM is told to read weights, which decides about the files that it needs."""
        engine = {**self.deployment.engine, **(self.local.engine if local else {})}
        return str(engine.get("load_format") or "auto")

    def in_folder(self, folder: Path) -> Self:
        """The spec with the paths of models, which are written relative to the spec's folder, as absolute ones."""
        local = self.local.model and self.local.but(model=self.local.model.in_folder(folder))
        return self.but(model=self.model.in_folder(folder), local=local or self.local)


def _refuse_own_adapters(engine: Mapping[str, Any], section: str) -> None:
    """Raise where vLLM's arguments name adapters beside those of the spec: only one of the two lists would count."""
    for name in ("lora_modules", "enable_lora"):
        if name in engine:
            message = f"engine.{name} is set through model.adapters"
            raise RulesBroken({section: RuleBroken(message, f"delete `{name}`, and name its adapters there")})


def spec_from(values: Any) -> StackSpec:
    """The spec with these values; raises `infra.spec.check.Mistakes` with all mistakes in them."""
    return read_as(StackSpec, values)


def to_values(spec: Written) -> dict[str, Any]:
    """The spec as plain values, without fields that have their default."""
    values: dict[str, Any] = msgspec.to_builtins(spec)
    return values


def spec_json_schema() -> dict[str, Any]:
    """The JSON schema of the spec, for editors."""
    _, parts = msgspec.json.schema_components([StackSpec])
    for name in ("ModelSpec", "AdapterSpec"):
        parts[name]["anyOf"] = [{"required": [source]} for source in SOURCES]
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **parts.pop("StackSpec"), "$defs": parts}
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({**whole, "title": "gatelift spec"}))
    return schema
