"""Settings of the serving process that only cost something while they are left alone."""

import gc
import sys

# Python's default (700) looks for garbage many times a second while tokens stream; nearly nothing of it is cyclic.
GC_THRESHOLDS = (50_000, 50, 100)


def tune_process() -> None:
    """Collect garbage less often, and let vLLM remember its environment variables instead of reading one per token.

    Call it when the engine is up: variables that are set later are not seen.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    remember = getattr(sys.modules.get("vllm.envs"), "enable_envs_cache", None)
    if remember is not None:
        remember()
