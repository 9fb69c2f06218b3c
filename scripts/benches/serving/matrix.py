"""The cells that are measured: engines, workloads, and what is sent; and the arguments of the servers."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGINES = {
    "null": (
        "azure-testing--random-gated-chat-completion",
        ["--distributed-executor-backend", "serving.null_executor.NullExecutor"],
    ),
    "random": ("azure-testing--random-gated-chat-completion", []),
    "smollm2": ("HuggingFaceTB--SmolLM2-135M-Instruct", []),
}
COMMON = [
    *("--served-model-name", "bench", "--max-model-len", "2048"),
    *("--enforce-eager", "--dtype", "float32"),
]
# The null engine takes a whole prompt in one step, so that what is measured of a long one is the front's work.
LENGTHS = {
    "null": ["--max-model-len", "40000", "--max-num-batched-tokens", "65536", "--max-num-seqs", "1024"],
    "random": ["--max-model-len", "8192"],
    "smollm2": ["--max-model-len", "8192"],
}
PARSERS = ["--reasoning-parser", "qwen3", "--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
WORKLOADS = {"chat": False, "beside": False, "reasoning": True, "tools": True}  # whether the server has parsers
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
LONG_PROMPT, LONG_PROMPTS, LONG_RATE = 28_000, 20, 2.0  # tokens, number, and a second: beside the short streams


@dataclass(frozen=True)
class Cell:
    """One combination that is measured; `prompt` and `tokens` are lengths in tokens."""

    engine: str = "null"
    workload: str = "chat"
    mode: str = "stream"
    concurrency: int = 64
    tokens: int = 64
    prompt: int = 32

    @property
    def name(self) -> str:
        """The cell's name in tables."""
        return f"{self.engine} {self.workload} {self.mode} c={self.concurrency} {self.prompt}→{self.tokens}"

    @property
    def requests(self) -> int:
        """The number of requests: enough for some seconds of measurement, few enough for a matrix to end in time."""
        waves = 8 if self.concurrency < 16 else 4 if self.concurrency < 512 else 3
        if self.engine == "smollm2" or self.tokens > 64 or self.prompt > 1500:
            waves = max(2, waves // 3)
        return self.concurrency * waves

    @property
    def group(self) -> tuple[str, bool]:
        """The cell's group; cells of one group share their servers."""
        return self.engine, WORKLOADS[self.workload]

    @property
    def body(self) -> dict[str, Any]:
        """What requests have besides messages and lengths; every answer has exactly `tokens` tokens."""
        # Random weights find the same token likeliest, again and again.
        body: dict[str, Any] = {"ignore_eos": True, "temperature": 0 if self.engine == "smollm2" else 1}
        if self.workload == "tools":
            body |= {"tools": [TOOL], "chat_template_kwargs": {"enable_thinking": False}}
        return body


Block = Mapping[str, Sequence[Any]]
# The axes of the matrix with all their values; the options of the command line have these names.
AXES: dict[str, list[Any]] = {
    "engines": list(ENGINES),
    "workloads": list(WORKLOADS),
    "modes": ["stream", "whole"],
    "concurrency": [1, 16, 64, 256, 512],
    "tokens": [64, 512],
    "prompts": [32, 1500, 32_000],
}
PLAIN: Block = {name: [value] for name, value in zip(AXES, ("null", "chat", "stream", 64, 64, 32), strict=True)}
QUICK: tuple[Block, ...] = (
    {"concurrency": [64, 256, 512]},
    {"modes": ["whole"]},
    {"prompts": [32_000], "concurrency": [8]},
    {"workloads": ["beside"], "concurrency": [16]},
    {"workloads": ["tools", "reasoning"]},
)
# Everything beside the quick preset's cells; no product of all axes, which would take days.
WHOLE: tuple[Block, ...] = (
    {"modes": AXES["modes"], "concurrency": AXES["concurrency"]},
    {"tokens": [512], "concurrency": [16, 64, 256]},
    {"prompts": [1500], "concurrency": [1, 16, 64]},
    {"prompts": [32_000], "concurrency": [1, 8, 32]},
    {"workloads": ["beside"], "concurrency": [16, 64]},
    {"workloads": ["tools", "reasoning"], "modes": AXES["modes"], "concurrency": [1, 64, 256]},
    {"engines": ["random"], "concurrency": [1, 16, 64]},
    {"engines": ["smollm2"], "concurrency": [1, 16]},
)


def cells(blocks: Iterable[Block]) -> list[Cell]:
    """The cells of all blocks, each a product of its axes; those that share servers stand one after the other."""
    found = dict.fromkeys(cell for block in blocks for cell in _product({**PLAIN, **block}))
    return sorted(found, key=lambda cell: (list(ENGINES).index(cell.engine), WORKLOADS[cell.workload]))


def _product(block: Block) -> Iterator[Cell]:
    for values in itertools.product(*(block[name] for name in AXES)):
        cell = Cell(*values)
        if cell.prompt + cell.tokens < 8000 or cell.engine == "null":  # the models' limit
            yield cell


def server_arguments(group: tuple[str, bool]) -> list[str]:
    """Return vLLM's arguments for a group of cells, the same for every server."""
    engine, parsers = group
    folder, extra = ENGINES[engine]
    model = ["--model", str(models_dir() / folder)]
    return [*model, *COMMON, *LENGTHS[engine], *extra, *(PARSERS if parsers else [])]


def models_dir() -> Path:
    """Return the folder with the weights of the demo models."""
    cache = os.environ.get("GATELIFT_CACHE_DIR")
    base = Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatelift"
    return base / "models"


def tokenizer(engine: str) -> Path:
    """Return the folder with the tokenizer of an engine's model."""
    return models_dir() / ENGINES[engine][0]
