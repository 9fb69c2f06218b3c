"""vLLM's chat handler without an engine, with and without the fast path: it streams whatever a test gives it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tokenizers.decoders import DecodeStream
from vllm.entrypoints.generate.base.protocol import RequestResponseMetadata
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.parser import ParserManager
from vllm.sampling_params import RequestOutputKind, SamplingParams
from vllm.v1.engine import EngineCoreOutput, EngineCoreRequest, FinishReason, async_llm
from vllm.v1.engine.output_processor import OutputProcessor

from scoring import fast_stream, inline_stream
from scoring.outlet import outlet

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zagreb", "note": "\\"hot\\" é"}}\n</tool_call>'
TEXT = 'Zwölf Boxkämpfer — "jagen" Viktor\tquer \\ über\n\nden Sylter Deich 👩🏽‍🚀🇭🇷 \u2028 </end>'


@dataclass(frozen=True)
class Answer:
    """What the engine gives for one request."""

    text: str
    finish: str | None = "stop"
    stop_reason: str | int | None = None
    error: Exception | None = None
    merged: int = 1  # tokens in one result, as when the client is behind
    empty_results: int = 0  # before the first token, as when a long prompt is read in parts


@dataclass
class Handlers:
    """vLLM's handler and the same one with the fast path, over one tokenizer."""

    tokenizer: Any
    made: dict[tuple[str, ...], tuple[Any, Any]] = field(default_factory=dict)

    def pair(self, reasoning: str = "", tools: str = "") -> tuple[Any, Any]:
        key = (reasoning, tools)
        if key not in self.made:
            slow, fast = self._handler(reasoning, tools), self._handler(reasoning, tools)
            assert fast_stream.install(application(fast))
            self.made[key] = (slow, fast)
        return self.made[key]

    def _handler(self, reasoning: str, tools: str) -> Any:
        handler = object.__new__(OpenAIServingChat)  # its constructor wants an engine, its generator does not
        handler.parser_cls = ParserManager.get_parser(
            tool_parser_name=tools or None,
            reasoning_parser_name=reasoning or None,
            enable_auto_tools=bool(tools),
            tokenizer=self.tokenizer,
        )
        handler.tokenizer = self.tokenizer
        handler.model_config = None
        handler.response_role = "assistant"
        handler.system_fingerprint = "vllm-test"
        handler.request_logger = None
        handler.enable_force_include_usage = handler.enable_log_outputs = handler.enable_log_deltas = False
        handler.enable_per_request_metrics = False
        handler.enable_prompt_tokens_details = True
        handler._include_reasoning_tokens_details = bool(reasoning)
        return handler

    def results(self, answer: Answer) -> list[RequestOutput]:
        stream = DecodeStream(skip_special_tokens=False)
        tokens = self.tokenizer.encode(answer.text, add_special_tokens=False)
        found = [result([], "") for _ in range(answer.empty_results)]
        for start in range(0, len(tokens), answer.merged):
            ids = tokens[start : start + answer.merged]
            text = "".join(stream.step(self.tokenizer._tokenizer, token) or "" for token in ids)
            found.append(result(ids, text))
        if answer.error is None and found:
            last = found[-1]
            last.finished = True
            last.outputs[0].finish_reason, last.outputs[0].stop_reason = answer.finish, answer.stop_reason
        return found


def result(ids: list[int], text: str) -> RequestOutput:
    output = CompletionOutput(0, text, ids, None, None)
    return RequestOutput("r", "the prompt", [1, 2, 3], None, [output], False, num_cached_tokens=2)


def application(handler: Any, *layers: type) -> Any:
    state = SimpleNamespace(openai_serving_chat=handler, args=SimpleNamespace(sse_keep_alive_interval=0))
    return SimpleNamespace(state=state, user_middleware=[SimpleNamespace(cls=layer) for layer in layers])


async def as_given(results: Sequence[RequestOutput], error: Exception | None) -> AsyncIterator[RequestOutput]:
    for one in results:
        yield one
    if error is not None:
        raise error


async def stream(
    handler: Any, request: dict[str, Any], answer: list[RequestOutput], error: Exception | None
) -> list[str]:
    asked = ChatCompletionRequest(**{"messages": [{"role": "user", "content": "Hi"}], "stream": True, **request})
    metadata = RequestResponseMetadata(request_id="chatcmpl-1")
    generator = handler.chat_completion_stream_generator(
        asked, as_given(answer, error), "chatcmpl-1", 'a "model"', [], handler.tokenizer, metadata,
        chat_template_kwargs={}, mm_token_counts=None,
    )  # fmt: skip
    chunks = [chunk async for chunk in generator]
    return [*chunks, f"counted: {metadata.final_usage_info}"]


