"""Whether a model fits into the memory of this machine, on which `--local` serves it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from infra.errors import GateliftError
from infra.machine.gpus import Gpu

GB = 1_000_000_000
GIB = 1 << 30
# What a server takes beside weights and cache: seen with vLLM 0.32 on a CPU and SmolLM2, 3.1 GB less 0.54 and 1.07.
SERVER = 1_500_000_000
CACHE_VARIABLE = "VLLM_CPU_KVCACHE_SPACE"  # GiB; the scoring server sets 1 where nobody sets it
SIZE = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT]?)")
BYTES = {"float32": 4, "float": 4, "float16": 2, "half": 2, "bfloat16": 2}
SMALLER = "name a smaller or a quantized model for this machine: `local: {model: {id: …}}`"
UTILIZATION = 0.92  # vLLM's own default


class Serving(Struct, frozen=True):
    """A model to be served: the bytes of its files of weights, its config.json, vLLM's arguments and variables."""

    label: str
    weights: int
    config: Mapping[str, Any]
    engine: Mapping[str, Any]
    variables: Mapping[str, str]

    @property
    def dtype_on_cpu(self) -> str:
        """The type of numbers to which the scoring server converts the weights on a CPU; empty for quantized ones."""
        if self.config.get("quantization_config") or self.engine.get("quantization"):
            return ""
        chosen = str(self.engine.get("dtype") or "float32")
        return "float32" if chosen == "auto" else chosen

    @property
    def is_known(self) -> bool:
        """Whether somebody says how the files' weights are stored, so that it is known what they become on a CPU."""
        return not self.dtype_on_cpu or str(stored_dtype(self.config)).removeprefix("torch.") in BYTES

    @property
    def conversion(self) -> str:
        """To what a CPU converts the weights, in words."""
        return f" as {self.dtype_on_cpu}" if self.dtype_on_cpu and self.is_known else ""

    @property
    def loaded(self) -> int:
        """The bytes of the weights in a CPU's memory; those of the files where nobody says how these are stored."""
        stored = BYTES.get(str(stored_dtype(self.config)).removeprefix("torch."))
        wanted = BYTES.get(self.dtype_on_cpu)
        return self.weights * wanted // stored if stored and wanted else self.weights

    @property
    def cache(self) -> int:
        """The bytes of the key-value cache on a CPU."""
        if given := self.engine.get("kv_cache_memory_bytes"):
            return size_in_bytes(str(given))
        return _number(self.variables.get(CACHE_VARIABLE), 1) * GIB


def stored_dtype(config: Mapping[str, Any]) -> object:
    """How the weights are stored, by config.json; None where it does not say."""
    inner = config.get("text_config") or {}
    return next((found for part in (config, inner) if (found := part.get("dtype") or part.get("torch_dtype"))), None)


def check_cpu(model: Serving, available: int, count: int = 1) -> str:
    """Say what `count` servers take of the memory that is left; raises `GateliftError` where it is too little."""
    each = model.loaded + model.cache + SERVER
    weights = f"{'' if model.is_known else 'at least '}{_gb(model.loaded)} of weights{model.conversion}"
    parts = f"{weights}, {_gb(model.cache)} of KV cache and {_gb(SERVER)} for the server"
    total = f"{_gb(each)}" if count == 1 else f"{count} times {_gb(each)}"
    said = f"{parts}: {total}, and this machine has {_gb(available)} left"
    if count * each <= available:
        return said
    raise GateliftError(
        f"{model.label} does not fit into this machine's memory: {said}",
        hint=f"{SMALLER}; or free some memory, or say in GATELIFT_MEMORY_GB what to reckon with",
        code="memory",
    )


def check_gpus(model: Serving, gpus: Sequence[Gpu]) -> str:
    """Say what one server takes of the GPUs' memory; raises `GateliftError` where it is too little."""
    wanted = _number(model.engine.get("tensor_parallel_size"), 1) * _number(
        model.engine.get("pipeline_parallel_size"), 1
    )
    if wanted > len(gpus):
        raise GateliftError(
            f"{model.label} is to be served on {wanted} GPUs, and this machine has {len(gpus)}",
            hint="set `local: {engine: {tensor_parallel_size: 1}}`, with a model that fits on one",
            code="gpus",
        )
    share = float(model.engine.get("gpu_memory_utilization") or UTILIZATION)
    gpu, each = min(gpus[:wanted], key=lambda one: one.free), model.weights // wanted
    said = f"{_gb(each)} of weights of the {_gb(int(share * gpu.total))} that vLLM takes of the {gpu.name}"
    if each > share * gpu.total:
        raise GateliftError(f"{model.label} does not fit on the GPU: {said}", hint=SMALLER, code="memory")
    if gpu.free < share * gpu.total:
        raise GateliftError(
            f"the {gpu.name} has {_gb(gpu.free)} left, and vLLM takes {_gb(int(share * gpu.total))} of it",
            hint="end what uses it (`nvidia-smi` shows it), or lower `local: {engine: {gpu_memory_utilization: …}}`",
            code="memory",
        )
    return said


def _number(value: object, otherwise: int) -> int:
    try:
        return int(str(value))
    except ValueError:
        return otherwise


def size_in_bytes(text: str) -> int:
    """A number of bytes as vLLM reads it: `4G` is 4 GiB and `4g` 4 GB; the default of the scoring server for others."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        return GIB
    number, unit = match[1], match[2]
    base = 1024 if unit.isupper() else 1000
    return int(float(number) * base ** ("kmgt".index(unit.lower()) + 1 if unit else 0))


def _gb(size: int) -> str:
    return f"{size / GB:.1f} GB"
