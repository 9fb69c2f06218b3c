"""Which repairs this version of vLLM gets, and when: see `repairs/`, one file each, and `versions.py`."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from scoring.engine.modules import VllmModules
from scoring.engine.repairs import (
    body_faults,
    closed_reasoning,
    cut_calls,
    engine_steps,
    media_fetching,
    reasoning_stops,
    reasoning_text,
    short_logs,
    tool_calls,
    tool_grammar,
    unsent_requests,
)


def mend_modules(vllm: VllmModules, parsed: Namespace) -> None:
    """Register what vLLM takes by name; before its engine and its app are made."""
    for repair in (media_fetching, short_logs):
        if _needed(vllm, repair):
            repair.install()
    for repair in (tool_calls, tool_grammar, reasoning_text, reasoning_stops):
        if _needed(vllm, repair):
            repair.install(vllm, parsed)


def mend_client(vllm: VllmModules, client: Any, on_step: Callable[[], None]) -> None:
    """Mend the client of the engine, and have it call `on_step` for each step; before its first request."""
    engine_steps.watch(client, on_step)
    if _needed(vllm, unsent_requests):
        unsent_requests.forget_unsent(client)
    if _needed(vllm, reasoning_stops):
        reasoning_stops.watch(client)


def mend_app(vllm: VllmModules, app: Any) -> None:
    """Mend vLLM's app, which has its handlers."""
    if _needed(vllm, body_faults):
        body_faults.install(app)
    for repair in (cut_calls, closed_reasoning):
        if _needed(vllm, repair):
            repair.install(app.state)


def _needed(vllm: VllmModules, repair: Any) -> bool:
    return repair.__name__.rpartition(".")[2] in vllm.release.repairs
