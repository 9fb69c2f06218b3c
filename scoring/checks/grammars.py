"""What an answer may be bound to: schemas, grammars and expressions, which are compiled before the first token.

Compiling takes more than linear time and holds up everybody else who waits for it, so there are ceilings. Rules that
only lead back to themselves compile as well, but no token fits them, which vLLM takes for a fault of its own.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from scoring.checks.json_walk import members
from scoring.problems import Problem
from scoring.settings.limits import Limits

REPETITION = re.compile(r"[*+?{]")
EXPRESSIONS = ("grammar", "regex", "pattern")
BRANCHES = ("anyOf", "oneOf", "allOf")
RULE = re.compile(r"^[ \t]*([\w-]+)[ \t]*::=", re.MULTILINE)
BEGINS_WITH_RULE = re.compile(r"\s*([\w-]+)(?![\w-]|\s*[?*{])[^|]*$")  # always: no other choice, no leaving out


def check_grammars(document: Mapping[str, Any], limits: Limits) -> None:
    """Raise `Problem` (422) for a grammar that would take too long to compile, or that no text fits."""
    for param, grammar, schemas in _grammars(document):
        if not grammar:
            continue
        size = len(json.dumps(grammar))
        if size > limits.max_grammar_bytes:
            raise Problem(
                422, f"{param} has {size} bytes; at most {limits.max_grammar_bytes} are allowed.", param=param
            )
        parts = sum(_weigh(node) for node in _objects(_read_all(grammar)))
        if parts > limits.max_grammar_parts:
            raise Problem(
                422,
                f"{param} has {parts} schemas and repetitions; at most {limits.max_grammar_parts} are allowed.",
                param=param,
            )
        if any(_refers_to_itself(_read(schema)) for schema in schemas) or _begins_with_itself(_dig(grammar, "grammar")):
            raise Problem(422, f"{param} has rules that only lead back to themselves, so no text fits.", param=param)


def _grammars(document: Mapping[str, Any]) -> Iterator[tuple[str, Any, list[Any]]]:
    """Yield the field, all that is compiled of it, and the roots of the schemas therein."""
    answer, own, text = (document.get(name) for name in ("response_format", "structured_outputs", "text"))
    yield "response_format", answer, [_dig(answer, "json_schema", "schema")]
    yield "structured_outputs", own, [_dig(own, "json")]
    yield "text", _dig(text, "format"), [_dig(text, "format", "schema")]
    bound = _bound_tools(document.get("tools"), document.get("tool_choice"))
    yield "tools", bound, bound
    yield from _custom_formats(document.get("tools"), "tools")


def _custom_formats(tools: Any, where: str) -> Iterator[tuple[str, Any, list[Any]]]:
    """Yield the formats of custom tools, also of those in namespaces."""
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        place = f"{where}.{number}"
        definition = _dig(tool, "format", "definition")
        if isinstance(definition, str):
            yield f"{place}.format.definition", {"grammar": definition}, []
        yield from _custom_formats(_dig(tool, "tools"), f"{place}.tools")


def _bound_tools(tools: Any, choice: Any) -> list[Any]:
    """Return the parameters of the tools that calls are bound to: strict ones, and those that must be called."""
    named = _dig(choice, "function", "name") or _dig(choice, "name")
    every = choice == "required" or (isinstance(choice, dict) and not named)
    functions = [_dig(tool, "function") or tool for tool in tools] if isinstance(tools, list) else []
    return [
        _dig(function, "parameters")
        for function in functions
        if every or _dig(function, "strict") is True or (named and _dig(function, "name") == named)
    ]


def _dig(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _read(value: Any) -> Any:
    """Read JSON that is given as a string; what is none is left to vLLM."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def _read_all(grammar: Any) -> Any:
    """Return a grammar with what vLLM takes as a string of JSON, too, read."""
    texts = {name: _read(_dig(grammar, name)) for name in ("json", "structural_tag")}
    return {**grammar, **texts} if isinstance(grammar, dict) else grammar


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    for node in (value, *(inner for _, inner in members(value))):
        if isinstance(node, dict):
            yield node


def _weigh(node: Mapping[str, Any]) -> int:
    """Count an object of a schema for one, a repetition in an expression, which costs more, for two."""
    texts = [node[name] for name in EXPRESSIONS if isinstance(node.get(name), str)]
    return 1 + sum(2 * len(REPETITION.findall(text)) for text in texts)


def _refers_to_itself(root: Any) -> bool:
    return _circles(map(_reference, _objects(root)), lambda reference: _reference(_target(root, reference)))


def _circles(beginnings: Iterable[str | None], following: Callable[[str], str | None]) -> bool:
    """Tell whether one that follows the other comes back to where it has been."""
    ending: set[str] = set()
    for name in beginnings:
        trail: set[str] = set()
        while name is not None and name not in ending:
            if name in trail:
                return True
            trail.add(name)
            name = following(name)
        ending |= trail
    return False


def _reference(schema: Any) -> str | None:
    """Return where a schema sends its reader, if it says nothing else."""
    while isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            return str(schema["$ref"])
        branches = next((schema[name] for name in BRANCHES if name in schema), None)
        schema = branches[0] if isinstance(branches, list) and len(branches) == 1 else None
    return None


def _target(root: Any, reference: str) -> Any:
    if not reference.startswith("#"):
        return None
    for name in reference.split("/")[1:]:
        if isinstance(root, list):
            root = {str(position): item for position, item in enumerate(root)}
        root = _dig(root, name.replace("~1", "/").replace("~0", "~"))
    return root


def _begins_with_itself(text: Any) -> bool:
    """Tell whether a rule of an EBNF grammar must begin with itself, directly or by way of others."""
    if not isinstance(text, str):
        return False
    pieces = RULE.split(text)
    found = {name: BEGINS_WITH_RULE.match(body) for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    first = {name: match[1] for name, match in found.items() if match}
    return _circles(first, first.get)
