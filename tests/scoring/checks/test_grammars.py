"""Grammars that take too long to compile or that no text fits, with plain values."""

import json
from typing import Any

import pytest

from scoring.checks.grammars import check_grammars
from scoring.problems import Problem
from scoring.settings.limits import Limits

MUTUAL = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
TREE = {"type": "object", "properties": {"schema": {"$ref": "#"}, "list": {"items": {"$ref": "#"}}}}
CHAIN = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "string"}}}


def properties(count: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(count)}}


def json_schema(schema: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}


def own(**more: Any) -> dict[str, Any]:
    return {"structured_outputs": more}


def tools(schema: Any, **more: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}], **more}


def custom(definition: str) -> dict[str, Any]:
    named = {"type": "grammar", "syntax": "regex", "definition": definition}
    return {"tools": [{"type": "custom", "name": "c", "format": named}]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(json_schema(properties(300)), "response_format has 30. schemas", id="properties"),
        pytest.param(json_schema({"anyOf": [{}] * 300}), "schemas", id="branches"),
        pytest.param(json_schema({"enum": ["x" * 70] * 1000}), "response_format has 7.* bytes", id="size"),
        pytest.param(custom("a*" * 200), "tools.0.format.definition has 40. schemas", id="custom-tool"),
        pytest.param(
            {"tools": [{"type": "namespace", "tools": custom("a" * 70_000)["tools"]}]},
            "tools.0.tools.0.format.definition has 7.* bytes",
            id="custom-tool-in-a-namespace",
        ),
        pytest.param(own(json=properties(300)), "structured_outputs has 30. schemas", id="vllms-own"),
        pytest.param(own(json=json.dumps(properties(300))), "structured_outputs has 30. schemas", id="as-a-string"),
        pytest.param(own(structural_tag=json.dumps(properties(300))), "schemas", id="structural-tag"),
        pytest.param(own(choice=["x" * 70] * 1000), "bytes", id="choices"),
        pytest.param(own(grammar="root ::= " + "[a-z]* " * 300), "repetitions", id="repetitions-of-a-grammar"),
        pytest.param(own(regex="(a|b)?" * 300), "repetitions", id="repetitions-of-an-expression"),
        pytest.param(
            json_schema({"type": "string", "pattern": "a*" * 300}), "repetitions", id="repetitions-in-a-schema"
        ),
        pytest.param({"text": {"format": {"schema": properties(300)}}}, "text has", id="responses"),
        pytest.param(tools(properties(300), tool_choice="required"), "tools has", id="tools-that-must-be-called"),
        pytest.param(
            tools(properties(300), tool_choice={"type": "function", "function": {"name": "f"}}),
            "tools",
            id="tool-by-name",
        ),
        pytest.param(
            {"tools": [{"type": "function", "name": "f", "strict": True, "parameters": properties(300)}]},
            "tools has",
            id="strict-tool-of-responses",
        ),
        pytest.param(json_schema({"$ref": "#"}), "back to themselves", id="itself"),
        pytest.param(json_schema(MUTUAL), "back to themselves", id="each-other"),
        pytest.param(json_schema({"allOf": [{"$ref": "#"}]}), "back to themselves", id="itself-wrapped"),
        pytest.param(json_schema({"anyOf": [{"$ref": "#/anyOf/0"}]}), "back to themselves", id="itself-in-a-list"),
        pytest.param(
            json_schema({"type": "object", "properties": {"a/b": {"$ref": "#/properties/a~1b"}}}),
            "back to themselves",
            id="itself-further-down",
        ),
        pytest.param(own(json={"$ref": "#"}), "back to themselves", id="itself-by-vllms-own"),
        pytest.param(own(json='{"$ref": "#"}'), "back to themselves", id="itself-as-a-string"),
        pytest.param({"text": {"format": {"schema": {"$ref": "#"}}}}, "back to themselves", id="itself-in-responses"),
        pytest.param(tools({"$ref": "#"}, tool_choice="required"), "back to themselves", id="itself-in-a-tool"),
        pytest.param(own(grammar="root ::= root"), "back to themselves", id="rule"),
        pytest.param(own(grammar='root ::= a\na ::= b "x"\nb ::= a+'), "back to themselves", id="rules"),
    ],
)
def test_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(Problem, match=words) as caught:
        check_grammars(document, Limits())
    assert (caught.value.status, str(caught.value.param).partition(".")[0]) == (422, next(iter(document)))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(json_schema(properties(250)), id="many-properties"),
        pytest.param(json_schema(TREE), id="tree"),
        pytest.param(json_schema(CHAIN), id="references-with-an-end"),
        pytest.param(json_schema({"$ref": "https://example.com/schema"}), id="reference-elsewhere"),
        pytest.param(json_schema({"anyOf": [{"$ref": "#"}, {"type": "string"}]}), id="itself-or-something-else"),
        pytest.param(tools(properties(300), tool_choice="auto"), id="tools-that-need-not-be-called"),
        pytest.param(own(grammar='root ::= root "x" | "y"'), id="itself-or-a-letter"),
        pytest.param(own(grammar='root ::= "x" root'), id="itself-at-the-end"),
        pytest.param(own(grammar="root ::= root? a\na ::= root*\n"), id="itself-or-nothing"),
        pytest.param(own(json="{", structural_tag="[" * 100_000, grammar=["root"]), id="nonsense-is-left-to-vllm"),
        pytest.param({"response_format": "json", "tools": "all", "tool_choice": ["f"], "text": 1}, id="wrong-types"),
    ],
)
def test_left_alone(document: dict[str, Any]) -> None:
    check_grammars(document, Limits(max_grammar_bytes=200_000))
