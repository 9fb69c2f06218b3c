"""The engine's process: started in a way of ours, and watched by the client that has not launched it (0.32, 0.33).

vLLM chooses among the contexts of `multiprocessing` alone, and a client that is given the addresses of an engine
neither notices that engine's death nor ends it when it is closed.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def vllms_method() -> str:
    """Return how vLLM would start the process: `fork`, `spawn` or `forkserver`."""
    return str(_utils().get_mp_context().get_start_method())


@contextmanager
def started_by(context: Any) -> Iterator[None]:
    """Have it started by this context meanwhile."""
    utils = _utils()
    original = utils.get_mp_context
    utils.get_mp_context = lambda: context
    try:
        yield
    finally:
        utils.get_mp_context = original


def watch_engine(client: Any, manager: Any) -> None:
    """Have vLLM's client notice the death of the engine that this manager has launched, and end it at the end."""
    client.engine_core.resources.engine_manager = manager
    client.engine_core.start_engine_core_monitor()


def _utils() -> Any:
    return importlib.import_module("vllm.v1.engine.utils")
