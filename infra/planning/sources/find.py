"""Finds the spec's model: on the Hub, in a folder, or in the workspace; one function for each source."""

from pathlib import Path

from infra.azure.cloud import Cloud
from infra.hub.access import Hub
from infra.hub.facts import ModelFacts
from infra.planning.sources.folder import content_of, folder_files
from infra.planning.sources.found import Found
from infra.resources.weights.version import Weights
from infra.spec.model import StackSpec


def find_model(spec: StackSpec, cloud: Cloud, hub: Hub, token: str | None) -> Found | None:
    """What is known about the model and its adapters; None for a registry model with a container of its own."""
    model = spec.model
    if model.brings_container:
        return None
    if model.path:
        return from_folder(spec, Path(model.path))
    return from_hub(spec, hub, token)


def from_hub(spec: StackSpec, hub: Hub, token: str | None) -> Found:
    """A model that containers download from the Hub."""
    return Found(hub.model(spec.model.hub_id, spec.model.revision, token))


def from_folder(spec: StackSpec, folder: Path) -> Found:
    """A model in a folder of this machine, which is uploaded once for each content."""
    files = folder_files(folder)
    label = spec.model.label
    weights = Weights(label, content_of(files), files, spec.name)
    return Found(ModelFacts(label, "", weights=weights.size), weights, f"azureml:{weights.name}")
