"""Derives from a spec the resources of its stack, and defines the order in which they are created."""

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from msgspec import Struct, field

from infra.hub.access import Hub
from infra.paths import bundled, cache_dir
from infra.planning.sources.found import Found
from infra.planning.token_access import token_spec
from infra.resources.base import Resource
from infra.resources.catalog_model import INVISIBLE_UNTIL, WEIGHTS, CatalogModel
from infra.resources.code_asset import CodeAsset
from infra.resources.connection import Connection
from infra.resources.deployment import Deployment, ServedModel
from infra.resources.endpoint import Endpoint
from infra.resources.environment import Environment
from infra.resources.identity_roles import ROLES, ImagesRole, StorageRole
from infra.resources.image import Image
from infra.resources.model_card import ModelCard
from infra.resources.scaling.setting import AutoscaleSetting
from infra.resources.traffic import Traffic
from infra.spec.autoscale import AutoscaleSpec
from infra.spec.model import CatalogSpec, EnvironmentSpec, StackSpec, TokenSpec
from infra.spec.names import catalog_name

# For each kind of resource, the kinds that must exist before it; a plan lists the kinds in this order. The endpoint
# comes before everything that could do without it: if another customer already uses its name in the region, the run
# ends there and must leave nothing behind.
ORDER: Mapping[str, tuple[str, ...]] = {
    "connection": (),
    "image": (),
    "environment": ("image",),
    "code": (),
    "weights": (),
    "model": (),
    "role": ("endpoint",),
    "endpoint": (),
    "deployment": ("connection", "environment", "code", "weights", "role", "endpoint"),
    "autoscale": ("deployment",),
    "traffic": ("deployment",),
}
# These wait only until Azure has accepted the endpoint's name, not until the endpoint has been created.
ONCE_ACCEPTED: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("connection", "image", "environment", "code", "weights", "model"), ("endpoint",)
)


SERVED = "-served"  # the end of the name of an entry for an asset of others


class Sources(Struct, frozen=True, dict=True):
    """The folders that environment and code are made from; tests use their own."""

    scoring: Path
    environment: Path
    script: str = "score.py"
    cache: Path = field(default_factory=lambda: cache_dir(os.environ))
    """Where hashes of large files are remembered."""

    def assets(self, spec: StackSpec) -> tuple[Environment, CodeAsset]:
        """The environment and the code made from these folders; the files are read once."""
        key = spec.name, spec.environment
        if key not in self._assets:
            environment = Environment(self.environment, spec.name, spec.environment)
            self._assets[key] = environment, CodeAsset(self.scoring, spec.name, self.script)
        return self._assets[key]

    @cached_property
    def _assets(self) -> dict[tuple[str, EnvironmentSpec], tuple[Environment, CodeAsset]]:
        return {}


def shipped_sources() -> Sources:
    """The folders that come with gatelift."""
    return Sources(bundled("scoring"), bundled("environments") / "vllm")


def reference(where: TokenSpec) -> str:
    """The reference that Azure replaces with the token when a container starts."""
    if where.key_vault:
        return f"${{{{keyvault:{where.key_vault}}}}}"
    return f"${{{{azureml://connections/{where.connection}/credentials/{where.key}}}}}"


def needs_token(spec: StackSpec, found: Found | None) -> bool:
    """Whether the stack needs a token: the spec asks for one, or what its containers download requires one."""
    return spec.token is not None or bool(found and found.needs_token)


def desired_resources(
    spec: StackSpec, found: Found | None, token: str | None, sources: Sources, page: str
) -> list[Resource]:
    """Every resource of the stack, in the order of `ORDER`; `found` is None for a registry model with a container."""
    resources: list[Resource] = []
    endpoint = Endpoint(spec.endpoint, spec.name)
    where = token_spec(spec)
    with_token = needs_token(spec, found)
    if with_token and not where.key_vault:
        resources.append(Connection(where.connection, where.key, spec.name, token, spec.take_over))
    for identity in spec.endpoint.identity.user_assigned_identities:
        wanted = ROLES if with_token and not where.key_vault else (ImagesRole, StorageRole)
        resources += [role(identity, spec.name) for role in wanted]
    served = ServedModel(spec.model.label)
    if found is not None:
        environment, code = sources.assets(spec)
        served = served_model(spec, found, f"azureml:{environment.name}", f"azureml:{code.name}", sources.script)
        resources += [Image(environment)] if spec.environment.build else []
        resources += [environment, code, *found.in_workspace]
        if spec.catalog is not None and found.facts.asked:  # else nobody knows what the model's card has to say
            resources.append(catalog_entry(spec, spec.catalog, found, str(environment.pins["vllm_version"]), page))
    resources.append(endpoint)
    resources.append(Deployment(endpoint.name, spec.deployment, served, spec.name))
    if spec.deployment.autoscale:
        resources.append(autoscale_setting(spec, spec.deployment.autoscale))
    resources.append(Traffic(endpoint.name, spec.deployment.name.lower()))
    return sorted(resources, key=lambda resource: list(ORDER).index(resource.kind))


