"""What vLLM cannot read in a Responses request (0.32, 0.33): said in other words, or refused in masses."""

from typing import Any

from scoring.engine.repairs.responses import request_model
from scoring.problems import Problem

# Of so many items and parts vLLM may complain, of each up to 234 times; of 8000 it did so for more than a minute.
FEW = 64


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


def check_items(given: Any) -> None:
    """Raise `Problem` (400) for the first item of a long `input` that vLLM's model refuses."""
    model = request_model()
    if model is None or not isinstance(given, list) or sum(map(_size, given)) <= FEW:
        return
    for start in range(0, len(given), FEW):
        if not _is_read(model, given[start : start + FEW]):
            position = next((at for at in range(start, start + FEW) if not _is_read(model, given[at : at + 1])), start)
            where = f"input.{position}"
            raise Problem(400, f"{where} is no item of a known type with fields as they should be.", param=where)


def _size(item: Any) -> int:
    parts = item.get("content") or item.get("output") if isinstance(item, dict) else None
    return 1 + (len(parts) if isinstance(parts, list) else 0)


def _is_read(model: Any, items: list[Any]) -> bool:
    try:
        model.model_validate({"input": items})
    except Exception:  # whatever vLLM says, or falls over
        return False
    return True
