"""pydantic-ai, unmodified, by its OpenAIResponsesModel: a tool, structured output, a stream, and a history."""

import asyncio
from typing import Any

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, Tool, ToolOutput
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.openai import OpenAIProvider

from tests.scoring.served.agents.stage import Stage
from tests.scoring.served.agents.transcripts import called, exchanged, input_tokens, prompt_tokens

SETTINGS = OpenAIResponsesModelSettings(temperature=0, max_tokens=60)


class City(BaseModel):
    """A city."""

    name: str
    people: int


def get_weather(city: str) -> str:
    """Tell the weather."""
    return f"22 degrees in {city}"


def agent_on(stage: Stage, name: str, **more: Any) -> Agent[None, Any]:
    """Return an agent; its tool is not strict, or its grammar would not leave the script its say."""
    client = AsyncOpenAI(base_url=f"{stage.url}/v1", api_key="unused", max_retries=0, timeout=120)
    model = OpenAIResponsesModel(name, provider=OpenAIProvider(openai_client=client))
    return Agent(model, instructions="You help.", model_settings=SETTINGS, **more)


WEATHER = Tool(get_weather, strict=False)
CALL = 'call get_weather {"city": "Paris"}'
FIRST = ["user: Weather?", CALL, "output: 22 degrees in Paris", "assistant: It is 22 degrees."]
SCRIPT = (called("get_weather", city="Paris"), "It is 22 degrees.", "You are welcome.")


@pytest.mark.parametrize("stateful", [pytest.param(True, id="previous_response_id"), pytest.param(False, id="history")])
def test_a_tool_and_a_history(stage: Stage, chat_model: str, *, stateful: bool) -> None:
    stage.play(*SCRIPT)
    agent = agent_on(stage, chat_model, tools=[WEATHER])

    async def talk() -> tuple[str, str]:
        first = await agent.run("Weather?")
        settings = OpenAIResponsesModelSettings(openai_previous_response_id="auto") if stateful else None
        history: list[ModelMessage] = first.all_messages()
        second = await agent.run("Thanks.", message_history=history, model_settings=settings)
        return first.output, second.output

    assert asyncio.run(talk()) == ("It is 22 degrees.", "You are welcome.")
    last = ["user: Thanks."] if stateful else [*FIRST, "user: Thanks."]
    assert exchanged(stage.over()) == [
        (FIRST[:1], FIRST[1:2]), (FIRST[:3], FIRST[3:]), (last, ["assistant: You are welcome."])
    ]  # fmt: skip
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    chat = [
        {"role": "system", "content": "You help."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "22 degrees in Paris"},
        {"role": "assistant", "content": "It is 22 degrees."},
        {"role": "user", "content": "Thanks."},
    ]
    said = [prompt_tokens(stage.server_url, chat_model, chat[:end]) for end in (2, 4, 6)]
    assert input_tokens(stage.over()) == said


def test_a_stream_with_a_tool(stage: Stage, chat_model: str) -> None:
    stage.play(*SCRIPT[:2])
    agent = agent_on(stage, chat_model, tools=[WEATHER])

    async def talk() -> list[str]:
        async with agent.run_stream("Weather?") as run:
            return [piece async for piece in run.stream_text(delta=True, debounce_by=None)]

    pieces = asyncio.run(talk())
    assert "".join(pieces) == "It is 22 degrees."
    assert len(pieces) > 1
    assert exchanged(stage.over()) == [(FIRST[:1], FIRST[1:2]), (FIRST[:3], FIRST[3:])]


def test_structured_output_by_a_schema(stage: Stage, chat_model: str) -> None:
    # The model's own words under the schema: what is checked is that they are a City.
    agent = agent_on(stage, chat_model, output_type=NativeOutput(City, strict=True))
    city = asyncio.run(agent.run("Name a city and how many live there, in JSON.")).output
    assert isinstance(city, City)
    (turn,) = stage.over()
    assert turn.answer["text"]["format"]["name"] == "City"
    assert City.model_validate_json(turn.answer["output"][0]["content"][0]["text"]) == city


def test_structured_output_by_a_tool(stage: Stage, chat_model: str) -> None:
    stage.play(called("final_result", name="Paris", people=2))
    # With this output only the tool may be called: the choice is left to the model, so that the script can have it so.
    agent = agent_on(stage, chat_model, output_type=[ToolOutput(City, strict=False), str])
    assert asyncio.run(agent.run("A city?")).output == City(name="Paris", people=2)
    assert exchanged(stage.over()) == [(["user: A city?"], ['call final_result {"name": "Paris", "people": 2}'])]
