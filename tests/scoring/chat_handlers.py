"""vLLM's chat handler without an engine, with and without the fast path: it streams whatever a test gives it."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tokenizers.decoders import DecodeStream
from vllm.entrypoints.generate.base.protocol import RequestResponseMetadata
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.parser import ParserManager

from scoring import fast_stream

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


def events(chunks: list[str]) -> list[str]:
    text = re.sub(r'"created":\d+', '"created":0', "".join(chunks))
    return re.sub(r"chatcmpl-tool-\w+", "chatcmpl-tool-x", text).split("\n\n")
