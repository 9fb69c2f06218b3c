"""Finds the spec's model and its adapters: on the Hub, in a folder, or in the workspace."""

import dataclasses
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.storage.datastore import datastore_path
from infra.errors import SpecError
from infra.hub.contents import Contents, look_at_model
from infra.hub.facts import ModelFacts
from infra.model_files import ADAPTER_CONFIG, MODEL_CONFIGS, adapter_files, model_files
from infra.parallel import Task, together
from infra.planning.sources.asset import given_asset
from infra.planning.sources.folder import adapter_in_folder, model_in_folder
from infra.planning.sources.found import Asked, Found, FoundAdapter
from infra.planning.sources.mirror import mirrored
from infra.planning.sources.without_hub import hub_facts
from infra.resources.weights.version import Weights
from infra.spec.model_source import AdapterSpec

NOTHING_TO_COPY = "`mirror` has nothing to copy: this is not from the Hub"


def find_model(asked: Asked) -> Found | None:
    """What is known about the model and its adapters; None for a registry model with a container of its own."""
    if asked.spec.model.brings_container:
        return None
    finding = Task(partial(_base, asked))
    adapters: list[FoundAdapter] = together([partial(_adapter, asked, one) for one in asked.spec.model.adapters])
    base: Found = finding.result()
    return replace(base, adapters=tuple(adapters))


def _base(asked: Asked) -> Found:
    model = asked.spec.model
    if model.path:
        facts, weights = model_in_folder(asked, Path(model.path))
        noted = dataclasses.replace(weights, note=NOTHING_TO_COPY if model.mirror else "")
        return Found(facts, noted, f"azureml:{weights.name}")
    if model.asset:
        facts, given, _ = given_asset(asked, model.asset, model.label, "model.asset")
        noted_asset = dataclasses.replace(given, note=f"{NOTHING_TO_COPY}; {given.note}") if model.mirror else given
        return Found(facts, noted_asset, given.reference)
    if model.mirror:
        facts, weights = mirrored(asked, model.hub_id, model.revision, model_files)
        return Found(facts, weights, f"azureml:{weights.name}")
    facts = hub_facts(asked, model.hub_id, model.revision)
    _check_model(asked, facts)
    return Found(facts)


def _adapter(asked: Asked, adapter: AdapterSpec) -> FoundAdapter:
    if adapter.path:
        facts, weights, base = adapter_in_folder(asked, Path(adapter.path), adapter.name)
        return FoundAdapter(adapter.name, facts, weights, _url(asked.cloud, weights), base)
    if adapter.asset:
        facts, given, uri = given_asset(asked, adapter.asset, adapter.name, "model.adapters: asset")
        return FoundAdapter(adapter.name, facts, given, asked.cloud.assets.blob_url(uri))
    if asked.spec.model.mirror:
        facts, weights = mirrored(asked, adapter.id or "", adapter.revision, adapter_files)
        _check_adapter(facts)
        return FoundAdapter(adapter.name, facts, weights, _url(asked.cloud, weights), facts.base)
    facts = hub_facts(asked, adapter.id or "", adapter.revision)
    _check_adapter(facts)
    return FoundAdapter(adapter.name, facts, base=facts.base)


def _url(cloud: Cloud, weights: Weights) -> str:
    """The address of a folder of weights; only its end where the emulator has no workspace yet."""
    if cloud.workspace.absent:
        return weights.place
    return cloud.assets.blob_url(datastore_path(cloud.workspace, weights.place))


def _check_model(asked: Asked, facts: ModelFacts) -> None:
    """Raise `SpecError` for a repository with which no container can start; say so where it has no weights."""
    names = {file.name for file in facts.files}
    if ADAPTER_CONFIG in names and not names & set(MODEL_CONFIGS):
        raise SpecError(
            f"model.id {facts.id!r} is a LoRA adapter, which needs the model that it was made for",
            hint=f"name that model in `model.id`, and {facts.id} in `model.adapters`",
            code="adapter_alone",
        )
    contents = look_at_model({file.name: file.size for file in facts.files}) if names else Contents()
    if not contents.fault or "load_format" in asked.spec.deployment.engine:  # which may want other files
        return
    if not contents.empty:
        raise SpecError(f"model.id {facts.id!r}: {contents.fault}", hint=contents.fix, code="model_files")
    asked.hub.say(f"{facts.id}: {contents.fault}; {contents.fix}")


def _check_adapter(facts: ModelFacts) -> None:
    names = {file.name for file in facts.files}
    if names and ADAPTER_CONFIG not in names:
        raise SpecError(
            f"model.adapters: {facts.id!r} is no LoRA adapter: it has no {ADAPTER_CONFIG}",
            hint="name a whole model in `model.id`; gatelift serves adapters of peft",
            code="not_an_adapter",
        )
