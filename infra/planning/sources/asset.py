"""A model asset that others made: in the workspace, or in a registry."""

import re
from collections.abc import Mapping
from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.workspace import PROVIDER
from infra.errors import NotFound, Refused
from infra.hub.facts import ModelFacts
from infra.planning.sources.found import Asked, read_recorded
from infra.resources.catalog_model import CARD
from infra.resources.weights.given import GivenWeights
from infra.resources.weights.version import FACTS

REGISTRY = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/models/(?P<name>[^/]+)/(versions/(?P<version>[^/]+)|labels/latest)"
)
CUSTOM = "custom_model"
ARCHIVED = "it is archived, and works all the same"
NOT_LOOKED_AT = "nobody has looked into its files: config.json and the weights are expected at the top of its folder"
LISTS = "`az ml model list` shows the models of the workspace, `az ml model list --registry-name NAME` of a registry"


def given_asset(asked: Asked, reference: str, label: str, field: str) -> tuple[ModelFacts, GivenWeights, str]:
    """The facts about an asset, the asset at a version, and the address of its files (empty for a registry's)."""
    match = REGISTRY.fullmatch(reference)
    if match is None:
        name, version = _named(reference)
        home = asked.cloud.workspace.id
    else:
        name, version = match["name"], match["version"] or ""
        home = _registry(asked.cloud, match["registry"])
        if not home:
            unread = (
                f"nobody has looked whether it is there, since your subscription has no registry {match['registry']}"
            )
            return ModelFacts(label, ""), GivenWeights(reference, "", unread), ""
    document = _read(asked.cloud, f"{home}/models/{name}", version, reference, field)
    pinned = str(document["name"])
    properties: Mapping[str, Any] = document["properties"]
    _check_kind(properties, reference, field)
    full = (
        f"azureml://registries/{match['registry']}/models/{name}/versions/{pinned}"
        if match
        else f"azureml:{name}:{pinned}"
    )
    told = [f"{reference} is version {pinned}"] if not version else []
    told += [ARCHIVED] if properties.get("isArchived") else []
    kept = (properties.get("properties") or {}).get(FACTS)
    facts = read_recorded(str(kept or ""), label, "")
    given = GivenWeights(full, f"{home}/models/{name}/versions/{pinned}", "; ".join([*told, NOT_LOOKED_AT]))
    return facts, given, str(properties.get("modelUri") or "") if match is None else ""


def _named(reference: str) -> tuple[str, str]:
    """Name and version of `azureml:NAME:VERSION`; no version for `azureml:NAME@latest`."""
    name, _, version = reference.removeprefix("azureml:").partition(":")
    return name.partition("@")[0], version


def _registry(cloud: Cloud, registry: str) -> str:
    """The id of a registry; empty where the workspace's subscription has none of this name."""
    documents = cloud.management.list(
        f"/subscriptions/{cloud.workspace.subscription_id}/providers/{PROVIDER}/registries"
    )
    return next((str(each["id"]) for each in documents if str(each.get("name", "")).lower() == registry.lower()), "")


def _read(cloud: Cloud, model: str, version: str, reference: str, field: str) -> dict[str, Any]:
    """The document of a version; without a version, of the newest one, which is what `latest` means."""
    if version:
        document = cloud.management.get(f"{model}/versions/{version}")
    else:
        listed = cloud.management.list(f"{model}/versions")
        shown = [each for each in listed if not each.get("properties", {}).get("isArchived") and not _is_entry(each)]
        document = max(shown, key=lambda each: str((each.get("systemData") or {}).get("createdAt", "")), default=None)
    if document is None:
        message = f"{field} {reference!r}: there is no such model, or you may not read it"
        raise NotFound(message, hint=LISTS, code="model_asset_not_found")
    return document


def _is_entry(document: Mapping[str, Any]) -> bool:
    """Whether a version is an entry of the catalog, which has a model's card and no weights."""
    return CARD in (document.get("properties", {}).get("properties") or {})


def _check_kind(properties: Mapping[str, Any], reference: str, field: str) -> None:
    kind = str(properties.get("modelType") or CUSTOM)
    if kind != CUSTOM:
        raise Refused(
            f"{field} {reference!r} is a {kind}, which is packed for another server; only a {CUSTOM} has plain weights",
            hint="register the folder with config.json and the weights: `az ml model create --type custom_model`",
            code="model_kind",
        )
