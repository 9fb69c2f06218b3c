"""The fast path of streamed chat completions: vLLM's own bytes for less work per token.

vLLM builds and serialises three pydantic objects for every token and sends them through six layers of middleware. Here
vLLM's own generator still writes everything that is not a plain piece of text (the first event, tool calls, the last
event, usage, errors); the pieces of text between are cut from a template that vLLM's own classes have written, and go
straight to the connection. What cannot be done exactly so (logprobs, n > 1, echo, token ids, usage in every event,
logged outputs) is left to vLLM altogether, and a vLLM whose generator is not the one known here switches it all off.
"""

import contextlib
import copy
import functools
import hashlib
import inspect
import logging
import sys
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from scoring import outlet
from scoring.event_pieces import TEXTS, Pieces, only_text, pieces_after

logger = logging.getLogger("scoring")

# vLLM's OpenAIServingChat.chat_completion_stream_generator, by a hash of its source: 0.32.0.
KNOWN_GENERATORS = frozenset({"413759ad163362db"})
# Middleware of vLLM that has nothing to do with a piece of a body; any other one must see all of them.
INDIFFERENT = frozenset(
    {
        "AuthenticationMiddleware",
        "CORSMiddleware",
        "PrometheusInstrumentatorMiddleware",
        "ScalingMiddleware",
        "XRequestIdMiddleware",
    }
)


def install(app: Any, *, wanted: bool = True) -> bool:
    """Give the app's chat handler the fast path if its vLLM is known; tell whether it has it now."""
    serving = getattr(app.state, "openai_serving_chat", None)
    if serving is None or not wanted:
        return False
    refusal = _refusal(type(serving))
    if refusal:
        logger.info("[fast stream] off: %s; vLLM's own code streams", refusal)
        return False
    serving.__class__ = _fast_class(type(serving))
    serving.gatelift_direct = _may_go_round(app)
    return True


def _refusal(base: type[Any]) -> str:
    """Say why this vLLM's generator cannot be relied on, or nothing."""
    try:
        found = fingerprint(base.chat_completion_stream_generator)
        if found not in KNOWN_GENERATORS:
            return f"this vLLM streams chat completions in a way that is not known here ({found})"
        pieces = Pieces(sys.modules[base.__module__], "id", "model", 1)
        sample = 'a"\\\u00e9\u2028\U0001f600\n\x00\x7f/'
        for name in TEXTS:
            if pieces.quick(name, sample) != pieces.slow({name: sample}):
                return f"this vLLM writes {name!r} in another way than is known here"
    except (AttributeError, OSError, TypeError, ValueError) as error:
        return f"this vLLM is not known here ({type(error).__name__}: {error})"
    return ""


def fingerprint(generator: Any) -> str:
    """Hash the source of vLLM's generator."""
    return hashlib.sha256(inspect.getsource(generator).encode()).hexdigest()[:16]


def _may_go_round(app: Any) -> bool:
    """Tell whether nothing stands before the app that wants to see the pieces of a body."""
    layers = {getattr(layer.cls, "__name__", "") for layer in getattr(app, "user_middleware", [])}
    keep_alive = getattr(getattr(app.state, "args", None), "sse_keep_alive_interval", 0) or 0
    return layers <= INDIFFERENT and not keep_alive > 0


def _fast_class(base: type[Any]) -> type[Any]:
    """Return the sub-class of vLLM's handler that streams by way of this file."""
    module = sys.modules[base.__module__]

    def chat_completion_stream_generator(
        self: Any, request: Any, result_generator: Any, request_id: str, model_name: str, *rest: Any, **named: Any
    ) -> AsyncGenerator[str, None]:
        def own(view: Any, results: Any) -> AsyncGenerator[str, None]:
            generator: AsyncGenerator[str, None] = base.chat_completion_stream_generator(
                view, request, results, request_id, model_name, *rest, **named
            )
            return generator

        if not is_plain(self, request):
            return own(self, result_generator)
        return _stream(_Stream(self, module, request, (request_id, model_name), own), result_generator)

    return type("FastServingChat", (base,), {"chat_completion_stream_generator": chat_completion_stream_generator})


