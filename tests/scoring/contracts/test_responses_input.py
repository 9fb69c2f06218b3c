"""Long inputs of Responses requests: read in pieces, and refused exactly where vLLM's model refuses them."""

import importlib
from typing import Any

import pytest

from scoring.contracts.responses_input import FEW, check_items
from scoring.problems import Problem

CALL = {"call_id": "c", "name": "f"}
MCP = {"id": "m", "name": "f", "arguments": "{}", "server_label": "s"}
ITEMS = [
    {"role": "user", "content": "Hi"},
    {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": "data:"}]},
    {"role": "developer", "content": "Hi"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
    {"role": "assistant", "content": "Hi"},
    {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]},
    {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": None, "status": None},
    {"type": "item_reference", "id": "i"},
    {"type": "function_call", **CALL, "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "1"},
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "1"}]},
    {"type": "custom_tool_call", **CALL, "input": "x"},
    {"type": "custom_tool_call_output", "call_id": "c", "output": "x"},
    {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "x"}},
    {"type": "file_search_call", "id": "s", "queries": ["x"], "status": "completed"},
    {
        "type": "code_interpreter_call",
        "id": "i",
        "code": "1",
        "container_id": "c",
        "outputs": [],
        "status": "completed",
    },
    {"type": "mcp_call", **MCP},
    {"type": "mcp_approval_request", **MCP},
    {"type": "compaction", "encrypted_content": "x"},
    {"role": "tool", "content": "1"},
    {"type": "message", "role": "user", "content": 5},
    {"type": "nonsense"},
    {},
    "Hi",
    None,
]


@pytest.fixture(scope="module")
def model() -> Any:
    return importlib.import_module("vllm.entrypoints.openai.responses.protocol").ResponsesRequest


def takes(model: Any, item: Any) -> bool:
    try:
        model.model_validate({"input": [item]})
    except ValueError:
        return False
    return True


def refused(items: list[Any]) -> str | None:
    try:
        check_items(items)
    except Problem as problem:
        return problem.param
    return None


@pytest.mark.parametrize("item", ITEMS, ids=str)
def test_long_input_is_refused_where_vllm_refuses_it(model: Any, item: Any) -> None:
    items = [*FEW * [ITEMS[0]], item, ITEMS[0]]
    assert refused(items) == (None if takes(model, item) else f"input.{FEW}")


def test_most_kinds_are_taken(model: Any) -> None:
    assert sum(takes(model, item) for item in ITEMS) == 19


def test_parts_count_too(model: Any) -> None:
    assert refused([{"role": "user", "content": [{}] * FEW}]) == "input.0"


def test_short_input_is_left_to_vllm(model: Any) -> None:
    assert refused([{}] * FEW) is None
