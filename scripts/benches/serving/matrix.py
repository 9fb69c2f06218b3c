"""The matrix: its cells, the engines, and the requests that are sent."""

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.shapes import ARGUMENTS, SHAPES, shaped_model

ENGINES = {
    "null": (
        "azure-testing--random-gated-chat-completion",
        ["--distributed-executor-backend", "serving.null_executor.NullExecutor"],
    ),
    "random": ("azure-testing--random-gated-chat-completion", []),
    "smollm2": ("HuggingFaceTB--SmolLM2-135M-Instruct", []),
}
ALWAYS = ["--served-model-name", "bench", "--max-model-len", "2048"]
COMMON = [*ALWAYS, "--enforce-eager", "--dtype", "float32"]
PARSERS = ["--reasoning-parser", "qwen3", "--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
WORKLOADS = {"chat": False, "reasoning": True, "tools": True}  # whether the server runs with parsers
PROMPT = "Write a long story about a lighthouse keeper who finds a message in a bottle. Number {number}."
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass(frozen=True)
class Cell:
    """One combination that is measured."""

    engine: str
    workload: str
    stream: bool
    concurrency: int
    tokens: int

    @property
    def name(self) -> str:
        """The cell's name in tables."""
        how = "stream" if self.stream else "whole"
        return f"{self.engine} {self.workload} {how} c={self.concurrency} {self.tokens} tokens"

    @property
    def requests(self) -> int:
        """The number of requests: enough for some seconds of measurement, few enough for a matrix to end in time."""
        waves = {1: 5, 16: 4, 64: 4, 256: 3}.get(self.concurrency, 3)
        waves *= 4 if self.engine in SHAPES else 1  # a GPU is through in no time
        return self.concurrency * max(1, waves // (1 if self.tokens < 256 else 4))

    @property
    def group(self) -> tuple[str, bool]:
        """The cell's group; cells of one group share their servers."""
        return self.engine, WORKLOADS[self.workload]

    def bodies(self) -> list[str]:
        """Return distinct request bodies; every answer has exactly `tokens` tokens."""
        return [json.dumps(self._body(number)) for number in range(min(64, self.requests))]

    def _body(self, number: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": "bench",
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": PROMPT.format(number=number)},
            ],
            "max_tokens": self.tokens,
            "ignore_eos": True,
            "temperature": 1 if self.engine in SHAPES else 0,  # without weights the likeliest token is always the same
        }
        if self.stream:
            body["stream"] = True
        if self.workload == "tools":
            body |= {"tools": [TOOL], "chat_template_kwargs": {"enable_thinking": False}}
        return body


def server_arguments(group: tuple[str, bool]) -> list[str]:
    """Return vLLM's arguments for a group of cells, the same for every server."""
    parsers = PARSERS if group[1] else []
    if group[0] in SHAPES:
        folder = shaped_model(group[0], models_dir() / ENGINES["random"][0])
        return ["--model", str(folder), *ALWAYS, *ARGUMENTS, *parsers]
    name, extra = ENGINES[group[0]]
    return ["--model", str(models_dir() / name), *COMMON, *extra, *parsers]


def models_dir() -> Path:
    """Return the folder with the weights of the demo models."""
    cache = os.environ.get("GATELIFT_CACHE_DIR")
    base = Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatelift"
    return base / "models"


def cells(
    engines: list[str], workloads: list[str], modes: list[str], concurrencies: list[int], tokens: list[int]
) -> Iterator[Cell]:
    """Yield the cells, those of the same group one after the other."""
    for engine, parsers in itertools.product(engines, (False, True)):
        chosen = [workload for workload in workloads if WORKLOADS[workload] is parsers]
        for workload, mode, concurrency, length in itertools.product(chosen, modes, concurrencies, tokens):
            yield Cell(engine, workload, mode == "stream", concurrency, length)
