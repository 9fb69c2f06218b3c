"""From vLLM's arguments to a running engine, and what is known of how one has died."""

import multiprocessing
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scoring.engine.client import VllmEngine
from scoring.engine.modules import VllmModules, is_cpu_build
from scoring.engine.process import death, forked
from scoring.errors import EngineFailed


def start_engine(vllm: VllmModules, parsed: Namespace, *, fork: bool) -> VllmEngine:
    """Start the engine's process and load the model; blocks, so call it outside of the event loop."""
    try:
        engine_args = vllm.engine_args.from_cli_args(parsed)
        config = engine_args.create_engine_config(usage_context=vllm.usage_context.OPENAI_API_SERVER)
        with main_module_hidden(), forked(fork, on_cpu=is_cpu_build()):
            client = vllm.async_llm.from_vllm_config(
                vllm_config=config,
                usage_context=vllm.usage_context.OPENAI_API_SERVER,
                enable_log_requests=engine_args.enable_log_requests,
                disable_log_stats=engine_args.disable_log_stats,
            )
    except Exception as error:
        text = " ".join(str(error).split())[:500] or type(error).__name__
        raise engine_failed(f"the engine did not start: {text}") from error
    return VllmEngine(vllm, parsed, client)


def engine_failed(what: str) -> EngineFailed:
    """Return the error of an engine that does not live, with the signal that has ended its process if one has."""
    by, hint = death()
    return EngineFailed(f"{what} ({by})" if by else what, hint=hint or "the engine's own lines above say more")


@contextmanager
def main_module_hidden() -> Iterator[None]:
    """Keep the engine's process from importing our `__main__` again.

    It has no use for it, and under azmlinfsrv it would load Flask, whose proxies break vLLM's CPU kernels' set-up.
    """
    main: dict[str, Any] = sys.modules["__main__"].__dict__
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(kept)


def child_processes() -> list[int]:
    """Return the ids of the processes that vLLM started."""
    return [child.pid for child in multiprocessing.active_children() if child.pid is not None]
