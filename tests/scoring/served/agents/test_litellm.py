"""litellm.responses, unmodified: whole, streamed, with a tool, and a second turn."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scoring.served.agents.stage import Stage
from tests.scoring.served.agents.transcripts import called, exchanged, input_tokens, prompt_tokens

WEATHER = {
    "type": "function", "name": "get_weather", "description": "Tell the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}  # fmt: skip
CALL, OUTPUT = 'call get_weather {"city": "Paris"}', "22 degrees in Paris"
SCRIPT = (called("get_weather", city="Paris"), "It is 22 degrees.")


@pytest.fixture(scope="module")
def litellm() -> Iterator[Any]:
    """The module; it would fetch a list of prices when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        yield importlib.import_module("litellm")


def asked(litellm: Any, stage: Stage, name: str, *, stream: bool, **more: Any) -> Any:
    """Ask, and return the response object, however it came."""
    answer = litellm.responses(
        model=f"openai/{name}", api_base=f"{stage.url}/v1", api_key="unused", temperature=0, max_output_tokens=60,
        tools=[WEATHER], stream=stream, num_retries=0, **more,
    )  # fmt: skip
    if not stream:
        return answer
    events = list(answer)
    assert events[-1].type == "response.completed"
    return events[-1].response


@pytest.mark.parametrize("stateful", [pytest.param(True, id="previous_response_id"), pytest.param(False, id="all")])
@pytest.mark.parametrize("stream", [pytest.param(False, id="whole"), pytest.param(True, id="stream")])
def test_a_tool_and_what_it_returned(
    litellm: Any, stage: Stage, chat_model: str, *, stream: bool, stateful: bool
) -> None:
    stage.play(*SCRIPT)
    question = {"role": "user", "content": "Weather?"}
    first = asked(litellm, stage, chat_model, stream=stream, input=[question], instructions="You help.")
    (call,) = first.output
    output = {"type": "function_call_output", "call_id": call.call_id, "output": OUTPUT}
    history = [] if stateful else [question, call.model_dump(exclude_none=True)]
    carried = {"previous_response_id": first.id} if stateful else {}
    second = asked(
        litellm, stage, chat_model, stream=stream, input=[*history, output], instructions="You help.", **carried
    )
    assert second.output[0].content[0].text == "It is 22 degrees."
    sent = [f"output: {OUTPUT}"] if stateful else ["user: Weather?", CALL, f"output: {OUTPUT}"]
    assert exchanged(stage.over()) == [(["user: Weather?"], [CALL]), (sent, ["assistant: It is 22 degrees."])]
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    chat = [
        {"role": "system", "content": "You help."}, question,
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c", "content": OUTPUT},
    ]  # fmt: skip
    assert input_tokens(stage.over()) == [prompt_tokens(stage.server_url, chat_model, chat[:end]) for end in (2, 4)]
