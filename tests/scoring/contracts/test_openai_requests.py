"""What is changed of a request of OpenAI's API on its way to vLLM, and what is not."""

from typing import Any

import pytest

from scoring.contracts.openai_requests import openai_for_vllm

CALLS = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def document(**message: Any) -> dict[str, Any]:
    """A chat of one message."""
    return {"model": "m", "messages": [message]}


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(document(role="user", content="Hi"), id="plain"),
        pytest.param(document(role="assistant", content=None, tool_calls=CALLS), id="null-content-beside-calls"),
        pytest.param({"model": "m", "messages": "no list"}, id="no-messages"),
        pytest.param({"model": "m", "messages": ["no object"]}, id="no-message"),
    ],
)
def test_what_vllm_reads_goes_as_it_came(asked: dict[str, Any]) -> None:
    assert openai_for_vllm(asked, "m") is asked  # its bytes, too: nothing is encoded again


def test_other_null_members_of_a_message_are_left_out() -> None:
    asked = document(role="assistant", content=None, name=None, tool_calls=CALLS)
    assert openai_for_vllm(asked, "m") == document(role="assistant", content=None, tool_calls=CALLS)
