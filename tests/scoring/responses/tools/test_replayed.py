"""What calls have returned, as the model is told it."""

from typing import Any

import pytest

from scoring.responses.tools.replayed import CALLS, OUTPUTS, call_in_chat, output_in_chat

RAN = {"stdout": "a\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}


def test_every_output_belongs_to_a_call() -> None:
    assert set(OUTPUTS.values()) <= set(CALLS)


@pytest.mark.parametrize(
    ("item", "content"),
    [
        pytest.param({"type": "function_call_output", "output": "7"}, "7", id="text"),
        pytest.param({"type": "shell_call_output", "output": [RAN]}, "a\n\nExit code 0.", id="shell"),
        pytest.param(
            {
                "type": "shell_call_output",
                "output": [{"stdout": "", "stderr": "no", "outcome": {"type": "timeout"}}],
            },
            "stderr:\nno\nIt took too long.",
            id="shell-too-long",
        ),
        pytest.param({"type": "local_shell_call_output", "output": '{"a": 1}'}, '{"a": 1}', id="local-shell"),
        pytest.param(
            {"type": "apply_patch_call_output", "status": "failed"}, "The patch has failed.", id="patch-failed"
        ),
        pytest.param(
            {"type": "apply_patch_call_output", "status": "completed", "output": "Done"}, "Done", id="patch-log"
        ),
    ],
)
def test_outputs_are_readable(item: dict[str, Any], content: Any) -> None:
    assert output_in_chat(item) == content


def test_arguments_are_said_as_they_came() -> None:
    item = {"type": "function_call", "name": "say", "arguments": '{"text" :  "hi"}'}
    assert call_in_chat(item) == ("say", '{"text" :  "hi"}')
