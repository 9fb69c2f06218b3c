"""Items as they are kept are those that OpenAI's clients list."""

import base64
import json
from typing import Any

import pytest
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter

from scoring.responses.request.items import read_items

TEXT = {"type": "input_text", "text": "a"}
SAID = {"type": "output_text", "text": "a"}
PNG = "data:image/png;base64,iVBORw0KGgo="
NOTES = base64.b64encode(b"Notes.").decode()


@pytest.mark.parametrize(
    "item",
    [
        pytest.param({"role": "user", "content": "a"}, id="user"),
        pytest.param({"role": "developer", "content": ["a"]}, id="developer"),
        pytest.param({"role": "assistant", "content": None}, id="assistant"),
        pytest.param({"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}, TEXT]}, id="refusal"),
        pytest.param({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}, id="image"),
        pytest.param({"role": "user", "content": [{"type": "input_file", "file_data": NOTES}]}, id="file"),
        pytest.param({"type": "reasoning", "encrypted_content": "a", "content": "Hm."}, id="reasoning"),
        pytest.param({"type": "function_call", "call_id": "c", "name": "f"}, id="call"),
        pytest.param({"type": "function_call_output", "call_id": "c"}, id="output"),
        pytest.param({"type": "function_call_output", "call_id": "c", "output": [SAID]}, id="output-of-parts"),
        pytest.param({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": ""}, id="custom-call"),
        pytest.param({"type": "custom_tool_call_output", "call_id": "c", "output": "a"}, id="custom-output"),
        pytest.param({"type": "shell_call", "call_id": "c", "action": {"commands": ["a"]}}, id="shell-call"),
        pytest.param(
            {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}}, id="patch"
        ),
        pytest.param({"type": "apply_patch_call_output", "call_id": "c"}, id="patch-output"),
        pytest.param({"type": "mcp_call", "server_label": "s", "name": "f"}, id="mcp-call"),
        pytest.param({"type": "mcp_approval_request", "server_label": "s", "name": "f"}, id="mcp-request"),
        pytest.param({"type": "compaction", "encrypted_content": "a"}, id="compaction"),
    ],
)
def test_what_is_kept_can_be_listed_by_openais_types(item: dict[str, Any]) -> None:
    TypeAdapter[Any](ResponseItem).validate_json(json.dumps(read_items([item])[0]), strict=True)
