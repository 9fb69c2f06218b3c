"""The engine's results, written to their connections as they come in, without waking the task of each stream.

vLLM hands every token of a stream to a collector that wakes the stream's task, which wakes vLLM's generators one after
the other. Most tokens are a plain piece of text for a client that is ready to take it: those are written where they
come in. The first and the last result, errors, and whatever a slow client cannot take yet go vLLM's own way.
"""

import importlib
import logging
from collections.abc import Callable
from typing import Any

from scoring import outlet
from scoring.source_hash import source_hash

logger = logging.getLogger("scoring")

# vLLM's RequestOutputCollector and AsyncLLM.generate, by a hash of their source: 0.32.0.
KNOWN_COLLECTORS = frozenset({("312eb6353707bb3f", "5bd0ee90459b0e29")})

Sink = Callable[[Any], bool]


def install() -> bool:
    """Give vLLM's engine client collectors that can be tapped, if its vLLM is known; tell whether it has them now."""
    engine: Any = importlib.import_module("vllm.v1.engine.async_llm")
    base = engine.RequestOutputCollector
    if issubclass(base, _Tapped):
        return True
    try:
        found = (source_hash(base), source_hash(engine.AsyncLLM.generate))
    except (AttributeError, OSError, TypeError) as error:
        logger.info("[inline stream] off: this vLLM is not known here (%s)", error)
        return False
    if found not in KNOWN_COLLECTORS:
        logger.info("[inline stream] off: this vLLM collects results in a way that is not known here %s", found)
        return False
    engine.RequestOutputCollector = type("TappedCollector", (_Tapped, base), {})
    return True


class _Tapped:
    """What is added to vLLM's collector: results go to `sink` first, if nothing older waits to be collected."""

    output: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.sink: Sink | None = None
        way = outlet.current.get()
        if way is not None:
            way.collectors.append(self)

    def put(self, output: Any) -> None:
        """Take a result in: to the sink, or to whoever collects it."""
        if self.sink is not None and self.output is None and not isinstance(output, Exception):
            try:
                if self.sink(output):
                    return
            except Exception as error:  # the stream's, not the engine's: it is raised where the stream is read
                output = error
        super().put(output)  # type: ignore[misc]
