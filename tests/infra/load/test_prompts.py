"""Prompts of a file in the forms that people have, and made-up ones."""

import json
from pathlib import Path

import pytest

from infra.errors import GateliftError
from infra.load.ask import Question
from infra.load.prompts import made_up, read_prompts

HI = [{"role": "user", "content": "Hi"}]
TURNS = [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi!"}]


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        pytest.param("What is it?\n\n  Why? \n", [Question("What is it?", 9), Question("Why?", 9)], id="lines"),
        pytest.param(
            '{"prompt": "a"}\n{"prompt": "b", "output_tokens": 3}', [Question("a", 9), Question("b", 3)], id="jsonl"
        ),
        pytest.param(json.dumps({"messages": HI, "max_tokens": 4}), [Question("", 4, tuple(HI))], id="messages"),
        pytest.param(
            json.dumps({"custom_id": "1", "method": "POST", "body": {"messages": HI}}),
            [Question("", 9, tuple(HI))],
            id="openai-batch",
        ),
        pytest.param(
            json.dumps([{"id": "x", "conversations": TURNS}, {"id": "y", "conversations": []}]),
            [Question("Hello", 9)],
            id="sharegpt",
        ),
        pytest.param(
            '{"prompt": "a\u2028b"}\r\n{"prompt": "c\x85"}', [Question("a\u2028b", 9), Question("c\x85", 9)], id="u2028"
        ),
        pytest.param("[INST] a [/INST]\nb", [Question("[INST] a [/INST]", 9), Question("b", 9)], id="llama-2"),
        pytest.param('["a", "b"]', [Question("a", 9), Question("b", 9)], id="array-of-texts"),
        pytest.param("\ufeffWhat?", [Question("What?", 9)], id="with-a-byte-order-mark"),
    ],
)
def test_forms(tmp_path: Path, text: str, questions: list[Question]) -> None:
    (tmp_path / "prompts").write_text(text, encoding="utf-8")
    assert list(read_prompts(tmp_path / "prompts", 9)) == questions


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'{"prompt": "a"}\n{"prompt": 7}', r"f\.jsonl:2: no \"prompt\" and no \"messages\"", id="no-text"),
        pytest.param(b'plain\n{"prompt": ', r"f\.jsonl:2: no JSON", id="torn"),
        pytest.param(b'{"messages": ["Hi"]}', r"f\.jsonl:1: \"messages\" must be objects", id="messages"),
        pytest.param(b'{"prompt": "a", "max_tokens": 0}', r"f\.jsonl:1: 0 is no number of tokens", id="tokens"),
        pytest.param(b'{"prompt": "a", "max_tokens": 1' + b"0" * 5000 + b"}", r"f\.jsonl:1: ", id="too-many-tokens"),
        pytest.param(b'[{"prompt": "a"}, 3]', r"f\.jsonl: entry 2: neither", id="entry"),
        pytest.param(b"[1", r"f\.jsonl: no JSON", id="array"),
        pytest.param(b"[" * 100_000, r"f\.jsonl: no JSON", id="deep-array"),
        pytest.param(b'{"a":' * 100_000, r"f\.jsonl:1: no JSON", id="deep-line"),
        pytest.param(b"\n\n", r"f\.jsonl: no prompt in it", id="empty"),
        pytest.param(b"[]", r"f\.jsonl: no prompt in it", id="empty-array"),
        pytest.param(b"\xff\xfe", r"f\.jsonl: it is not UTF-8", id="not-utf-8"),
        pytest.param(None, r"f\.jsonl: No such file", id="absent"),
    ],
)
def test_what_is_no_prompt_is_told_with_its_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "f.jsonl").write_bytes(content)
    with pytest.raises(GateliftError, match=message) as raised:
        read_prompts(tmp_path / "f.jsonl", 9)
    assert "--prompts takes" in raised.value.hint


def test_made_up_prompts_differ_and_come_again() -> None:
    choose = made_up(40, 7, seed=1, exactly=True)
    prompts = [choose(number).prompt for number in range(-3, 50)]
    assert {len(prompt.split()) for prompt in prompts} == {40}
    assert len(set(prompts)) == len(prompts)
    assert prompts == [made_up(40, 7, seed=1)(number).prompt for number in range(-3, 50)]
    assert choose(0).ignore_eos
    assert choose(0).max_tokens == 7
