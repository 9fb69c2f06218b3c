"""Custom tools with grammars: what the model is asked when it has not kept to one."""

from typing import Any

from scoring.web.application import Application
from tests.scoring.responses.events.chats import call, ended, text, used
from tests.scoring.responses.mcp.test_remote_rounds import Scripted, whole
from tests.scoring.resting import served

SUMS = {
    "type": "custom", "name": "sums", "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]\\+[0-9]"},
}  # fmt: skip


def written(text: str, index: int = 0) -> dict[str, Any]:
    return call(index, "sums", f'{{"input": "{text}"}}', f"call_{index}")


def app_over(*answers: Any) -> tuple[Application, Scripted]:
    app, engine = served("generate"), Scripted(*answers)
    app.service.engines[0] = engine  # type: ignore[call-overload]
    return app, engine


def test_an_input_that_fits_is_the_answer() -> None:
    app, engine = app_over([written("1+2"), ended("tool_calls"), used(5, 9)])
    (item,) = whole(app, tools=[SUMS])["output"]
    assert (item["input"], item["status"]) == ("1+2", "completed")
    assert len(engine.asked) == 1


def test_inputs_that_do_not_are_written_again_one_after_the_other() -> None:
    first = [written("one and two"), written("3+4", 1), written("five", 2), ended("tool_calls"), used(5, 9)]
    app, engine = app_over(first, [text("1"), text("+2"), ended(), used(8, 4)], [text("5+6"), ended(), used(8, 4)])
    response = whole(app, tools=[SUMS], max_output_tokens=20)
    assert [item["input"] for item in response["output"]] == ["1+2", "3+4", "5+6"]
    assert response["usage"]["output_tokens"] == 17
    _, second, third = engine.asked
    assert second["structured_outputs"] == {"regex": "[0-9]\\+[0-9]"}
    assert second["tool_choice"] == "none"
    assert [asked["max_completion_tokens"] for asked in engine.asked] == [20, 11, 7]
    assert second["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"input": "one and two"}'
    assert third["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"input": "five"}'


def test_where_no_tokens_are_left_the_call_is_incomplete() -> None:
    app, engine = app_over([written("one and two"), ended("tool_calls"), used(5, 9)])
    response = whole(app, tools=[SUMS], max_output_tokens=9)
    assert (response["status"], response["output"][0]["status"]) == ("incomplete", "incomplete")
    assert len(engine.asked) == 1


def test_a_forced_grammar_takes_one_answer() -> None:
    app, engine = app_over([text("1+2"), ended(), used(5, 4)])
    choice = {"type": "custom", "name": "sums"}
    response = whole(app, tools=[SUMS], tool_choice=choice, text={"format": {"type": "json_object"}})
    assert [item["input"] for item in response["output"]] == ["1+2"]
    assert response["tool_choice"] == choice
    (asked,) = engine.asked
    assert (asked["tool_choice"], asked["response_format"]) == ("none", None)


def test_calls_beyond_max_tool_calls_are_not_told() -> None:
    app, _ = app_over([written("1+2"), written("3+4", 1), written("5+6", 2), ended("tool_calls"), used(5, 9)])
    response = whole(app, tools=[SUMS], max_tool_calls=2)
    assert [item["input"] for item in response["output"]] == ["1+2", "3+4"]
