"""Which front answers what, as the table has it."""

from typing import Any

import pytest

from scoring.engine.fronts.table import BOTH, FrontFacts, python_row

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Hi"}]


def facts(version: str = "0.32") -> FrontFacts:
    return FrontFacts(version, max_model_len=2048)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    "document",
    [
        {"messages": MESSAGES},
        {"messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 5},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
        {"messages": MESSAGES, "n": 1, "response_format": {"type": "text"}, "tool_choice": "none"},
    ],
)
def test_plain_chats_are_answered_by_the_rust_front(document: dict[str, Any], version: str) -> None:
    assert python_row(CHAT, document, facts(version)) is None


def test_a_version_that_nobody_has_compared_goes_to_python() -> None:
    assert python_row(CHAT, {"messages": MESSAGES}, facts("0.34")) is not None
