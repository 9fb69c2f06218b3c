"""What is set for the whole serving process: open files, garbage collection, vLLM's environment variables."""

import gc
import resource
import sys

# Python's default (700) looks for garbage many times a second while tokens stream; nearly nothing of it is cyclic.
GC_THRESHOLDS = (50_000, 50, 100)
MOST_FILES = 65_536


def raise_file_limit() -> None:
    """Allow as many open files as the system lets us: a stream takes two, and shells and containers start with 1024.

    Call it before the engine's processes are started: they inherit it. `vllm serve` does the same.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def tune_process() -> None:
    """Collect garbage less often, and let vLLM remember its environment variables instead of reading one per token.

    Call it when the engine is up: variables that are set later are not seen.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    remember = getattr(sys.modules.get("vllm.envs"), "enable_envs_cache", None)
    if remember is not None:
        remember()
