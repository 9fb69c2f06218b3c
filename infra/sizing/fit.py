"""Whether a model fits on a VM size, with which tensor parallelism, how long a context, and how many requests at once.

On each GPU: vLLM takes `gpu_memory_utilization` of the memory, and what weights and everything beside them leave of
that is cache. Only the overhead is an estimate (overhead.py); a fifth of it, and a hundredth of what vLLM takes, is the
margin within which nobody can say whether it fits, which is called tight.
"""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from infra.sizing.architecture.cache import CacheSetting, bytes_per_sequence, bytes_per_token, tensor_parallel_sizes
from infra.sizing.architecture.pages import cache_dtype
from infra.sizing.architecture.records import Architecture, Weights
from infra.sizing.architecture.weights import weights_per_gpu
from infra.sizing.disk import probably_too_small, surely_too_small
from infra.sizing.gpus import GIB
from infra.sizing.instance_types import LOWEST_CAPABILITY, InstanceType
from infra.sizing.overhead import MXFP4_PADDING, Overhead, Widths, overhead_of
from infra.sizing.quantization import cache_refusal, dtype_on, loaded_bytes, refusal
from infra.sizing.setting import Setting

UNBOUNDED = 1 << 20
"""Tokens, where nothing says how long a sequence may be."""
STEP = 1024
GRID = "its vGPU driver may be too old for the image's CUDA 13: choose an image for CUDA 12 in environment.build.base"
SHARED = (
    "its GPUs exchange data over PCIe and /dev/shm, which Azure ML may limit to 64 MB: set NCCL_SHM_DISABLE to 1 in "
    "environment_variables if the log tells of shared memory"
)


class Verdict(StrEnum):
    """Whether it fits; `tight` where the estimate is not good enough to say."""

    FITS = "fits"
    TIGHT = "tight"
    NO = "no"
    UNKNOWN = "unknown"


class Model(Struct, frozen=True):
    """What is known of a model that is to be served."""

    label: str
    architecture: Architecture
    weights: Weights | None
    widths: Widths
    disk: int | None = None
    """Bytes of the files that are served."""


class Wanted(Struct, frozen=True):
    """What it has to hold: requests at once, each with a context of so many tokens."""

    context: int
    concurrency: int = 1


class Fit(Struct, frozen=True):
    """A model on a VM size; memory in bytes, of one GPU."""

    instance: InstanceType
    verdict: Verdict
    why: str = ""
    """Why it does not fit, or not surely."""
    tensor_parallel: int = 1
    gpus_used: int = 1
    """With the other kinds of parallelism."""
    dtype: str = ""
    budget: int = 0
    """What vLLM takes."""
    weights: int = 0
    overhead: Overhead | None = None
    cache: int = 0
    """What is left for the KV cache; negative where there is too little memory."""
    per_token: int = 0
    per_sequence: int = 0
    """Of the wanted context."""
    context: int = 0
    """The wanted one."""
    longest: int = 0
    """The longest context that fits once."""
    advised: int = 0
    """What to set as `max_model_len`."""
    concurrent: int = 0
    """Requests of the wanted context that are computed at once, on the whole instance."""
    cautions: tuple[str, ...] = ()


def fit(model: Model, setting: Setting, wanted: Wanted, instance: InstanceType) -> Fit:
    """Say whether the model fits on this size with these arguments."""
    gpu = instance.gpu
    found = Fit(instance, Verdict.NO, context=wanted.context, budget=int(gpu.memory * setting.utilization))
    if not instance.runs:
        lowest = f"{LOWEST_CAPABILITY / 10:.1f}"
        return replace(found, why=f"compute capability {gpu.generation / 10:.1f}; vLLM's image needs {lowest}")
    found = replace(found, dtype=dtype_on(model.architecture, setting.dtype, gpu))
    if why := refusal(model.architecture, setting.quantization, found.dtype, gpu):
        return replace(found, why=why)
    if not model.architecture.encoder_only:
        kept = cache_dtype(replace(model.architecture, dtype=found.dtype), CacheSetting(setting.cache_dtype))
        if why := cache_refusal(kept, gpu):
            return replace(found, why=why)
    if (most := _most(model.architecture, setting)) and wanted.context > most:
        return replace(found, why=f"vLLM serves it with {most:,} tokens at most, {wanted.context:,} wanted")
    parallel, why = _parallel(model.architecture, setting, instance.gpus)
    used = parallel * setting.pipeline_parallel * setting.data_parallel
    found = replace(found, tensor_parallel=parallel, gpus_used=used)
    if why:
        return replace(found, why=why)
    if model.weights is None:
        return replace(found, verdict=Verdict.UNKNOWN, why="nobody says how large its weights are")
    arranged = replace(setting, tensor_parallel=parallel)
    return _with_disk(_in_memory(model, model.weights, arranged, wanted, found), model)


def margin(found: Fit) -> int:
    """By how much the estimate may be wrong, in bytes."""
    beside = found.overhead.total if found.overhead else 0
    return beside // 5 + found.budget // 100


def _parallel(architecture: Architecture, setting: Setting, gpus: int) -> tuple[int, str]:
    """The size of tensor parallelism, and why it cannot be."""
    others = setting.pipeline_parallel * setting.data_parallel
    accepted = tensor_parallel_sizes(architecture) if architecture.known else (1, 2, 4, 8)
    given = setting.tensor_parallel
    if given is None:
        fitting = [size for size in accepted if size * others <= gpus]
        return (max(fitting), "") if fitting else (1, f"needs {others} GPUs, it has {gpus}")
    if given * others > gpus:
        return given, f"needs {given * others} GPUs, it has {gpus}"
    if given in (1, 2, 4, 8) and given not in accepted:
        return given, f"vLLM cannot divide its {architecture.heads} heads among {given} GPUs"
    return given, ""