def is_plain(serving: Any, request: Any) -> bool:
    """Tell whether all that is asked for is text, reasoning and tool calls of one choice."""
    options = request.stream_options
    return not (
        (request.n or 1) != 1
        or request.logprobs
        or request.echo
        or request.return_token_ids
        or request.return_prompt_text
        or (options is not None and options.continuous_usage_stats)
        or serving.enable_force_include_usage  # which means: in every event
        or serving.enable_log_outputs
    )


async def _stream(stream: "_Stream", results: AsyncGenerator[Any, None]) -> AsyncGenerator[str, None]:
    """Yield the events; pieces of text go to the connection directly where that is possible."""
    way = outlet.current.get() if stream.direct else None
    try:
        for event in stream.begin():
            yield event
        last = ""  # held back until the end, which is near: the last events go out together
        while not stream.over:
            try:
                events = stream.take(await anext(results))
            except StopAsyncIteration:
                events = stream.end()
            except Exception as error:  # vLLM's own generator writes the event that tells of it
                events = stream.fail(error)
            if stream.failed:
                for event in (last, *events):
                    if event:
                        yield event
            elif stream.finished and not stream.over:
                last = "".join(events)
            elif stream.plain and way is not None and way.begun:
                for event in events:
                    await way.write(event)
            elif events:
                yield last + "".join(events)
    finally:
        stream.close()


class _Feed:
    """The results as vLLM's generator sees them: it waits here until its driver sends the next one."""

    def __aiter__(self) -> "_Feed":
        return self

    @types.coroutine
    def __anext__(self) -> Generator["_Feed", Any, Any]:
        return (yield self)


class _Stream:
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
        self._request = request
        self._names = names
        self._module = module
        self._pieces: Pieces | None = None
        self._relay: _Relay | None = None
        self._unseen: list[int] = []  # tokens of the pieces that vLLM's generator has not seen: it counts them
        self._counted = False  # whether a token has been seen
        self._feed = _Feed()
        view = serving
        if serving.parser_cls is not None:
            view = copy.copy(serving)
            view._make_parser = functools.partial(self._make_relay, serving)
        self._own = own(view, self._feed)
        self._step: Any = self._own.__anext__()

    def _make_relay(self, serving: Any, *arguments: Any) -> "_Relay":
        self._relay = _Relay(serving._make_parser(*arguments))
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
        return self._drive(lambda step: step.throw(error))

    def close(self) -> None:
        """Let go of vLLM's generator."""
        if not self.over:
            self.over = True
            with contextlib.suppress(GeneratorExit, StopAsyncIteration):
                self._step.throw(GeneratorExit())

    def take(self, result: Any) -> list[str]:
        """Return the events of one result: from the template if it is a plain piece of text."""
        output = result.outputs[0] if len(result.outputs) == 1 else None
        pieces = self._pieces
        if pieces is None or output is None or output.finish_reason is not None or result.finished:
            return self._let_vllm_write(result)
        if not (self._counted or output.token_ids):
            return self._let_vllm_write(result)  # the prompt is still being read
        name, text = "content", output.text
        if self._relay is not None:
            delta = self._relay.parser.parse_delta(
                delta_text=text,
                delta_token_ids=list(output.token_ids),
                request=self._request,
                prompt_token_ids=result.prompt_token_ids,
                finished=False,
            )
            name = "" if delta is None else only_text(delta)
            if delta is not None and not name:
                self._relay.parsed = delta
                return self._let_vllm_write(result)
            text = getattr(delta, name) if name else ""
        self.plain = True
        self._counted = True
        self._unseen += output.token_ids
        return [pieces.quick(name, text)] if name else []

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


def _continue(step: Any) -> Any:
    return step.send(None)


class _Relay:
    """The parser as vLLM's generator sees it: what has been parsed already is handed over."""

    def __init__(self, parser: Any) -> None:
        self.parser = parser
        self.parsed: Any = None
        self.tokens: list[int] = []  # of the current result alone

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)

    def parse_delta(self, *, delta_token_ids: Any, **named: Any) -> Any:
        """Return what the parser made of the current result."""
        if self.parsed is not None:
            parsed, self.parsed = self.parsed, None
            return parsed
        return self.parser.parse_delta(delta_token_ids=self.tokens, **named)
