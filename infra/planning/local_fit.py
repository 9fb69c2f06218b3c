"""Refuses, before anything starts, a model that this machine has no memory for; for `--local` alone."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import GateliftError
from infra.hub.access import Hub
from infra.hub.facts import ModelFacts
from infra.machine.fit import Serving, check_cpu, check_gpus
from infra.machine.local_vllm import serving_gpus, vllm_build
from infra.machine.memory import available_memory, told_memory
from infra.spec.model import StackSpec

CONFIG = "config.json"


def check_fit(spec: StackSpec, facts: ModelFacts, config: Mapping[str, Any], count: int = 1) -> str:
    """Say what `count` new servers of the model take of this machine; raises `GateliftError` where it is too much."""
    gpus = serving_gpus(os.environ)
    if facts.weights is None:
        return "nobody says how large the weights are"
    if not gpus and (build := vllm_build()) != "cpu":
        return f"nobody has looked at the memory that vLLM's build for {build} uses"
    deployment = spec.deployment
    model = Serving(facts.id, facts.weights, config, deployment.engine, deployment.environment_variables)
    if gpus:
        return check_gpus(model, gpus)
    told = told_memory(os.environ)
    available = available_memory() if told is None else told
    return "this system does not tell its memory" if available is None else check_cpu(model, available, count)


def config_of(spec: StackSpec, facts: ModelFacts, hub: Hub, token: str | None) -> Mapping[str, Any]:
    """The model's config.json; an empty one where it is neither on this machine nor to be read from the Hub."""
    try:
        if spec.model.path:
            found = json.loads(Path(spec.model.path, CONFIG).read_bytes())
        elif any(file.name == CONFIG for file in facts.files):
            found = json.loads(hub.read_file(facts, CONFIG, token if facts.needs_token else None))
        else:
            return {}
    except (OSError, ValueError, GateliftError):
        return {}
    return found if isinstance(found, dict) else {}
