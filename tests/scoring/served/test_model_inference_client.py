"""The Azure AI Model Inference client against the running server."""

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
    ToolMessage,
    UserMessage,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from tests.scoring.bodies import PARAMETERS, SHORT


@pytest.fixture(scope="module")
def inference_client(chat_url: str) -> Iterator[ChatCompletionsClient]:
    """Microsoft's own client; it sends 2024-05-01-preview."""
    with ChatCompletionsClient(endpoint=chat_url, credential=AzureKeyCredential("unused")) as client:
        yield client


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
