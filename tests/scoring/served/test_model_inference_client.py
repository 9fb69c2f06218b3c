"""The Azure AI Model Inference client against the running server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.ai.inference import ChatCompletionsClient
from azure.ai.inference.models import (
    AssistantMessage,
    ChatCompletionsNamedToolChoice,
    ChatCompletionsNamedToolChoiceFunction,
    ChatCompletionsToolDefinition,
    FunctionDefinition,
    JsonSchemaFormat,
    SystemMessage,
    ToolMessage,
    UserMessage,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from tests.scoring.bodies import PARAMETERS, QUESTION, SHORT


@pytest.fixture(scope="module")
def inference_client(chat_url: str) -> Iterator[ChatCompletionsClient]:
    """Microsoft's own client; it sends 2024-05-01-preview."""
    with ChatCompletionsClient(endpoint=chat_url, credential=AzureKeyCredential("unused")) as client:
        yield client


def test_client_chats(inference_client: ChatCompletionsClient, chat_model: str) -> None:
    answer = inference_client.complete(
        messages=[SystemMessage("You are a helpful assistant."), UserMessage("What is the capital of France?")],
        temperature=0,
        max_tokens=20,
    )
    assert "Paris" in answer.choices[0].message.content
    assert answer.model == chat_model


def test_client_streams(inference_client: ChatCompletionsClient) -> None:
    updates = list(inference_client.complete(stream=True, **QUESTION, max_tokens=20))
    assert "Paris" in "".join(update.choices[0].delta.content or "" for update in updates)
    assert updates[-1].choices[0].finish_reason == "stop"


def test_client_gets_a_tool_call_and_gives_its_result(inference_client: ChatCompletionsClient) -> None:
    weather = ChatCompletionsToolDefinition(
        function=FunctionDefinition(name="get_weather", description="Weather", parameters=PARAMETERS)
    )
    answer = inference_client.complete(
        messages=[UserMessage("What is the weather in Paris?")], tools=[weather], temperature=0, max_tokens=60,
        tool_choice=ChatCompletionsNamedToolChoice(function=ChatCompletionsNamedToolChoiceFunction(name="get_weather")),
    )  # fmt: skip
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    told = inference_client.complete(
        messages=[
            UserMessage("What is the weather in Paris?"),
            AssistantMessage(tool_calls=[call]),
            ToolMessage("sunny", tool_call_id=call.id),
        ],
        max_tokens=4,
    )
    assert told.usage.completion_tokens > 0


def test_client_gets_json_by_schema(inference_client: ChatCompletionsClient) -> None:
    answer = inference_client.complete(
        messages=[UserMessage("Which city?")], temperature=0, max_tokens=60,
        response_format=JsonSchemaFormat(name="city", schema=PARAMETERS, strict=True),
    )  # fmt: skip
    assert list(json.loads(answer.choices[0].message.content)) == ["city"]


def test_client_reads_model_info(inference_client: ChatCompletionsClient, chat_model: str) -> None:
    info = inference_client.get_model_info()
    assert (info.model_name, info.model_type) == (chat_model, "chat-completion")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"messages": "x"}, id="messages-is-text"),
        pytest.param({**SHORT, "temperature": -1}, id="negative-temperature"),
        pytest.param({**SHORT, "nonsense": 1}, id="extra-parameter"),
    ],
)
def test_client_gets_code_and_message_of_an_error(
    inference_client: ChatCompletionsClient, body: dict[str, Any]
) -> None:
    with pytest.raises(HttpResponseError) as caught:
        inference_client.complete(body=body)
    assert caught.value.error is not None
    assert caught.value.error.code == caught.value.response.headers["x-ms-error-code"]
    assert caught.value.error.message
