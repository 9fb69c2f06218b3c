"""Models that do not come from the Hub at start: folders, assets and mirrors, and the adapters beside them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.planning.plan import Plan

CONFIG = json.dumps({"architectures": ["LlamaForCausalLM"]})


def folder(place: Path, name: str = "tuned") -> Path:
    """A folder with what a model needs to be uploaded; nothing loads it."""
    made = place / name
    made.mkdir()
    (made / "config.json").write_text(CONFIG)
    (made / "model.safetensors").write_bytes(b"weights" * 1000)
    return made


def mounted(bench: Any, spec: Any) -> tuple[str, dict[str, str]]:
    """The model of the stack's deployment, and what its container is told of it."""
    target = bench.target(spec)
    live = target.arm.get(target.cloud.workspace.deployment(spec.endpoint.name, "blue"))["properties"]
    told = {name: value for name, value in live["environmentVariables"].items() if name.startswith(("SCORING", "HF"))}
    return live["model"], told


def test_a_folder_is_uploaded_once_and_mounted(
    bench: Any, tmp_path: Path, actions: Callable[[Plan], dict[str, str]]
) -> None:
    spec = bench.spec("folder-model", model={"id": None, "path": str(folder(tmp_path))})
    assert actions(bench.plan(spec, None))["weights"] == "create"
    bench.up(spec, None)
    model, told = mounted(bench, spec)
    assert "/models/tuned-weights/versions/" in model
    assert told == {"SCORING_SERVED_MODEL_NAME": "tuned", "SCORING_ENGINE_ARGS": "{}"}
    assert actions(bench.plan(spec, None)) == {}
