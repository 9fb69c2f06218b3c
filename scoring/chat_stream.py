"""One streamed chat completion: vLLM's own generator, driven by hand, and the template that stands in for it.

vLLM's generator is not iterated but resumed: it gets the results that it must write itself, and never waits for any.
"""

import contextlib
import copy
import functools
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from scoring.event_pieces import Pieces, pieces_after
from scoring.outlet import Outlet
from scoring.parser_relay import Member, Relay

CONTENT: Member = ("content", ())


class Stream:
    """One streamed answer: takes the engine's results, gives the events' text."""

    def __init__(
        self,
        serving: Any,
        module: Any,
        request: Any,
        names: tuple[str, str],
        own: Callable[[Any, Any], AsyncGenerator[str, None]],
    ) -> None:
        self.direct: bool = serving.gatelift_direct
        self.over = self.finished = self.failed = False
        self.plain = False  # whether the last result was a plain piece of text
        self.waiting = False  # for the engine's next result, with all before it written
        self.error: Exception | None = None  # what went wrong while a result was written where it came in
        self._way: Outlet | None = None
        self._names = names
        self._module = module
        self._pieces: Pieces | None = None
        self._relay: Relay | None = None
        self._unseen: list[int] = []  # tokens of the pieces that vLLM's generator has not seen: it counts them
        self._counted = False  # whether a token has been seen
        self._feed = _Feed()
        view = serving
        if serving.parser_cls is not None:
            view = copy.copy(serving)
            view._make_parser = functools.partial(self._make_relay, serving, request)
        self._own = own(view, self._feed)
        self._step: Any = self._own.__anext__()

    def _make_relay(self, serving: Any, request: Any, *arguments: Any) -> Relay:
        self._relay = Relay(serving._make_parser(*arguments), request)
        return self._relay

    def begin(self) -> list[str]:
        """Start vLLM's generator: it makes its parser and waits for the first result."""
        return self._drive(_continue)

    def end(self) -> list[str]:
        """Tell vLLM's generator that there are no more results."""
        self.plain = False
        return self._drive(lambda step: step.throw(StopAsyncIteration()))

    def fail(self, error: Exception) -> list[str]:
        """Tell vLLM's generator of an error."""
        self.failed = True
        return [] if self.over else self._drive(lambda step: step.throw(error))

    def close(self) -> None:
        """Let go of vLLM's generator."""
        if not self.over:
            self.over = True
            with contextlib.suppress(GeneratorExit, StopAsyncIteration):
                self._step.throw(GeneratorExit())

    def wait(self, way: Outlet | None) -> None:
        """Let results be written where they come in while the stream's task waits for one.

        What a parser must see is not: it is dear, and one call for all tokens that have gathered costs less than one
        for each.
        """
        self.waiting = True
        if self._way is None and way is not None and way.begun and len(way.collectors) == 1:
            self._way = way
            if self._relay is None:
                way.collectors[0].sink = self.write
            if self._relay is None or self._relay.is_known:
                way.collectors[0].text_sink = self

    def write(self, result: Any) -> bool:
        """Write the events of a result at once, if it is in the middle of the answer and the client keeps up."""
        way = self._way
        if way is None or not self.waiting or not way.free or result.finished or len(result.outputs) != 1:
            return False
        if self._pieces is None or result.outputs[0].finish_reason is not None:
            return False
        try:
            events = self.take(result)
        except Exception as error:
            self.error = error
            raise
        if events:
            way.write_now("".join(events))
        if self.over:
            raise RuntimeError("vLLM's generator has ended before its results")  # for the stream's task: it ends, too
        return True

    def may_take_text(self, token_ids: list[int]) -> bool:
        """Tell whether the text of these tokens may be written at once: as `write`, for what is plain by all means."""
        way = self._way
        if way is None or not self.waiting or self.over or not way.free:
            return False
        begun = self._pieces is not None and (self._counted or bool(token_ids))
        return begun and (self._relay is None or self._relay.may_pass)

    def take_text(self, text: str, token_ids: list[int]) -> bool:
        """Write the event of a piece of text now, if no parser must see it; tell whether it goes out."""
        assert self._way is not None  # noqa: S101 `may_take_text` said so
        assert self._pieces is not None  # noqa: S101
        member = CONTENT if self._relay is None else self._relay.let_pass(text, token_ids)
        if member is None:
            return False
        self.plain = self._counted = True
        self._unseen += token_ids
        try:
            self._way.write_now(self._pieces.quick(member[0], text, member[1]))
        except Exception as error:
            self.error = error
            raise
        return True

    def take(self, result: Any) -> list[str]:
        """Return the events of one result: from the template if it is a plain piece of text."""
        output = result.outputs[0] if len(result.outputs) == 1 else None
        pieces = self._pieces
        if pieces is None or output is None or output.finish_reason is not None or result.finished:
            return self._let_vllm_write(result)
        if not (self._counted or output.token_ids):
            return self._let_vllm_write(result)  # the prompt is still being read
        text = output.text
        member = CONTENT if self._relay is None else self._relay.let_pass(text, output.token_ids)
        if member is None:
            assert self._relay is not None  # noqa: S101
            delta, member = self._relay.parse(text, list(output.token_ids), result.prompt_token_ids)
            if delta is not None and member is None:
                self._relay.parsed = delta
                return self._let_vllm_write(result)
            text = getattr(delta, member[0]) if member else ""
        self.plain = True
        self._counted = True
        self._unseen += output.token_ids
        return [pieces.quick(member[0], text, member[1])] if member else []

    def _let_vllm_write(self, result: Any) -> list[str]:
        self.plain = False
        self.finished = result.finished
        if result.outputs:
            output = result.outputs[0]
            self._counted = self._counted or bool(output.token_ids)
            if self._relay is not None:
                self._relay.tokens = list(output.token_ids)
            if self._unseen:
                output.token_ids = [*self._unseen, *output.token_ids]
                self._unseen = []
        events = self._drive(lambda step: step.send(result))
        self.failed = self.over  # it ends by itself only when an error happened
        if self._pieces is None and events:
            self._pieces = pieces_after(events[0], self._module, self._names)
        return events

    def _drive(self, resume: Callable[[Any], Any]) -> list[str]:
        """Run vLLM's generator until it waits for the next result or ends; return its events."""
        events: list[str] = []
        while True:
            try:
                waits_for = resume(self._step)
            except StopIteration as event:
                events.append(event.value)
                self._step = self._own.__anext__()
                resume = _continue
                continue
            except StopAsyncIteration:
                self.over = True
                return events
            if waits_for is not self._feed:
                raise RuntimeError("vLLM's generator waits for something else than a result")
            return events


class _Feed:
    """The results as vLLM's generator sees them: it waits here until its driver sends the next one."""

    def __aiter__(self) -> "_Feed":
        return self

    @types.coroutine
    def __anext__(self) -> Generator["_Feed", Any, Any]:
        return (yield self)


def _continue(step: Any) -> Any:
    return step.send(None)
