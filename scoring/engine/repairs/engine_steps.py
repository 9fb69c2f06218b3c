"""Tells of each step of the engine, so that one that hangs is noticed: vLLM tells nobody (0.32, 0.33)."""

from collections.abc import Callable
from typing import Any


def watch(client: Any, on_step: Callable[[], None]) -> None:
    """Call this for whatever the engine's process sends to vLLM's client."""
    processor = client.output_processor
    note = processor.update_scheduler_stats

    def noted(stats: Any) -> None:
        on_step()
        note(stats)

    processor.update_scheduler_stats = noted
