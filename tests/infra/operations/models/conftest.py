"""Folders with models and adapters, and what a deployment's container is told of them."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest


class Deployed:
    """A stack's deployment as Azure has it."""

    def __init__(self, bench: Any, spec: Any) -> None:
        target = bench.target(spec)
        id = target.cloud.workspace.deployment(spec.endpoint.name, "blue")
        self.properties = target.arm.get(id)["properties"]
        variables = self.properties["environmentVariables"]
        self.told = {name: value for name, value in variables.items() if name.startswith(("SCORING", "HF"))}
        self.model = str(self.properties.get("model") or "").partition("/models/")[2].replace("/versions/", ":")

    @property
    def adapters(self) -> list[dict[str, str]]:
        return list(json.loads(self.told.get("SCORING_ADAPTERS", "[]")))


@pytest.fixture
def deployed(bench: Any) -> Callable[[Any], Deployed]:
    return lambda spec: Deployed(bench, spec)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what a model needs to be uploaded; nothing loads it."""
    made = tmp_path / "tuned"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"weights" * 1000)
    (made / "README.md").write_text("---\nlicense: mit\npipeline_tag: text-generation\n---\n# Tuned\n")
    return made


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A folder with what a LoRA adapter needs."""
    made = tmp_path / "sql-lora"
    made.mkdir()
    (made / "adapter_config.json").write_text('{"base_model_name_or_path": "org/whole"}')
    (made / "adapter_model.safetensors").write_bytes(b"low rank")
    return made


@pytest.fixture
def without_hub(bench: Any) -> Callable[[Any], AbstractContextManager[None]]:
    """The emulator with a Hub that answers nothing but errors, which is not waited for long."""
    bench.environ["GATELIFT_HUB_TIMEOUT"] = "1"

    @contextmanager
    def cut(spec: Any) -> Iterator[None]:
        url = f"{bench.target(spec).portal}/faults"
        httpx.put(url, json=[{"target": "hub", "status": 500}]).raise_for_status()
        try:
            yield
        finally:
            httpx.put(url, json=[]).raise_for_status()

    return cut
