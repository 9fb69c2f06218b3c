"""Tool calls as a client sees them: SmolLM2 says what the test wants, in a stream and in a whole answer."""

import json
from typing import Any

import pytest

from tests.scoring.puppet import SAY, TOOLS, puppet, said

HI = {"text": "hi"}
SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def tagged(text: str) -> str:
    return f"<tool_call>\n{text}\n</tool_call>"


@pytest.mark.parametrize(
    ("text", "content", "arguments"),
    [
        pytest.param(
            '{"name": "say", "arguments": {"text": "</tool_call>"}}', None, {"text": "</tool_call>"}, id="45167"
        ),
        pytest.param('{"arguments": {"name": "a"}, "name": "say"}', None, {"name": "a"}, id="5649-arguments-first"),
        pytest.param(r'{"name": "say", "arguments": "{\"text\": \"hi\"}"}', None, HI, id="54964-encoded-twice"),
        pytest.param('{"name": "say"}', None, {}, id="28806-no-arguments"),
        pytest.param('{"name": "say", "arguments": {"text": "hi"}, "id": 7}', None, HI, id="member-after-arguments"),
        pytest.param("I do not call.", tagged("I do not call."), None, id="no-call"),
    ],
)
def test_what_is_between_the_tags(chat_url: str, text: str, content: str | None, arguments: Any) -> None:
    answer = said(chat_url, puppet(tagged(text), **TOOLS))
    assert answer.content == content
    assert [(name, json.loads(given)) for name, given in answer.calls] == (
        [] if arguments is None else [("say", arguments)]
    )
    assert answer.finish == ("stop" if arguments is None else "tool_calls")


def test_the_beginning_of_a_tag_at_the_end_is_text(chat_url: str) -> None:
    assert said(chat_url, puppet("a < b, <tool", **TOOLS)).content == "a < b, <tool"


def test_tags_are_text_where_no_call_is_wanted(chat_url: str) -> None:
    text = tagged('{"name": "say", "arguments": {}}')
    assert said(chat_url, puppet(text, tools=[SAY], tool_choice="none")).content == text


def test_a_call_that_max_tokens_cuts_ends_with_length(chat_url: str) -> None:
    text = tagged(f'{{"name": "say", "arguments": {{"text": "{"word " * 60}"}}}}')
    answer = said(chat_url, puppet(text, **TOOLS, max_tokens=50))
    assert answer.calls[0][1].startswith('{"text": "word word')
    assert (answer.content, answer.finish) == (None, "length")


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        pytest.param("required", "tool_calls", id="required"),
        pytest.param({"type": "function", "function": {"name": "say"}}, "stop", id="named"),
    ],
)
def test_a_forced_call_has_an_object_for_arguments(chat_url: str, choice: Any, finish: str) -> None:
    asked = {"model": "", "messages": [{"role": "user", "content": "go"}], "temperature": 0, "max_tokens": 60}
    answer = said(chat_url, {**asked, "tools": [SAY], "tool_choice": choice})
    assert [(name, type(json.loads(given))) for name, given in answer.calls] == [("say", dict)]
    assert answer.finish == finish


@pytest.mark.parametrize(
    ("first", "called"),
    [
        pytest.param("<tool_call>", True, id="39929-call"),
        pytest.param("{", False, id="format"),
    ],
)
def test_a_response_format_leaves_calls_possible(chat_url: str, first: str, *, called: bool) -> None:
    example = tagged('{"name": "say", "arguments": {"text": "hi"}}') if called else '{"answer": 7}'
    messages = [{"role": "system", "content": f"Always answer with {example}"}, {"role": "user", "content": first}]
    answer = said(
        chat_url,
        {"model": "", "messages": messages, "temperature": 0, "max_tokens": 60, **TOOLS, "response_format": FORMAT},
    )
    if called:
        assert [name for name, _ in answer.calls] == ["say"]
    else:
        assert list(json.loads(str(answer.content))) == ["answer"]
