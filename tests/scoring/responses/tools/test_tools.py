"""What a request declares: told back, offered to the model, and refused with the place of what is at fault."""

from typing import Any

import pytest
from openai.types.responses import Response
from pydantic import TypeAdapter

from scoring.problems import Problem
from scoring.responses.tools.tools import Tools, read_tools

PARAMETERS = {"type": "object", "properties": {"text": {"type": "string"}}}
SAY = {"type": "function", "name": "say", "parameters": PARAMETERS}
NOTE = {"type": "custom", "name": "note"}
SUMS = {
    "type": "custom", "name": "sums", "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9+]+"},
}  # fmt: skip
CRM = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [{**SAY, "name": "find"}, NOTE]}
ACTIONS = [{"type": "shell"}, {"type": "local_shell"}, {"type": "apply_patch"}]
ALL = [SAY, NOTE, SUMS, CRM, *ACTIONS]
OPENAIS = TypeAdapter(Response.model_fields["tools"].annotation)
OPENAIS_CHOICE = TypeAdapter(Response.model_fields["tool_choice"].annotation)


def read(*tools: Any, **more: Any) -> Tools:
    return read_tools({"tools": list(tools), **more})


def refused(*tools: Any, **more: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(*tools, **more)
    assert caught.value.status == 400
    assert caught.value.kind == "invalid_request_error"
    return caught.value


def test_what_is_told_back_is_openais() -> None:
    said = read(*ALL, SAY | {"name": "late", "defer_loading": True}).said()
    OPENAIS.validate_python(said["tools"], strict=True)
    assert said["tools"][0] == {**SAY, "description": None, "strict": False}
    assert said["tools"][1]["format"] == {"type": "text"}
    assert said["tools"][3]["tools"][0] == {**SAY, "name": "find", "description": None, "strict": False}
    assert said["tools"][7]["defer_loading"] is True
    assert (said["tool_choice"], said["parallel_tool_calls"], said["max_tool_calls"]) == ("auto", True, None)


def test_nulls_are_as_if_not_given() -> None:
    nulls = {"description": None, "format": None, "environment": None, "defer_loading": None}
    tools = [SAY, NOTE, *ACTIONS]
    assert read(*({**tool, **nulls} for tool in tools)) == read(*tools)
    assert read({**SAY, "parameters": None}) == read({"type": "function", "name": "say"})
    assert read_tools({}) == read()
    assert read().chat == {}


@pytest.mark.parametrize("tools", [{}, "", 0, False], ids=repr)
def test_tools_that_are_no_list_are_refused(tools: Any) -> None:
    with pytest.raises(Problem, match="tools must be a list") as caught:
        read_tools({"tools": tools})
    assert caught.value.param == "tools"


def test_each_tool_is_offered_as_a_function() -> None:
    chat = read(*ALL).chat
    names = ["say", "note", "sums", "crm__find", "crm__note", "shell", "local_shell", "apply_patch"]
    assert [tool["function"]["name"] for tool in chat["tools"]] == names
    assert all(tool["function"]["parameters"]["type"] == "object" for tool in chat["tools"])
    assert "[0-9+]+" in chat["tools"][2]["function"]["parameters"]["properties"]["input"]["description"]


def test_the_model_is_told_what_a_namespace_is_for() -> None:
    told = [{**SAY, "name": "find", "description": "Finds one."}, NOTE]
    functions = [tool["function"] for tool in read({**CRM, "tools": told}).chat["tools"]]
    assert [function["description"] for function in functions] == ["Customers\nFinds one.", "Customers"]


@pytest.mark.parametrize(
    ("strict", "sent"),
    [
        pytest.param(True, {"strict": True}, id="strict"),
        pytest.param(False, {}, id="not-strict"),
        pytest.param(None, {}, id="null"),
    ],
)
def test_only_strict_tools_are_strict(strict: bool | None, sent: dict[str, Any]) -> None:
    assert read({**SAY, "strict": strict}).chat["tools"] == [
        {"type": "function", "function": {"name": "say", "parameters": PARAMETERS, **sent}}
    ]


@pytest.mark.parametrize(
    ("tool", "place", "words"),
    [
        pytest.param({"type": "web_search_preview"}, "tools.1.type", "hosted", id="web-search"),
        pytest.param({"type": "web_search"}, "tools.1.type", "hosted", id="web-search-now"),
        pytest.param({"type": "file_search", "vector_store_ids": []}, "tools.1.type", "hosted", id="file-search"),
        pytest.param({"type": "code_interpreter", "container": {}}, "tools.1.type", "shell", id="code-interpreter"),
        pytest.param({"type": "image_generation"}, "tools.1.type", "hosted", id="images"),
        pytest.param({"type": "computer_use_preview"}, "tools.1.type", "hosted", id="computer"),
        pytest.param({"type": "tool_search"}, "tools.1.type", "defer_loading", id="tool-search"),
        pytest.param({"type": "programmatic_tool_calling"}, "tools.1.type", "hosted", id="programmatic"),
        pytest.param({"type": "hammer"}, "tools.1.type", "function, custom", id="unknown"),
        pytest.param({"name": "x"}, "tools.1.type", "missing", id="no-type"),
        pytest.param("say", "tools.1", "object", id="no-object"),
        pytest.param({"type": "function"}, "tools.1.name", "text of 1", id="no-name"),
        pytest.param({"type": "function", "function": SAY}, "tools.1.name", "beside `type`", id="chats-form"),
        pytest.param({**SAY, "name": ""}, "tools.1.name", "text of 1", id="empty-name"),
        pytest.param({**SAY, "name": "b", "parameters": []}, "tools.1.parameters", "object", id="parameters"),
        pytest.param({**SAY, "name": "b", "strict": "yes"}, "tools.1.strict", "true or false", id="strict"),
        pytest.param(SAY, "tools.1", "rename", id="twice"),
        pytest.param({**NOTE, "name": "say"}, "tools.1", "rename", id="twice-another-type"),
        pytest.param({**CRM, "tools": [SAY, SAY]}, "tools.1", "crm__say", id="twice-in-a-namespace"),
        pytest.param({**CRM, "tools": [{"type": "shell"}]}, "tools.1.tools.0.type", "namespace", id="in-a-namespace"),
        pytest.param(
            {"type": "shell", "environment": {"type": "container_auto"}},
            "tools.1.environment.type",
            "local",
            id="container",
        ),
        pytest.param({**NOTE, "format": {"type": "json"}}, "tools.1.format.type", "grammar", id="format"),
        pytest.param(
            {**NOTE, "format": {"type": "grammar", "syntax": "ebnf", "definition": "a"}},
            "tools.1.format.syntax",
            "lark",
            id="syntax",
        ),
        pytest.param(
            {**NOTE, "format": {"type": "grammar", "syntax": "lark", "definition": "start: foo"}},
            "tools.1.format.definition",
            "unknown name",
            id="grammar",
        ),
        pytest.param(
            {**NOTE, "format": {"type": "grammar", "syntax": "regex"}}, "tools.1.format.definition", "text", id="none"
        ),
    ],
)
def test_what_cannot_be_offered_is_refused_by_its_place(tool: Any, place: str, words: str) -> None:
    problem = refused(SAY, tool)
    assert problem.param == place
    assert problem.message.startswith(place)
    assert words in problem.message


def test_a_name_of_a_megabyte_does_not_come_back() -> None:
    assert len(refused(SAY, {**SAY, "name": "a" * 1_000_000}).message) < 300


@pytest.mark.parametrize("choice", [pytest.param(mode, id=mode) for mode in ("auto", "none", "required")])
def test_modes_go_to_chat(choice: str) -> None:
    tools = read(SAY, NOTE, tool_choice=choice)
    assert tools.chat["tool_choice"] == tools.said()["tool_choice"] == choice


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        pytest.param({"type": "function", "name": "say"}, "say", id="function"),
        pytest.param({"type": "function", "function": {"name": "say"}}, "say", id="chats-form"),
        pytest.param({"type": "custom", "name": "note"}, "note", id="custom"),
        pytest.param({"type": "function", "name": "find", "namespace": "crm"}, "crm__find", id="in-a-namespace"),
        pytest.param({"type": "function", "name": "crm__find"}, "crm__find", id="joined"),
        pytest.param({"type": "shell"}, "shell", id="shell"),
        pytest.param({"type": "local_shell"}, "local_shell", id="local-shell"),
        pytest.param({"type": "apply_patch"}, "apply_patch", id="apply-patch"),
    ],
)
def test_one_tool_is_forced(choice: Any, name: str) -> None:
    assert read(*ALL, tool_choice=choice).chat["tool_choice"] == {"type": "function", "function": {"name": name}}


