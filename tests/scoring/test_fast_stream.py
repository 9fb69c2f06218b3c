"""The fast path writes what vLLM's own generator writes, event by event; what it cannot do so, vLLM does."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("vllm")

from vllm.exceptions import GenerationError
from vllm.outputs import RequestOutput
from vllm.tokenizers import get_tokenizer

from scoring import chat_stream
from tests.scoring.chat_handlers import (
    CALL,
    TEXT,
    WEATHER,
    Answer,
    Handlers,
    engine_steps,
    events,
    result,
    results_of,
    stream,
    stream_inline,
    stream_steps,
)


@pytest.fixture(scope="module")
def handlers(random_reasoning_weights: Path) -> Handlers:
    return Handlers(get_tokenizer(str(random_reasoning_weights)))


USAGE = {"stream_options": {"include_usage": True}}
TOOLS = {"tools": [WEATHER], "tool_choice": "auto"}
BOTH = {"reasoning": "qwen3", "tools": "hermes"}


CASES = [
    pytest.param({}, {}, Answer(TEXT), id="text-and-unicode-split-across-tokens"),
    pytest.param({}, {}, Answer(TEXT, merged=3), id="merged-results"),
    pytest.param({}, {}, Answer(TEXT, empty_results=3), id="prompt-read-in-parts"),
    pytest.param({}, {}, Answer("one"), id="few-tokens"),
    pytest.param({}, {}, Answer(""), id="no-result-at-all"),
    pytest.param({}, {"stop": ["Deich"]}, Answer(TEXT, stop_reason="Deich"), id="stop-string"),
    pytest.param({}, {}, Answer(TEXT, stop_reason=2), id="stop-token"),
    pytest.param({}, {}, Answer(TEXT, finish="length"), id="length"),
    pytest.param({}, {}, Answer(TEXT, finish="abort"), id="abort"),
    pytest.param({}, USAGE, Answer(TEXT), id="usage"),
    pytest.param({}, USAGE, Answer(TEXT, merged=4), id="usage-of-merged-results"),
    pytest.param({}, {}, Answer(TEXT, finish="error"), id="engine-says-error"),
    pytest.param({}, USAGE, Answer(TEXT, error=ValueError("the engine is gone")), id="error-mid-stream"),
    pytest.param({}, {}, Answer("", error=ValueError("at once")), id="error-before-the-first-token"),
    pytest.param({}, {}, Answer(TEXT, error=GenerationError("bad")), id="generation-error"),
    pytest.param({"reasoning": "qwen3"}, USAGE, Answer(f"<think>\nhm {TEXT}\n</think>\n\n{TEXT}"), id="reasoning"),
    pytest.param({"reasoning": "qwen3"}, USAGE, Answer(f"only {TEXT}"), id="reasoning-without-an-end"),
    pytest.param({"reasoning": "deepseek_r1"}, USAGE, Answer(f"hm {TEXT}</think>{TEXT}"), id="older-parser"),
    pytest.param(
        {"reasoning": "qwen3"},
        {"include_reasoning": False},
        Answer(f"hm {TEXT}</think>{TEXT}"),
        id="hidden-reasoning",
    ),
    pytest.param(BOTH, {**USAGE, **TOOLS}, Answer(f"hm</think>I look. {CALL}"), id="reasoning-then-tool"),
    pytest.param(BOTH, {**USAGE, **TOOLS}, Answer(f"hm</think>{CALL}\n{CALL}"), id="two-calls"),
    pytest.param(
        BOTH, {**TOOLS, "parallel_tool_calls": False}, Answer(f"hm</think>{CALL}\n{CALL}"), id="no-parallel-calls"
    ),
    pytest.param(BOTH, TOOLS, Answer(f"hm</think>{TEXT}", merged=2), id="tools-offered-not-used"),
    pytest.param(BOTH, {}, Answer(f"hm</think>{TEXT}"), id="parsers-and-plain-chat"),
    pytest.param({"tools": "hermes"}, {**USAGE, **TOOLS}, Answer(CALL, error=ValueError("x")), id="error-in-a-call"),
    pytest.param({}, {"n": 2}, Answer(TEXT), id="n-2-is-vllms"),
    pytest.param({}, {"echo": True}, Answer(TEXT), id="echo-is-vllms"),
    pytest.param({}, {"return_token_ids": True}, Answer(TEXT), id="token-ids-are-vllms"),
    pytest.param(
        {},
        {"stream_options": {"include_usage": True, "continuous_usage_stats": True}},
        Answer(TEXT),
        id="usage-always",
    ),
]


@pytest.mark.parametrize(("parsers", "request_fields", "answer"), CASES)
def test_events_are_vllms(
    handlers: Handlers, parsers: dict[str, str], request_fields: dict[str, Any], answer: Answer
) -> None:
    slow, fast = handlers.pair(**parsers)
    expected = asyncio.run(stream(slow, request_fields, handlers.results(answer), answer.error))
    found = asyncio.run(stream(fast, request_fields, handlers.results(answer), answer.error))
    assert events(found) == events(expected)


@pytest.mark.parametrize(("parsers", "request_fields", "answer"), CASES)
def test_events_written_where_results_come_in_are_vllms(
    handlers: Handlers, parsers: dict[str, str], request_fields: dict[str, Any], answer: Answer
) -> None:
    slow, fast = handlers.pair(**parsers)
    expected = asyncio.run(stream(slow, request_fields, handlers.results(answer), answer.error))
    found, _ = asyncio.run(stream_inline(fast, request_fields, handlers.results(answer), answer.error))
    assert events(found) == events(expected)


@pytest.mark.parametrize("busy", [pytest.param(range(0), id="keeps-up"), pytest.param(range(1, 99, 2), id="stumbles")])
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="text"),
        pytest.param({"stop": ["Deich"]}, id="stop-string"),
        pytest.param({"stop": ["Deich"], "include_stop_str_in_output": True}, id="stop-string-shown"),
        pytest.param({"logprobs": 1}, id="logprobs-are-vllms"),
    ],
)
def test_text_that_vllm_makes_no_objects_of_is_the_same(handlers: Handlers, asked: dict[str, Any], busy: range) -> None:
    slow, fast = handlers.pair()
    every: list[Any] = []
    made: list[Any] = []
    expected = asyncio.run(
        stream(slow, USAGE, results_of(engine_steps(handlers.tokenizer, TEXT, every, **asked)), None)
    )
    found, _ = asyncio.run(stream_steps(fast, USAGE, engine_steps(handlers.tokenizer, TEXT, made, **asked), busy))
    assert said(found) == said(expected)
    assert events(found)[-3:] == events(expected)[-3:]
    if not busy:
        assert events(found) == events(expected)
        assert len(made) == (len(every) if "logprobs" in asked else 2)  # the first and the last


FRAGMENTS = [
    *["<", ">", "</", "hm", "<tool", "_call>", "<tool_call>", "</tool_call>", "<think>", "</think>", "<|im_end|>"],
    " a < b ",
    "\n",
    "é😀",
    CALL,
]
MARKS = st.sampled_from([*FRAGMENTS, '{"name": "get_weather", "arguments": {"city": "Ulm"}}', TEXT[:20]])
THINKING = {"<think>", "</think>", "<|im_end|>"}
PARSERS = [
    pytest.param({"reasoning": "qwen3"}, id="reasoning"),
    pytest.param({"tools": "hermes"}, id="tools"),
    pytest.param(BOTH, id="both"),
    pytest.param({"reasoning": "deepseek_r1", "tools": "hermes"}, id="older-parser"),
]


@pytest.mark.parametrize("parsers", PARSERS)
@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(MARKS, min_size=1, max_size=8), offered=st.booleans(), merged=st.integers(1, 3))
def test_any_marks_of_parsers_are_read_as_vllm_reads_them(
    handlers: Handlers, parsers: dict[str, str], pieces: list[str], offered: bool, merged: int
) -> None:
    slow, fast = handlers.pair(**parsers)
    answer = Answer("".join(pieces), merged=merged)
    asked = {**USAGE, **(TOOLS if offered else {})}
    expected = asyncio.run(stream(slow, asked, handlers.results(answer), None))
    assert events(asyncio.run(stream(fast, asked, handlers.results(answer), None))) == events(expected)
    found, _ = asyncio.run(stream_inline(fast, asked, handlers.results(answer), None))
    assert events(found) == events(expected)


@pytest.mark.parametrize("parsers", PARSERS[:-1])  # the older one makes something else of merged pieces
@settings(max_examples=40, deadline=None)
@given(pieces=st.lists(MARKS, min_size=1, max_size=8), busy=st.sampled_from([range(0), range(1, 99, 2), range(3, 9)]))
def test_text_past_the_parsers_is_the_same(
    handlers: Handlers, parsers: dict[str, str], pieces: list[str], busy: range
) -> None:
    thought = "hm</think>" if "reasoning" in parsers else "hm"
    # Busy: pieces come together, and what vLLM makes of a mark of thinking depends on what comes in one piece with it.
    text = thought + "".join(piece for piece in pieces if not busy or piece not in THINKING)
    slow, fast = handlers.pair(**parsers)
    steps = engine_steps(handlers.tokenizer, text, [], skip_special_tokens=False)
    expected = asyncio.run(stream(slow, {**USAGE, **TOOLS}, results_of(steps), None))
    found, _ = asyncio.run(stream_steps(fast, {**USAGE, **TOOLS}, steps, busy))
    if busy:
        assert said(found) == said(expected)
    else:
        assert events(found) == events(expected)


@pytest.mark.parametrize("parsers", [pytest.param({}, id="plain"), *PARSERS])
def test_a_request_that_the_engine_aborts_ends_its_stream(handlers: Handlers, parsers: dict[str, str]) -> None:
    slow, fast = handlers.pair(**parsers)
    steps = engine_steps(handlers.tokenizer, "hm</think> and so on", [], aborted=True)
    expected = asyncio.run(stream(slow, USAGE, results_of(steps), None))
    found, _ = asyncio.run(asyncio.wait_for(stream_steps(fast, USAGE, steps), timeout=60))
    assert events(found) == events(expected)
    assert '"finish_reason":"abort"' in "".join(found)


@pytest.mark.parametrize(
    ("parsers", "before"),
    [
        pytest.param({"reasoning": "qwen3"}, "<think>\n", id="reasoning"),
        pytest.param({"tools": "hermes"}, "", id="tools"),
        pytest.param(BOTH, "hm</think>", id="both"),
    ],
)
def test_most_text_does_not_wait_for_a_parser(handlers: Handlers, parsers: dict[str, str], before: str) -> None:
    _, fast = handlers.pair(**parsers)
    made: list[Any] = []
    text = f"{before}if a < b, say so: é 😀 {'and so on ' * 20}"
    asyncio.run(stream_steps(fast, TOOLS, engine_steps(handlers.tokenizer, text, made)))
    assert len(made) < 20 < len(handlers.tokenizer.encode(text, add_special_tokens=False))


def test_most_of_a_stream_is_written_where_results_come_in(handlers: Handlers) -> None:
    _, fast = handlers.pair()
    results = handlers.results(Answer(TEXT))
    _, inline = asyncio.run(stream_inline(fast, {}, list(results), None))
    assert inline == len(results) - 2  # all but the first and the last


@pytest.mark.parametrize(
    ("parsers", "asked", "text"),
    [
        pytest.param({}, {}, TEXT, id="plain"),
        pytest.param({"reasoning": "qwen3"}, {}, TEXT, id="reasoning"),
        pytest.param({"tools": "hermes"}, TOOLS, TEXT, id="tools"),
        pytest.param(BOTH, TOOLS, f"hm</think>{TEXT}", id="both"),
    ],
)
def test_most_pieces_of_text_are_cut_from_the_template(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch, parsers: dict[str, str], asked: dict[str, Any], text: str
) -> None:
    _, fast = handlers.pair(**parsers)
    by_vllm: list[Any] = []
    own = chat_stream.Stream._let_vllm_write
    monkeypatch.setattr(
        chat_stream.Stream, "_let_vllm_write", lambda self, result: (by_vllm.append(result), own(self, result))[1]
    )
    asyncio.run(stream_inline(fast, asked, handlers.results(Answer(text)), None))
    assert len(by_vllm) <= 3  # the first, the last, and the one in which reasoning ends


@pytest.mark.parametrize("parsers", [pytest.param({}, id="plain"), pytest.param(BOTH, id="parsers")])
def test_a_client_that_does_not_keep_up_gets_the_same_text(handlers: Handlers, parsers: dict[str, str]) -> None:
    slow, fast = handlers.pair(**parsers)
    answer = Answer(f"hm</think>{TEXT}{TEXT}")
    expected = asyncio.run(stream(slow, USAGE, handlers.results(answer), None))
    found, _ = asyncio.run(stream_inline(fast, USAGE, handlers.results(answer), None, busy=range(5, 30)))
    assert said(found) == said(expected)
    assert len(events(found)) < len(events(expected))  # it got fewer, longer pieces
    assert events(found)[-3:] == events(expected)[-3:]


def said(chunks: list[str]) -> dict[str, str]:
    """Return the whole text of each kind in a stream, that of calls by their numbers."""
    texts: dict[str, str] = {}
    for event in events(chunks):
        if event.startswith("data: {"):
            for choice in json.loads(event.removeprefix("data: "))["choices"]:
                for name, text in _texts(choice["delta"]):
                    texts[name] = texts.get(name, "") + (text or "")
    return texts


def _texts(delta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for call in delta.pop("tool_calls", None) or []:
        for name, text in call["function"].items():
            yield f"{name} {call['index']}", text
    yield from delta.items()


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(st.text(max_size=8), min_size=1, max_size=12))
def test_any_text_is_written_as_vllm_writes_it(handlers: Handlers, texts: list[str]) -> None:
    slow, fast = handlers.pair()

    def results() -> list[RequestOutput]:
        found = [result([number], text) for number, text in enumerate(texts)]
        found[-1].finished, found[-1].outputs[0].finish_reason = True, "stop"
        return found

    expected = asyncio.run(stream(slow, USAGE, results(), None))
    assert events(asyncio.run(stream(fast, USAGE, results(), None))) == events(expected)


@pytest.mark.parametrize(
    ("text", "member"),
    [
        pytest.param(f"hm</think>I look. {CALL}", "tool_calls", id="tool-calls"),
        pytest.param(f"hm</think>{TEXT}", "content", id="content"),
        pytest.param(TEXT, "reasoning", id="reasoning"),
    ],
)
def test_the_parsers_of_these_tests_find_something(handlers: Handlers, text: str, member: str) -> None:
    slow, _ = handlers.pair(**BOTH)
    found = asyncio.run(stream(slow, TOOLS, handlers.results(Answer(text)), None))
    assert any(f'"{member}":' in chunk for chunk in found[2:])
