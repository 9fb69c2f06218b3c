"""What is a call in a model's text and what is not, however the text comes in pieces."""

import itertools
import random

import pytest

from scoring.engine.repairs.hermes.tagged_calls import Call, CallReader, Piece, Text

SAY = '{"name": "say", "arguments": {"text": "hi"}}'
SAYS = ("say", '{"text": "hi"}')


def tagged(text: str) -> str:
    return f"<tool_call>\n{text}\n</tool_call>"


def read(*texts: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the text and the calls of an answer that comes in these pieces."""
    reader = CallReader()
    pieces: list[Piece] = [piece for text in texts for piece in reader.feed(text)] + reader.finish()
    content, calls = "", []
    for piece in pieces:
        if isinstance(piece, Text):
            content += piece.text
        elif isinstance(piece, Call):
            calls.append((piece.name, ""))
        else:
            calls[-1] = (calls[-1][0], calls[-1][1] + piece.text)
    return content, calls


def call(arguments: str) -> str:
    return tagged(f'{{"name": "say", "arguments": {arguments}}}')


CASES = [
    pytest.param("Hello.", "Hello.", [], id="text"),
    pytest.param("  \n", "  \n", [], id="white-space"),
    pytest.param("a < b, <tool", "a < b, <tool", [], id="beginning-of-a-tag-at-the-end"),
    pytest.param(f"```json\n{SAY}\n```", f"```json\n{SAY}\n```", [], id="no-tags"),
    pytest.param(tagged(SAY), "", [SAYS], id="call"),
    pytest.param("\n\n" + tagged(SAY), "", [SAYS], id="white-space-before"),
    pytest.param("Sure.\n" + tagged(SAY), "Sure.\n", [SAYS], id="text-before"),
    pytest.param(tagged(SAY) + " Done.", " Done.", [SAYS], id="text-after"),
    pytest.param(tagged(SAY) + "\n" + tagged(SAY), "", [SAYS, SAYS], id="two-calls"),
    pytest.param(tagged(f"{SAY}\n{SAY}"), "", [SAYS, SAYS], id="two-calls-in-one-pair-of-tags"),
    pytest.param(call('{"text": "</tool_call>"}'), "", [("say", '{"text": "</tool_call>"}')], id="vllm-45167"),
    pytest.param(call('{"text": "}<tool_call>"}'), "", [("say", '{"text": "}<tool_call>"}')], id="tag-in-a-string"),
    pytest.param(
        call(r'{"text": "\"</tool_call>\\"}'), "", [("say", r'{"text": "\"</tool_call>\\"}')], id="quotes-in-a-string"
    ),
    pytest.param(tagged('{"arguments": {"text": "hi"}, "name": "say"}'), "", [SAYS], id="arguments-first"),
    pytest.param(
        tagged('{"arguments": {"name": "other"}, "name": "say"}'), "", [("say", '{"name": "other"}')], id="vllm-5649"
    ),
    pytest.param(call(r'"{\"text\": \"hi\"}"'), "", [SAYS], id="vllm-54964-encoded-twice"),
    pytest.param(tagged('{"name": "say"}'), "", [("say", "{}")], id="vllm-28806-no-arguments"),
    pytest.param(call("null"), "", [("say", "{}")], id="arguments-null"),
    pytest.param(call('""'), "", [("say", "{}")], id="arguments-empty"),
    pytest.param(call("{}"), "", [("say", "{}")], id="arguments-empty-object"),
    pytest.param(tagged('{"name": "say", "parameters": {"text": "hi"}}'), "", [SAYS], id="parameters"),
    pytest.param(tagged('{"id": 7, "name": "say", "arguments": {"text": "hi"}}'), "", [SAYS], id="other-member-first"),
    pytest.param(tagged('{"name": "say", "arguments": {"text": "hi"}, "id": 7}'), "", [SAYS], id="other-member-last"),
    pytest.param(tagged(r'{"name": "s\u0061y", "arguments": {"text": "hi"}}'), "", [SAYS], id="escaped-name"),
    pytest.param(tagged(SAY + "}"), "", [SAYS], id="a-brace-too-many"),
    pytest.param(call('{"text": "a\nb"}'), "", [("say", r'{"text": "a\nb"}')], id="line-break-in-a-string"),
    pytest.param(tagged(SAY[:-1]), "", [SAYS], id="a-brace-too-few"),
    pytest.param(tagged('{"name": "say"'), tagged('{"name": "say"'), [], id="a-brace-too-few-without-arguments"),
    pytest.param(
        tagged('{"arguments": {"text": "hi"}, "name": "say"'), "", [SAYS], id="a-brace-too-few-behind-the-name"
    ),
    pytest.param("<tool_call>" + SAY, "", [SAYS], id="no-closing-tag"),
    pytest.param(f"<tool_call>{SAY}\nDone.", "\nDone.", [SAYS], id="no-closing-tag-but-text"),
    pytest.param(call('{"text": "hi')[:-14], "", [("say", '{"text": "hi')], id="cut-in-the-arguments"),
    pytest.param('<tool_call>{"name": "say"', '<tool_call>{"name": "say"', [], id="cut-before-the-arguments"),
    *(
        pytest.param(tagged(text), tagged(text), [], id=name)
        for name, text in {
            "words": "I will not.",
            "nothing": "",
            "no-name": '{"a": 1}',
            "name-empty": '{"name": " ", "arguments": {}}',
            "name-a-number": '{"name": 5, "arguments": {}}',
            "arguments-a-list": '{"name": "say", "arguments": [1]}',
            "arguments-a-number": '{"name": "say", "arguments": 1}',
            "arguments-words": '{"name": "say", "arguments": "hello"}',
            "a-list": f"[{SAY}]",
            "python": "{'name': 'say', 'arguments': {}}",
        }.items()
    ),
    pytest.param(tagged("no call") + tagged(SAY), tagged("no call"), [SAYS], id="a-call-after-none"),
    pytest.param(tagged(SAY) + tagged("no call"), tagged("no call"), [SAYS], id="a-call-before-none"),
]


@pytest.mark.parametrize(("text", "content", "calls"), CASES)
def test_pieces_do_not_matter(text: str, content: str, calls: list[tuple[str, str]]) -> None:
    assert read(text) == (content, calls)
    assert read(*text) == (content, calls)
    places = random.Random(text)
    for _ in range(20):
        cuts = [0, *sorted(places.choices(range(len(text) + 1), k=3)), len(text)]
        assert read(*(text[a:b] for a, b in itertools.pairwise(cuts))) == (content, calls)


def test_arguments_are_told_as_they_come() -> None:
    reader = CallReader()
    assert reader.feed('<tool_call>{"name": "say", "arguments": ') == []
    assert reader.feed('{"te')[0] == Call("say")
    assert [piece.text for piece in reader.feed('xt": "h') if not isinstance(piece, Call)] == ['xt": "h']
