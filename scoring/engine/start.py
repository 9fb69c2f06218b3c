"""From vLLM's arguments to a running engine, and what is known of how one has died."""

import logging
import multiprocessing
import os
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from scoring.engine.client import VllmEngine
from scoring.engine.fronts.binary import NoBinary, RustBinary
from scoring.engine.fronts.rust import RustFront
from scoring.engine.fronts.start import front_arguments, plan_rust
from scoring.engine.modules import VllmModules, is_cpu_build
from scoring.engine.process import death, forked
from scoring.engine.repairs.engine_process import watch_engine
from scoring.engine.tuning import raise_file_limit
from scoring.errors import EngineFailed

logger = logging.getLogger("scoring")


def start_engine(vllm: VllmModules, parsed: Namespace, *, fork: bool, front: str = "python") -> VllmEngine:
    """Start the engine's process and load the model; blocks, so call it outside of the event loop.

    `front` is `auto`, `rust` or `python`: whether vLLM's Rust front is started beside the Python app.
    """
    raise_file_limit()
    try:
        engine_args = vllm.engine_args.from_cli_args(parsed)
        config = engine_args.create_engine_config(usage_context=vllm.usage_context.OPENAI_API_SERVER)
        named = {
            "vllm_config": config,
            "usage_context": vllm.usage_context.OPENAI_API_SERVER,
            "enable_log_requests": engine_args.enable_log_requests,
            "disable_log_stats": engine_args.disable_log_stats,
        }
        planned = plan_rust(front, parsed, config, os.environ)
        with main_module_hidden(), forked(fork, on_cpu=is_cpu_build()):
            if isinstance(planned, NoBinary):
                return VllmEngine(vllm, parsed, vllm.async_llm.from_vllm_config(**named), without_rust=planned.reason)
            return _with_two_clients(vllm, parsed, named, planned)
    except EngineFailed:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:500] or type(error).__name__
        raise engine_failed(f"the engine did not start: {text}") from error


def _with_two_clients(vllm: VllmModules, parsed: Namespace, named: dict[str, Any], binary: RustBinary) -> VllmEngine:
    """Start an engine that serves two fronts, by vLLM's own machinery for several API servers."""
    config = named["vllm_config"]
    listeners = vllm.bind_listeners(config, 2)
    rust = RustFront(binary, listeners)
    addresses = {
        "input_address": listeners.inputs[1].address,
        "output_address": listeners.outputs[1].address,
        "input_listener": listeners.inputs[1].socket,
        "output_listener": listeners.outputs[1].socket,
    }
    opened: Future[Any] = Future()

    def open_client() -> None:
        try:
            opened.set_result(
                vllm.async_llm.from_vllm_config(**named, client_addresses=addresses, client_count=2, client_index=1)
            )
        except BaseException as error:  # handed over to the thread that waits, whatever it is
            opened.set_exception(error)

    executor, log_stats = vllm.executor.get_class(config), not named["disable_log_stats"]
    try:
        with vllm.launch_engines(config, executor, log_stats, listeners.addresses) as launch:
            # From here on the engine's process lives: both fronts read their tokenizers while it loads the model.
            rust.start(front_arguments(parsed, vllm.jsonified))
            if launch.tensor_queue is not None:
                addresses["tensor_queue"] = launch.tensor_queue
            threading.Thread(target=open_client, daemon=True, name="opening").start()
        client = opened.result()
    except BaseException:
        rust.close()  # what it has said is in the log then, before the reason why there is no engine
        raise
    watch_engine(client, launch.engine_manager)
    return VllmEngine(vllm, parsed, client, rust=rust)


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
