"""Has vLLM start its engine by a context of ours: it chooses among those of `multiprocessing` alone (0.32, 0.33)."""

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


def _utils() -> Any:
    return importlib.import_module("vllm.v1.engine.utils")
