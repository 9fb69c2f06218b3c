"""Which front answers what, as the table has it."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from scoring.engine.fronts.table import (
    BOTH,
    CHAT,
    COMPLETIONS,
    OTHER_MEMBER,
    OTHER_VERSION,
    ROWS,
    SERVER_ROWS,
    FrontFacts,
    python_row,
)
from tests.scoring.fronts import generated

ROOT = Path(__file__).resolve().parents[4]
MESSAGES = [{"role": "user", "content": "Hi"}]
TOOL = {"type": "function", "function": {"name": "say"}}
PLAIN = FrontFacts("0.32", max_model_len=2048)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("path", "document"),
    [
        (CHAT, {"messages": MESSAGES}),
        (CHAT, {"messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 5}),
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}),
        (CHAT, {"messages": [*MESSAGES, {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []}]}),
        (
            CHAT,
            {"messages": MESSAGES, "n": 1, "response_format": {"type": "text"}, "tools": None, "tool_choice": "none"},
        ),
        (CHAT, {"messages": MESSAGES, "logprobs": True, "top_logprobs": 2, "user": "Ann", "metadata": {"a": "b"}}),
        (CHAT, {"messages": MESSAGES, "temperature": 0.5, "top_p": 1, "seed": 3, "stop": ["a"], "max_tokens": None}),
        (COMPLETIONS, {"prompt": "Hi", "max_tokens": 5, "ignore_eos": True}),
    ],
)
def test_plain_requests_are_answered_by_the_rust_front(path: str, document: dict[str, Any], version: str) -> None:
    assert python_row(path, document, FrontFacts(version, max_model_len=2048)) is None


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"messages": [{"role": "developer", "content": "Be short."}, *MESSAGES]}, "unusual messages"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * 2}]}, "unusual messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "unusual messages"),
        ({"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}, "unusual messages"),
        ({"messages": MESSAGES, "tools": [TOOL]}, "tools"),
        ({"messages": MESSAGES, "tool_choice": "auto"}, "a choice of tools"),
        ({"messages": MESSAGES, "max_tokens": 2049}, "more tokens than the context has"),
        ({"messages": MESSAGES, "max_completion_tokens": "5"}, "more tokens than the context has"),
        ({"messages": MESSAGES, "min_tokens": None}, "no number where one belongs"),
        ({"messages": MESSAGES, "stream": 1}, "no true or false for a switch"),
        ({"messages": MESSAGES, "n": 2}, "several answers"),
        ({"messages": MESSAGES, "echo": True}, "any other member"),
        ({"messages": MESSAGES, "": 1}, "any other member"),
        ({"prompt": ["Hi"]}, "prompts other than one text"),
        ({"prompt": "Hi", "logprobs": 1}, "log probabilities of completions"),
        ({"prompt": "Hi", "structured_outputs": {"choice": ["a"]}}, "`structured_outputs`"),
    ],
)
def test_what_the_fronts_read_otherwise_goes_to_python(document: dict[str, Any], name: str) -> None:
    row = python_row(CHAT if "messages" in document else COMPLETIONS, document, PLAIN)
    assert row is not None
    assert row.name == name


@pytest.mark.parametrize(
    ("facts", "path", "answers"),
    [
        pytest.param(FrontFacts("0.32", 2048, reasoning_parser="qwen3"), CHAT, "python", id="reasoning"),
        pytest.param(FrontFacts("0.32", 2048, reasoning_parser="qwen3"), COMPLETIONS, "rust", id="not-parsed"),
        pytest.param(FrontFacts("0.32", 2048, multimodal=True), CHAT, "python", id="media"),
        pytest.param(FrontFacts("0.34", 2048), CHAT, "python", id="a-version-that-nobody-has-compared"),
        pytest.param(PLAIN, "/v1/responses", "python", id="another-route"),
        pytest.param(FrontFacts("0.32", 2048, adapters=frozenset({"m"})), CHAT, "python", id="adapter"),
        pytest.param(FrontFacts("0.32", 2048, adapters=frozenset({"n"})), CHAT, "rust", id="the-model-beside-adapters"),
    ],
)
def test_the_server_decides_as_well(facts: FrontFacts, path: str, answers: str) -> None:
    document = {"model": "m", **({"prompt": "Hi"} if path == COMPLETIONS else {"messages": MESSAGES})}
    assert ("python" if python_row(path, document, facts) else "rust") == answers


def test_no_json_is_too_odd() -> None:
    for request in chain(generated.requests("m"), generated.mixed("m", 500, seed=2)):
        document = generated.document(request)
        assert document is None or python_row(request.path, document, PLAIN) in (None, OTHER_MEMBER, *ROWS)


def test_the_documentation_has_each_row() -> None:
    text = (ROOT / "docs/scoring.md").read_text()
    told = re.findall(
        r"^\| (.+?) \| (.+?) \|$", text.partition("### Which front answers")[2].partition("\n## ")[0], re.M
    )
    requests = [(row.name, row.reason) for row in (*ROWS, OTHER_MEMBER, OTHER_VERSION)]
    servers = [(f"{row.name}: {', '.join(f'`{name}`' for name in row.arguments)}", row.reason) for row in SERVER_ROWS]
    assert [row for row in told if row[0] not in ("Python answers", "no Rust front", "---")] == [*requests, *servers]
