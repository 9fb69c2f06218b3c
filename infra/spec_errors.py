"""What is wrong with a spec, in words, and the way out of each mistake."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from infra.spec import StackSpec

AS_A_MOMENT = "write it as 2026-01-16T00:00:00.000Z"
SEE_INIT = "`gatelift init` writes a commented spec"


def explain(detail: ErrorDetails) -> tuple[str, str]:
    """One mistake as `(message, hint)`; there is always a hint."""
    kind, value, context = detail["type"], shown(detail["input"]), detail.get("ctx", {})
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return f"unknown key {name!r}", _did_you_mean(name, detail["loc"])
    if kind == "missing":
        return "is missing", f"add `{name}:`"
    if kind == "value_error":
        said = str(context["error"])
        if name == "invisible_until":
            return f"{value} {said}" if said.startswith("must") else said, AS_A_MOMENT
        return (f"{value} {said}" if said.startswith("must") else said), getattr(context["error"], "hint", SEE_INIT)
    if kind == "string_pattern_mismatch" and name == "invisible_until":
        return f"{value} is not a moment in UTC with milliseconds", AS_A_MOMENT
    if kind == "string_type":
        return f"{value} is not text", _as_text(name, detail["input"])
    says, hint = EXPLANATIONS.get(kind, (lambda context: detail["msg"], lambda name, context: SEE_INIT))
    return f"{value} {says(context)}", hint(name, context)


Said = Callable[[Mapping[str, Any]], str]
Hinted = Callable[[str, Mapping[str, Any]], str]


def _whole(name: str, context: Mapping[str, Any]) -> str:
    return f"write a whole number without quotes, for example `{name}: 1`"


def _mapping(name: str, context: Mapping[str, Any]) -> str:
    return f"write `key: value` lines, indented, below `{name}:`" if name else SEE_INIT


EXPLANATIONS: dict[str, tuple[Said, Hinted]] = {
    "int_parsing": (lambda context: "is not a whole number", _whole),
    "int_type": (lambda context: "is not a whole number", _whole),
    "int_from_float": (lambda context: "is not a whole number", _whole),
    "bool_type": (lambda context: "is neither true nor false", lambda name, context: f"write `{name}: true`"),
    "bool_parsing": (lambda context: "is neither true nor false", lambda name, context: f"write `{name}: true`"),
    "dict_type": (lambda context: "is not a mapping of keys and values", _mapping),
    "model_type": (lambda context: "is not a mapping of fields", _mapping),
    "model_attributes_type": (lambda context: "is not a mapping of fields", _mapping),
    "literal_error": (
        lambda context: f"is none of {context['expected']}",
        lambda name, context: f"choose one of {context['expected']}",
    ),
    "greater_than_equal": (
        lambda context: f"is less than {context['ge']}",
        lambda name, context: f"{name} begins at {context['ge']}",
    ),
    "less_than_equal": (
        lambda context: f"is more than {context['le']}",
        lambda name, context: f"{name} ends at {context['le']}",
    ),
    "string_too_short": (
        lambda context: "is empty",
        lambda name, context: f"give {name} a value, or leave the line out",
    ),
    "tuple_type": (lambda context: "is not a list", lambda name, context: f"write `- value` lines below `{name}:`"),
}


def _as_text(name: str, value: Any) -> str:
    one = isinstance(value, bool | int | float)
    return f'write it in quotes: {name}: "{value}"' if one else f"write one value behind `{name}:`"


def _did_you_mean(key: str, loc: tuple[int | str, ...]) -> str:
    known = _keys_at(loc[:-1])
    if close := difflib.get_close_matches(key, known, n=1, cutoff=0.6):
        return f"did you mean `{close[0]}`?"
    return f"known here: {', '.join(known)}" if known else SEE_INIT


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """The field names of the model at this place in the spec."""
    model: Any = StackSpec
    for part in loc:
        annotation = model.model_fields[str(part)].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if model is None:
            return []
    return sorted(model.model_fields)


def shown(value: Any) -> str:
    """A value as it appears in a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