def test_choices_are_told_back_as_openai_has_them() -> None:
    for choice in (
        {"type": "function", "function": {"name": "say"}},
        {"type": "custom", "name": "note"},
        *ACTIONS,
        {"type": "namespace", "name": "crm"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "say"}]},
    ):
        OPENAIS_CHOICE.validate_python(read(*ALL, tool_choice=choice).said()["tool_choice"], strict=True)


@pytest.mark.parametrize("mode", [pytest.param(mode, id=mode) for mode in ("auto", "required")])
def test_only_allowed_tools_get_to_the_model(mode: str) -> None:
    allowed = [{"type": "custom", "name": "note"}, {"type": "shell"}]
    tools = read(*ALL, tool_choice={"type": "allowed_tools", "mode": mode, "tools": allowed})
    assert [tool["function"]["name"] for tool in tools.chat["tools"]] == ["note", "shell"]
    assert tools.chat["tool_choice"] == mode
    assert tools.said()["tool_choice"] == {"type": "allowed_tools", "mode": mode, "tools": allowed}
    assert len(tools.said()["tools"]) == len(ALL)


@pytest.mark.parametrize(
    ("choice", "place"),
    [
        pytest.param("any", "tool_choice", id="word"),
        pytest.param(7, "tool_choice", id="number"),
        pytest.param({"type": "function", "name": "no"}, "tool_choice.name", id="name"),
        pytest.param({"type": "function", "name": "note"}, "tool_choice.name", id="another-type"),
        pytest.param({"type": "shell"}, "tool_choice", id="not-declared"),
        pytest.param({"type": "web_search_preview"}, "tool_choice.type", id="hosted"),
        pytest.param({"type": "allowed_tools", "mode": "auto", "tools": []}, "tool_choice.tools", id="none-allowed"),
        pytest.param(
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "no"}]},
            "tool_choice.tools.0.name",
            id="allowed-name",
        ),
        pytest.param(
            {"type": "allowed_tools", "mode": "all", "tools": [{"type": "function", "name": "say"}]},
            "tool_choice.mode",
            id="allowed-mode",
        ),
    ],
)
def test_a_choice_of_what_is_not_there_is_refused(choice: Any, place: str) -> None:
    assert refused(SAY, NOTE, tool_choice=choice).param == place


