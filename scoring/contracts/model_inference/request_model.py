"""What the requests of the Azure AI Model Inference API have in common, and how a fault in one is told.

Sources: the reference "Chat Completions | Azure AI Foundry" (2024-05-01-preview) and the stable document 2025-04-01.
Where they differ the wider one counts: `temperature` has no upper bound, `stop` may be a string, null means absent.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from scoring.problems import Problem

Document = dict[str, Any]
Item = TypeVar("Item")
AtLeastOne = Annotated[list[Item], Field(min_length=1, fail_fast=True)]
SHOWN = 200  # characters of a value at fault

# By pydantic's names of faults; what is missing here is told in its own words.
WORDS = {
    "missing": "is required",
    "union_tag_not_found": "is required",
    "union_tag_invalid": "must be one of {expected_tags}",
    "literal_error": "must be one of {expected}",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "string_type": "must be a string",
    "bool_type": "must be a boolean",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be finite",
    "too_short": "must have at least {min_length} item",
    "greater_than_equal": "must be at least {ge:.16g}",
    "less_than_equal": "must be at most {le:.16g}",
}


class RequestModel(BaseModel):
    """An object of a request: nothing is converted, and members that it does not know may be there."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


def unprocessable(path: Sequence[str], message: str, value: Any) -> Problem:
    """Return the 422 that says where the value lies and what it is, cut short."""
    where = ".".join(path)[:SHOWN]
    shown = value if isinstance(value, str) else "" if value is None else repr(value)
    return Problem(422, f"{where} {message}.", param=where, details={"loc": ["body", *path], "value": shown[:SHOWN]})


def problem_of(faults: Sequence[Any], document: Any) -> Problem:
    """Return the 422 for the faults that pydantic has found in a document: the one that lies deepest.

    Of a union pydantic names the faults of each branch; deepest is the one in the branch that was meant.
    """
    places = [_place(fault, document) for fault in faults]
    deepest = max(places, key=len)
    words = [_words(fault) for fault, place in zip(faults, places, strict=True) if place == deepest]
    fault = faults[places.index(deepest)]
    value = {"missing": None, "union_tag_not_found": None}.get(fault["type"], fault["input"])
    if fault["type"] == "union_tag_invalid":
        value = fault["ctx"]["tag"]
    return unprocessable(deepest, " or ".join(dict.fromkeys(words)).replace(" or must be ", " or "), value)


def in_azures_words(problem: Problem) -> Problem:
    """Return a refused value of a field as this API tells it, with 422 and its place; other problems as they are."""
    if problem.status != 400 or problem.param is None:
        return problem
    details = problem.details or {"loc": ["body", *problem.param.split(".")], "value": ""}
    return Problem(422, problem.message, param=problem.param, details=details)


def _words(fault: Any) -> str:
    words = WORDS.get(fault["type"])
    return words.format(**fault.get("ctx", {})) if words else f"is refused: {fault['msg']}"


def _place(fault: Any, document: Any) -> tuple[str, ...]:
    """Return where a fault lies, without pydantic's names for the branches of unions."""
    names = list(fault["loc"][1:] if fault["loc"][:1] == ("body",) else fault["loc"])
    last = [str(names.pop())] if fault["type"] == "missing" else []
    if fault["type"].startswith("union_tag"):
        last = [fault["ctx"]["discriminator"].strip("'")]
    place, node = [], document
    for name in names:
        if (isinstance(node, list) and isinstance(name, int)) or (isinstance(node, dict) and name in node):
            node = node[name]
            place.append(str(name))
    return (*place, *last)
