"""openai-agents, unmodified: a tool, a handoff, and a conversation of two turns carried on in each of its ways."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from agents import (
    Agent,
    ModelSettings,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    SQLiteSession,
    function_tool,
    handoff,
)
from openai import AsyncOpenAI

from tests.scoring.served.agents.stage import Stage
from tests.scoring.served.agents.transcripts import called, exchanged, input_tokens, prompt_tokens

CONFIG = RunConfig(tracing_disabled=True, model_settings=ModelSettings(temperature=0))
ASKED, BILL = "What is the weather in Paris?", "And my bill?"
SCRIPT = (called("get_weather", city="Paris"), "It is 22 degrees.", called("transfer_to_billing"), "You owe 7.")
CALL, OUTPUT = 'call get_weather {"city": "Paris"}', "output: 22 degrees in Paris"
TRANSFER, TRANSFERRED = "call transfer_to_billing {}", 'output: {"assistant": "Billing"}'
FIRST = [f"user: {ASKED}", CALL, OUTPUT, "assistant: It is 22 degrees."]
SECOND = [f"user: {BILL}", TRANSFER, TRANSFERRED, "assistant: You owe 7."]


def desk(stage: Stage, name: str) -> Agent[None]:
    """Return an agent with a tool, and another that it can hand over to."""
    client = AsyncOpenAI(base_url=f"{stage.url}/v1", api_key="unused", max_retries=0, timeout=120)
    model = OpenAIResponsesModel(model=name, openai_client=client)

    @function_tool(strict_mode=False)
    def get_weather(city: str) -> str:
        """Tell the weather."""
        return f"22 degrees in {city}"

    billing = handoff(Agent(name="Billing", instructions="You know the bills.", model=model))
    billing.strict_json_schema = False  # a strict tool's own grammar would not leave the script its say
    return Agent(name="Desk", instructions="You help.", model=model, tools=[get_weather], handoffs=[billing])


async def by_response(agent: Agent[None]) -> tuple[Any, Any]:
    first = await Runner.run(agent, ASKED, run_config=CONFIG, auto_previous_response_id=True)
    second = await Runner.run(
        agent, BILL, run_config=CONFIG, previous_response_id=first.last_response_id, auto_previous_response_id=True
    )
    return first, second


async def by_session(agent: Agent[None]) -> tuple[Any, Any]:
    session = SQLiteSession("one")
    return (
        await Runner.run(agent, ASKED, run_config=CONFIG, session=session),
        await Runner.run(agent, BILL, run_config=CONFIG, session=session),
    )


async def by_input(agent: Agent[None]) -> tuple[Any, Any]:
    first = await Runner.run(agent, ASKED, run_config=CONFIG)
    asked = [*first.to_input_list(), {"role": "user", "content": BILL}]
    return first, await Runner.run(agent, asked, run_config=CONFIG)


async def streamed(agent: Agent[None]) -> tuple[Any, Any]:
    first = Runner.run_streamed(agent, ASKED, run_config=CONFIG)
    said = [event.data.delta async for event in first.stream_events() if is_text(event)]
    assert "".join(said) == "It is 22 degrees."
    asked = [*first.to_input_list(), {"role": "user", "content": BILL}]
    second = Runner.run_streamed(agent, asked, run_config=CONFIG)
    said = [event.data.delta async for event in second.stream_events() if is_text(event)]
    assert "".join(said) == "You owe 7."
    return first, second


def is_text(event: Any) -> bool:
    return event.type == "raw_response_event" and event.data.type == "response.output_text.delta"


@pytest.mark.parametrize(
    ("carried", "stateful"),
    [
        pytest.param(by_response, True, id="previous_response_id"),
        pytest.param(by_session, False, id="session"),
        pytest.param(by_input, False, id="input-list"),
        pytest.param(streamed, False, id="streamed"),
    ],
)
def test_a_tool_and_a_handoff_over_two_turns(
    stage: Stage, chat_model: str, carried: Callable[[Agent[None]], Awaitable[tuple[Any, Any]]], *, stateful: bool
) -> None:
    stage.play(*SCRIPT)
    first, second = asyncio.run(carried(desk(stage, chat_model)))  # type: ignore[arg-type]
    assert (first.final_output, second.final_output) == ("It is 22 degrees.", "You owe 7.")
    assert second.last_agent.name == "Billing"

    whole = FIRST + SECOND
    ends = (1, 3, 5, 7)  # of what the model has been sent, turn by turn
    begins = (0, 2, 4, 6) if stateful else (0, 0, 0, 0)
    assert exchanged(stage.over()) == [
        (whole[begin:end], [whole[end]]) for begin, end in zip(begins, ends, strict=True)
    ]
    assert input_tokens(stage.over()) == [prompt_tokens(stage.server_url, chat_model, said) for said in as_chats()]


def as_chats() -> list[list[dict[str, Any]]]:
    """Return the same as a chat, turn by turn: each agent has instructions of its own."""
    chat = [
        {"role": "user", "content": ASKED}, calling("get_weather", '{"city": "Paris"}'), result("22 degrees in Paris"),
        {"role": "assistant", "content": "It is 22 degrees."},
        {"role": "user", "content": BILL}, calling("transfer_to_billing", "{}"), result('{"assistant": "Billing"}'),
    ]  # fmt: skip
    system = [{"role": "system", "content": text} for text in ("You help.", "You know the bills.")]
    return [[system[end > 5], *chat[:end]] for end in (1, 3, 5, 7)]


def calling(name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}


def result(text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "c", "content": text}


def test_a_strict_tool_that_must_be_called(stage: Stage, chat_model: str) -> None:
    seen: list[str] = []

    @function_tool
    def pick(city: Literal["Paris"]) -> str:
        """Pick a city."""
        seen.append(city)
        return "picked"

    agent = desk(stage, chat_model)
    agent.handoffs, agent.tools = [], [pick]
    agent.model_settings = ModelSettings(tool_choice="required", temperature=0, max_tokens=120)
    agent.tool_use_behavior = "stop_on_first_tool"
    assert asyncio.run(Runner.run(agent, "Pick one.", run_config=CONFIG)).final_output == "picked"
    assert seen == ["Paris"]