def test_allowed_tools_may_be_none() -> None:
    allowed = {"type": "allowed_tools", "mode": "none", "tools": [{"type": "function", "name": "say"}]}
    tools = read(SAY, tool_choice=allowed)
    assert tools.chat["tool_choice"] == tools.said()["tool_choice"] == "none"


def test_a_call_is_required_only_where_there_are_tools() -> None:
    assert refused(tool_choice="required").param == "tool_choice"


def test_a_forced_grammar_makes_the_text() -> None:
    tools = read(SAY, SUMS, tool_choice={"type": "custom", "name": "sums"})
    assert tools.chat["structured_outputs"] == {"regex": "[0-9+]+"}
    assert tools.chat["tool_choice"] == "none"
    call = tools.text_call("ctc_1", "call_1")
    assert call is not None
    assert call.item["name"] == "sums"
    assert read(SAY, SUMS).text_call("ctc_1", "call_1") is None


@pytest.mark.parametrize(
    ("more", "strict"),
    [
        pytest.param({}, True, id="model"),
        pytest.param({"structured_outputs": {"choice": ["a"]}}, False, id="answer-bound-by-the-client"),
    ],
)
def test_calls_keep_to_parameters_that_are_ours(more: Any, *, strict: bool) -> None:
    chat = read(*ALL, **more).chat
    ours = [tool["function"] for tool in chat["tools"] if tool["function"]["name"] not in ("say", "crm__find")]
    assert [function.get("strict", False) for function in ours] == [strict] * 6
