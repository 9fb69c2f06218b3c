"""The fast path of streamed chat completions: vLLM's own bytes for less work per token.

vLLM builds and serialises three pydantic objects for every token and sends them through six layers of middleware. Here
vLLM's own generator still writes everything that is not a plain piece of text (the first event, tool calls, the last
event, usage, errors); the pieces of text between are cut from a template that vLLM's own classes have written, and go
straight to the connection. What cannot be done exactly so (logprobs, n > 1, echo, token ids, usage in every event,
logged outputs) is left to vLLM altogether, and a vLLM whose generator is not the one known here switches it all off.
"""

import logging
import sys
from collections.abc import AsyncGenerator
from typing import Any

from scoring import inline_stream, outlet
from scoring.chat_stream import Stream
from scoring.event_pieces import TEXTS, Pieces
from scoring.parser_relay import known_kinds
from scoring.source_hash import source_hash

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
    if serving.gatelift_direct and inline_stream.install() and getattr(serving, "parser_cls", None) is not None:
        known_kinds()  # looked at now: it takes too long for the first stream to wait for
    return True


def _refusal(base: type[Any]) -> str:
    """Say why this vLLM's generator cannot be relied on, or nothing."""
    try:
        found = source_hash(base.chat_completion_stream_generator)
        if found not in KNOWN_GENERATORS:
            return f"this vLLM streams chat completions in a way that is not known here ({found})"
        pieces = Pieces(sys.modules[base.__module__], "id", "model", 1)
        sample = 'a"\\\u00e9\u2028\U0001f600\n\x00\x7f/'
        for name in TEXTS:
            if pieces.quick(name, sample) != pieces.slow({name: sample, "tool_calls": []}):
                return f"this vLLM writes {name!r} in another way than is known here"
    except (AttributeError, OSError, TypeError, ValueError) as error:
        return f"this vLLM is not known here ({type(error).__name__}: {error})"
    return ""


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
        return _stream(Stream(self, module, request, (request_id, model_name), own), result_generator)

    return type("FastServingChat", (base,), {"chat_completion_stream_generator": chat_completion_stream_generator})


def is_plain(serving: Any, request: Any) -> bool:
    """Tell whether all that is asked for is text, reasoning and tool calls of one choice."""
    options = request.stream_options
    return not (
        (request.n or 1) != 1
        or request.logprobs
        or request.echo
        or request.use_beam_search
        or request.return_token_ids
        or request.return_prompt_text
        or (options is not None and options.continuous_usage_stats)
        or serving.enable_force_include_usage  # which means: in every event
        or serving.enable_log_outputs
    )


async def _stream(stream: Stream, results: AsyncGenerator[Any, None]) -> AsyncGenerator[str, None]:
    """Yield the events; pieces of text go to the connection directly where that is possible."""
    way = outlet.current.get() if stream.direct else None
    try:
        for event in stream.begin():
            yield event
        last = ""  # held back until the end, which is near: the last events go out together
        while not stream.over:
            try:
                stream.wait(way)
                result = await anext(results)
                stream.waiting = False
                events = stream.take(result)
            except StopAsyncIteration:
                events = stream.end()
            except Exception as error:  # vLLM's own generator writes the event that tells of it
                events = stream.fail(stream.error or (way and way.failure) or error)
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
