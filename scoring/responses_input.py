"""What vLLM 0.32 cannot read in a Responses request, put so that it can."""

from typing import Any


def readable_input(given: Any) -> Any:
    """Turn `refusal` parts of earlier answers into text, on which vLLM fails with a 500."""
    if not isinstance(given, list):
        return given
    return [_item(item) for item in given]


def _item(item: Any) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get("content"), list):
        return item
    return {**item, "content": [_part(part) for part in item["content"]]}


def _part(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") == "refusal" and isinstance(part.get("refusal"), str):
        return {"type": "output_text", "text": part["refusal"], "annotations": []}
    return part
