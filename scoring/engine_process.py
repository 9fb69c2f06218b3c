"""The engine's process, importing vLLM while this process does.

vLLM starts its engine in a fresh interpreter once its own imports are through, so the two imports follow one another.
A fork server that is started with the first line of the log imports the engine's side meanwhile; the engine is then
forked from it. On a GPU this is off unless asked for: it has not been measured there.
"""

import importlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

PRELOADED = (
    "vllm.v1.engine.core",
    "vllm.v1.executor.uniproc_executor",
    "vllm.v1.worker.{worker}",
    "vllm.model_executor.model_loader",
    "vllm.model_executor.models.registry",
    "vllm.v1.structured_output",
)


def preload(environ: Mapping[str, str], *, on_cpu: bool, modules: Sequence[str] = PRELOADED) -> bool:
    """Start the fork server where SCORING_PRELOAD=1 asks for it: its gain has not been shown beyond the noise."""
    if environ.get("SCORING_PRELOAD") != "1":
        return False
    worker = "cpu_worker" if on_cpu else "gpu_worker"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([name.format(worker=worker) for name in modules])
    forkserver.ensure_running()
    return True


def fork_server() -> list[int]:
    """Return the process id of the fork server, if there is one."""
    pid: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return [] if pid is None else [pid]


class _Process(ForkServerProcess):
    """A process that sees today's environment, not the one that the fork server was started with."""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        todays = (dict(os.environ), target, args, dict(kwargs or {}))
        super().__init__(group, _run, name, todays, {}, daemon=daemon)


def _run(
    environ: Mapping[str, str], target: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    for name in set(os.environ) - set(environ):
        del os.environ[name]
    os.environ.update(environ)
    target(*args, **kwargs)


class ForkedContext(ForkServerContext):
    """The fork server's context with such processes."""

    Process = _Process


@contextmanager
def forked_when_preloaded() -> Iterator[None]:
    """Let vLLM start its engine from the fork server, if `preload` was called."""
    if not fork_server():
        yield
        return
    vllm_utils: Any = importlib.import_module("vllm.v1.engine.utils")
    original = vllm_utils.get_mp_context
    context = ForkedContext()
    vllm_utils.get_mp_context = lambda: context
    try:
        yield
    finally:
        vllm_utils.get_mp_context = original