def autoscale_setting(spec: StackSpec, scale: AutoscaleSpec) -> AutoscaleSetting:
    """The autoscale setting of the spec's deployment."""
    where, deployment = spec.workspace.name, spec.deployment
    endpoint, name = spec.endpoint.name.lower(), deployment.name.lower()
    return AutoscaleSetting(where, endpoint, name, deployment.instance_type, scale, spec.name)


def served_model(spec: StackSpec, found: Found, environment: str, code: str, script: str) -> ServedModel:
    """What the deployment's containers serve, and how they are told."""
    secrets = (("HF_TOKEN", reference(token_spec(spec))),) if needs_token(spec, found) else ()
    from_hub = bool(spec.model.hub_id)
    return ServedModel(
        id=found.facts.id if from_hub else "",
        revision="" if found.mount else found.facts.revision,
        served_name=(spec.model.served_name or "") if from_hub else spec.model.name,
        environment=environment,
        code=code,
        script=script,
        secrets=secrets,
        mount=found.mount,
        adapters=adapters_json(found),
    )


def page_of(spec: StackSpec, hub: Hub) -> str:
    """The address of the model's web page; empty for a model that is not of the Hub."""
    return hub.page(spec.model.hub_id) if spec.model.hub_id else ""


def adapters_json(found: Found) -> str:
    """The adapters as the container is told of them, by name: their order means nothing; empty for none."""
    told = [adapter.to_container() for adapter in sorted(found.adapters, key=lambda one: one.name)]
    return json.dumps(told, sort_keys=True) if told else ""


def catalog_entry(spec: StackSpec, catalog: CatalogSpec, found: Found, vllm_version: str, page: str) -> CatalogModel:
    """The model's entry in the catalog. What may change in place (tags, description) is no part of the card."""
    where, facts = token_spec(spec), found.facts
    card = ModelCard(
        model=facts.id,
        revision=facts.revision,
        gated=facts.gated and not found.mount,
        served_name=spec.model.served_name or facts.id,
        weights="" if page else found.mount,
        adapters=tuple(sorted(adapter.name for adapter in found.adapters)),
        vllm_version=vllm_version,
        connection=where.connection if facts.gated else "",
        key=where.key if facts.gated else "",
        page=page,
        reasoning=bool(spec.deployment.engine.get("reasoning_parser")),
        task=facts.task,
        license=facts.license,
        updated=facts.updated,
    )
    tags = {
        "modelId": facts.id,
        "revision": facts.revision,
        "license": facts.license,
        "task": facts.task or "chat-completion",
        "gated": "true" if facts.gated else "",
        WEIGHTS: found.mount,
        INVISIBLE_UNTIL: catalog.invisible_until or "",
    }
    given = {name: value for name, value in tags.items() if value} | catalog.tags
    return CatalogModel(
        catalog.name or _entry_name(spec, facts.id),
        card,
        spec.name,
        tuple(sorted(given.items())),
        catalog.description or f"{facts.id}, powered by vLLM",
        catalog.version or "",
        catalog.registry or "",
        spec.take_over,
    )


def catalog_model_name(spec: StackSpec) -> str:
    """The name of the model's entry in the catalog."""
    return (spec.catalog and spec.catalog.name) or _entry_name(spec, spec.model.label)


def _entry_name(spec: StackSpec, model: str) -> str:
    """The default name: never that of an asset of others, of which the entry would become the latest version."""
    return f"{catalog_name(model)}{SERVED if spec.model.asset else ''}"