class Client:
    """The end of a connection: what has arrived, and whether it keeps up."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.flow = SimpleNamespace(write_paused=False)

    async def send(self, message: Any) -> None:
        while self.flow.write_paused:  # noqa: ASYNC110
            await asyncio.sleep(0)
        self.arrived.append(message.get("body", b"").decode())


async def stream_inline(
    handler: Any,
    request: dict[str, Any],
    answer: list[RequestOutput],
    error: Exception | None,
    busy: range = range(0),
) -> tuple[list[str], int]:
    """Stream with vLLM's own collector, the engine's results coming in one by one; the client is `busy` for some.

    Returns what arrived, and how many results were written without waking the stream's task.
    """

    def steps(collector: Any) -> Iterator[None]:
        for one in answer:
            collector.put(one)
            yield
        if error is not None:
            collector.put(error)
            yield

    return await stream_steps(handler, request, steps, busy, empty=not answer and error is None)


async def stream_steps(
    handler: Any,
    request: dict[str, Any],
    steps: Callable[[Any], Iterator[None]],
    busy: range = range(0),
    *,
    empty: bool = False,
) -> tuple[list[str], int]:
    """Stream what each step puts into vLLM's collector; returns as `stream_inline`."""
    assert inline_stream.install()
    client = Client()
    way = outlet(client.send, client.send, client.send)
    await way({"type": "http.response.start"})
    inline = 0

    async def results() -> AsyncIterator[RequestOutput]:
        collector: Any = async_llm.RequestOutputCollector(RequestOutputKind.DELTA, "r")
        feeding = asyncio.create_task(feed(collector))
        while not empty:
            one = collector.get_nowait() or await collector.get()
            yield one
            if one.finished:
                break
        await feeding

    async def feed(collector: Any) -> None:
        nonlocal inline
        for number, _ in enumerate(steps(collector), start=1):
            inline += collector.output is None
            client.flow.write_paused = number in busy
            for _ in range(4):
                await asyncio.sleep(0)
        client.flow.write_paused = False

    metadata = RequestResponseMetadata(request_id="chatcmpl-1")
    asked = ChatCompletionRequest(**{"messages": [{"role": "user", "content": "Hi"}], "stream": True, **request})
    generator = handler.chat_completion_stream_generator(
        asked, results(), "chatcmpl-1", 'a "model"', [], handler.tokenizer, metadata,
        chat_template_kwargs={}, mm_token_counts=None,
    )  # fmt: skip
    async for chunk in generator:
        await client.send({"body": chunk.encode()})
    return [*client.arrived, f"counted: {metadata.final_usage_info}"], inline


def engine_steps(
    tokenizer: Any, text: str, made: list[Any], *, aborted: bool = False, **asked: Any
) -> Callable[[Any], Iterator[None]]:
    """What vLLM's output processor puts into a collector when the engine sends the text's tokens one by one.

    `made` gets every result that vLLM makes an object of. An `aborted` request ends before its last token.
    """
    tokens = tokenizer.encode(text, add_special_tokens=False)

    def steps(collector: Any) -> Iterator[None]:
        put = collector.put
        collector.put = lambda one: (made.append(one), put(one))
        processor = OutputProcessor(tokenizer, log_stats=False)
        parameters = SamplingParams(output_kind=RequestOutputKind.DELTA, max_tokens=len(tokens), **asked)
        sent = EngineCoreRequest("r", [1, 2, 3], None, parameters, None, 0.0, None, None, None, external_req_id="r")
        processor.add_request(sent, "the prompt", queue=collector)
        for number, token in enumerate(tokens, start=1):
            if aborted and number == len(tokens):
                processor.abort_requests(["r"], internal=True)
                yield
                return
            reason = FinishReason.LENGTH if number == len(tokens) else None
            processor.process_outputs([EngineCoreOutput("r", [token], finish_reason=reason)])
            yield

    return steps


def results_of(steps: Callable[[Any], Iterator[None]]) -> list[RequestOutput]:
    """The results as they are where nothing is written before they are collected."""
    collector: Any = async_llm.RequestOutputCollector(RequestOutputKind.DELTA, "r")
    collected = (collector.get_nowait() for _ in steps(collector))
    return [one for one in collected if one is not None]


def events(chunks: list[str]) -> list[str]:
    text = re.sub(r'"created":\d+', '"created":0', "".join(chunks))
    return re.sub(r"chatcmpl-tool-\w+", "chatcmpl-tool-x", text).split("\n\n")