def _in_memory(model: Model, weights: Weights, setting: Setting, wanted: Wanted, found: Fit) -> Fit:
    parallel = setting.tensor_parallel or 1
    loaded = loaded_bytes(model.architecture, weights, setting.quantization, found.dtype)
    shared = weights_per_gpu(model.architecture, weights, parallel) / max(weights.loaded, 1)
    architecture = replace(model.architecture, dtype=found.dtype)
    each = int(loaded * shared) // setting.pipeline_parallel
    overhead = overhead_of(architecture, model.widths, setting, found.instance.gpu)
    if (stored := architecture.quantization) and "mxfp4" in stored.method:
        overhead = replace(overhead, padding=int(each * MXFP4_PADDING))
    cache = setting.cache_bytes or found.budget - each - overhead.total
    found = replace(found, weights=each, overhead=overhead, cache=cache)
    if not architecture.known:
        surely = cache < -margin(found)
        why = _too_large(found) if surely else f"its cache is not known: {architecture.unknown}"
        return replace(found, verdict=Verdict.NO if surely else Verdict.UNKNOWN, why=why)
    if architecture.encoder_only:
        return _judged(replace(found, longest=architecture.longest or 0, advised=_own(setting, architecture)), 0, 0)
    return _with_cache(architecture, setting, wanted, found)


def _with_cache(architecture: Architecture, setting: Setting, wanted: Wanted, found: Fit) -> Fit:
    gpu, parallel = found.instance.gpu, setting.tensor_parallel or 1
    batched = setting.batched_tokens(gpu)
    layout = CacheSetting(setting.cache_dtype, parallel, setting.block_size, batched)

    def taken(tokens: int) -> int:
        return bytes_per_sequence(architecture, tokens, layout) // setting.pipeline_parallel

    most, one = _most(architecture, setting) or UNBOUNDED, taken(wanted.context)
    longest, safely = _longest(taken, found.cache, most), _longest(taken, found.cache - margin(found), most)
    own = min(safely, architecture.longest or most)
    whole = own in (architecture.longest, most) or own < STEP
    advised = setting.max_model_len or (own if whole else own // STEP * STEP)
    at_once = min(max(found.cache, 0) // one if one else UNBOUNDED, setting.sequences(gpu)) * setting.data_parallel
    per_token = bytes_per_token(architecture, layout) // setting.pipeline_parallel
    found = replace(found, per_token=per_token, per_sequence=one, longest=longest, advised=advised, concurrent=at_once)
    return _judged(found, one * -(-wanted.concurrency // setting.data_parallel), wanted.concurrency)


def _judged(found: Fit, need: int, concurrency: int) -> Fit:
    spare = found.cache - need
    cautions = (GRID,) if found.instance.driver == "grid" else ()
    if found.tensor_parallel > 1 and not found.instance.nvlink:
        cautions = (*cautions, SHARED)
    found = replace(found, cautions=cautions)
    if spare >= margin(found):
        return replace(found, verdict=Verdict.FITS)
    if found.cache <= 0:
        why = _too_large(found)
    else:
        times = f"{concurrency} x " if concurrency > 1 else ""
        why = f"room for {found.longest:,} tokens of one request, {times}{found.context:,} wanted"
        if concurrency > 1 and found.longest >= found.context:
            why = f"room for {found.concurrent} requests of {found.context:,} tokens, {concurrency} wanted"
    if spare >= -margin(found):
        return replace(found, verdict=Verdict.TIGHT, why=f"within the margin of the estimate: {why}")
    return replace(found, verdict=Verdict.NO, why=why)


def _with_disk(found: Fit, model: Model) -> Fit:
    if not model.disk or found.verdict is Verdict.NO:
        return found
    if why := surely_too_small(found.instance, model.disk):
        return replace(found, verdict=Verdict.NO, why=why)
    if why := probably_too_small(found.instance, model.disk):
        verdict = Verdict.TIGHT if found.verdict is Verdict.FITS else found.verdict
        return replace(found, verdict=verdict, why="; ".join(filter(None, (why, found.why))))
    return found


def _too_large(found: Fit) -> str:
    beside = found.overhead.total if found.overhead else 0
    where = f"on each of {found.tensor_parallel} GPUs " if found.tensor_parallel > 1 else ""
    return f"{gib(found.weights)} of weights and {gib(beside)} beside them {where}exceed {gib(found.budget)}"


def _longest(taken: Callable[[int], int], memory: int, most: int) -> int:
    """The most tokens of one sequence that take no more than the memory."""
    if memory <= 0 or taken(1) > memory:
        return 0
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if taken(middle) <= memory else (low, middle - 1)
    return low


def _most(architecture: Architecture, setting: Setting) -> int | None:
    """The longest context that vLLM accepts; None where nothing says."""
    told = setting.max_model_len if setting.lengthened else None
    return max(architecture.most or 0, told or 0) or None


def _own(setting: Setting, architecture: Architecture) -> int:
    return setting.max_model_len or architecture.longest or 0


def gib(size: float) -> str:
    """Bytes as GiB."""
    return f"{size / GIB:.1f} GiB"
