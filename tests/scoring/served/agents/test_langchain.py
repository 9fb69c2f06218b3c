"""langchain-openai, unmodified, with `use_responses_api`: tools, streams, what it carries on and how."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from tests.scoring.served.agents.stage import Stage, staged
from tests.scoring.served.agents.transcripts import called, exchanged, input_tokens, prompt_tokens

SCRIPT = (called("get_weather", city="Paris"), "It is 22 degrees.")
CALL = 'call get_weather {"city": "Paris"}'
ASKED = ["system: You help.", "user: Weather?"]
CHAT = [
    {"role": "system", "content": "You help."},
    {"role": "user", "content": "Weather?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c", "content": "22 degrees in Paris"},
]


@tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    return f"22 degrees in {city}"


def chat_on(stage: Stage, name: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model=name, base_url=f"{stage.url}/v1", api_key="unused", use_responses_api=True, max_retries=0, timeout=120,
        **{"temperature": 0, "max_tokens": 60, **more},
    )  # fmt: skip


def whole(chat: Any, messages: list[Any]) -> AIMessage:
    answer: AIMessage = chat.invoke(messages)
    return answer


def streamed(chat: Any, messages: list[Any]) -> AIMessage:
    pieces = list(chat.stream(messages))
    assert len(pieces) > 2
    answer: AIMessageChunk = sum(pieces[1:], pieces[0])
    return answer


@pytest.mark.parametrize("stateful", [pytest.param(True, id="previous_response_id"), pytest.param(False, id="all")])
@pytest.mark.parametrize("asked", [whole, streamed])
def test_a_tool_and_what_it_returned(stage: Stage, chat_model: str, asked: Any, *, stateful: bool) -> None:
    stage.play(*SCRIPT)
    chat = chat_on(stage, chat_model, use_previous_response_id=stateful).bind_tools([get_weather])
    messages: list[Any] = [SystemMessage("You help."), HumanMessage("Weather?")]
    messages.append(asked(chat, messages))
    (call,) = messages[-1].tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    messages.append(ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]))
    answer = asked(chat, messages)
    assert answer.text == "It is 22 degrees."
    output = "output: 22 degrees in Paris"
    sent = [output] if stateful else [*ASKED, CALL, output]
    assert exchanged(stage.over()) == [(ASKED, [CALL]), (sent, ["assistant: It is 22 degrees."])]
    assert input_tokens(stage.over()) == [prompt_tokens(stage.server_url, chat_model, CHAT[:end]) for end in (2, 4)]
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == input_tokens(stage.over())[-1]


@pytest.mark.parametrize("asked", [whole, streamed])
def test_reasoning_is_sent_back(embedding_server: Any, asked: Any) -> None:
    # The random model's reasoning never ends: the budget ends in it. Out of a stream the client keeps of reasoning
    # nothing but what is encrypted.
    with staged(embedding_server.base_url) as stage:
        settings = {"include": ["reasoning.encrypted_content"], "store": False, "temperature": 1, "max_tokens": 20}
        chat = chat_on(stage, "random", **settings)
        first = asked(chat, [HumanMessage("Hi")])
        asked(chat, [HumanMessage("Hi"), first, HumanMessage("Again")])
        one, two = stage.over()
    (thought,) = one.answer["output"]
    sent = two.request["input"]
    assert [item.get("type", "message") for item in sent] == ["message", "reasoning", "message"]
    assert sent[1]["encrypted_content"] == thought["encrypted_content"]
    text = thought["content"][0]["text"]
    chat_messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "reasoning": text},
        {"role": "user", "content": "Again"},
    ]
    assert input_tokens([two]) == [prompt_tokens(embedding_server.base_url, "random", chat_messages)]


def test_an_answer_follows_a_schema(stage: Stage, chat_model: str) -> None:
    schema = {
        "title": "City", "type": "object", "properties": {"name": {"type": "string", "enum": ["Paris"]}},
        "required": ["name"], "additionalProperties": False,
    }  # fmt: skip
    chat = chat_on(stage, chat_model).with_structured_output(schema, method="json_schema", strict=True)
    assert chat.invoke("A city, in JSON.") == {"name": "Paris"}
    (turn,) = stage.over()
    assert exchanged([turn])[0][1][0].replace(" ", "").replace("\n", "") == 'assistant:{"name":"Paris"}'
