"""The engine's results, written to their connections as they come in, without waking the task of each stream.

vLLM hands every token of a stream to a collector that wakes the stream's task, which wakes vLLM's generators one after
the other. Most tokens are a plain piece of text for a client that is ready to take it: those are written where they
come in, before vLLM makes its two objects of each; those that vLLM takes in at once (128 results of a step) go out in
one burst. The first and the last result, errors, what a parser wants to see, and whatever a slow client cannot take yet
go vLLM's own way.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any, Protocol

from scoring import outlet
from scoring.source_hash import is_known

# vLLM's RequestOutputCollector, AsyncLLM.generate, RequestState, OutputProcessor and BaseIncrementalDetokenizer, by a
# hash of their source: 0.32.0.
KNOWN_COLLECTORS = frozenset({"b3eb9faca904d867"})

Sink = Callable[[Any], bool]


class TextSink(Protocol):
    """Who takes plain pieces of text: a stream."""

    def may_take_text(self, token_ids: list[int]) -> bool:
        """Tell whether it may take the piece that these tokens make, now."""

    def take_text(self, text: str, token_ids: list[int]) -> bool:
        """Take it; tell whether it has been taken."""


@functools.cache
def install() -> bool:
    """Give vLLM's engine client collectors that can be tapped, if its vLLM is known; tell whether it has them now."""
    if not is_known("inline stream", _parts, KNOWN_COLLECTORS):
        return False
    engine, processor = _modules()[:2]
    engine.RequestOutputCollector = type("TappedCollector", (_Tapped, engine.RequestOutputCollector), {})
    processor.RequestState = type("TappedState", (_TappedState, processor.RequestState), {})
    processor.OutputProcessor.process_outputs = _in_a_burst(processor.OutputProcessor.process_outputs)
    return True


def _in_a_burst(process: Callable[..., Any]) -> Callable[..., Any]:
    """Let what is written of the results that vLLM takes in at once go out when all of them have been."""

    @functools.wraps(process)
    def process_outputs(*arguments: Any, **named: Any) -> Any:
        with outlet.burst:
            return process(*arguments, **named)

    return process_outputs


def _parts() -> tuple[Any, ...]:
    engine, processor, texts = _modules()
    generate = engine.AsyncLLM.generate
    states = (processor.RequestState, processor.OutputProcessor)
    return engine.RequestOutputCollector, generate, *states, texts.BaseIncrementalDetokenizer


def _modules() -> list[Any]:
    names = ("async_llm", "output_processor", "detokenizer")
    return [importlib.import_module(f"vllm.v1.engine.{name}") for name in names]


class _Tapped:
    """What is added to vLLM's collector: results go to `sink` first, if nothing older waits to be collected."""

    output: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.sink: Sink | None = None
        self.text_sink: TextSink | None = None
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


class _TappedState:
    """What is added to vLLM's state of a request: plain text goes to the collector's `text_sink` as it is."""

    _all_is_text: bool | None = None

    def make_request_output(self: Any, new_token_ids: list[int], *others: Any, **named: Any) -> Any:
        """Return the result to put into the collector: none where it has been written already."""
        sink: TextSink | None = getattr(self.queue, "text_sink", None)
        if sink is not None and _are_none(others) and _are_none(tuple(named.values())) and self._is_text():
            detokenizer = self.detokenizer
            try:
                if sink.may_take_text(new_token_ids):
                    told = detokenizer._last_output_text_offset
                    if sink.take_text(detokenizer.get_next_output_text(False, True), new_token_ids):
                        return None
                    detokenizer._last_output_text_offset = told
            except Exception as failure:  # the stream's, not the engine's
                self.queue.put(failure)
                return None
        return super().make_request_output(new_token_ids, *others, **named)  # type: ignore[misc]

    def _is_text(self: Any) -> bool:
        """Whether vLLM would tell of nothing but new text, and nothing older waits to be collected."""
        if self._all_is_text is None:
            asked = self.logprobs_processor
            nothing_else = asked.num_logprobs is None and asked.num_prompt_logprobs is None
            deltas = self.output_kind.name == "DELTA" and self.stream_interval <= 1
            self._all_is_text = deltas and nothing_else and self.parent_req is None and not self.streaming_input
        return self._all_is_text and self.queue.output is None and not self.sampling_mask_chunks


def _are_none(others: tuple[Any, ...]) -> bool:
    return others.count(None) == len(others)  # faster than a look at each
