"""What each client that people use does to get an answer, a stream, a tool call, JSON, vectors or a response.

Each works on a `Target`, which takes down all answers; `litellm` is the module, which is slow to import.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient
from azure.ai.inference.models import JsonSchemaFormat, UserMessage
from azure.core.credentials import AzureKeyCredential
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import LengthFinishReasonError, OpenAI

from tests.scoring.bodies import ENDS, PARAMETERS, WEATHER

VERSION = "2024-05-01-preview"
QUESTION = "What is the capital of France?"
MESSAGES = [{"role": "user", "content": QUESTION}]
PLAIN_WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "schema": PARAMETERS, "strict": True}}
SAMPLING = {"temperature": 0, "max_tokens": 60}


@dataclass(frozen=True)
class Outcome:
    """What a client made of an answer: the text, the names of the tools called, or how long the vectors are."""

    text: str = ""
    tools: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()


@dataclass
class Target:
    """One model on a running server, and the tape that the clients' answers are taken down on."""

    url: str
    model: str
    tape: Any
    http: Any = field(init=False)

    def __post_init__(self) -> None:
        self.http = self.tape.httpx_client()

    def openai(self, base: str = "/v1", **more: Any) -> OpenAI:
        return OpenAI(base_url=self.url + base, api_key="unused", max_retries=0, http_client=self.http, **more)

    def azure(self, kind: type) -> Any:
        return kind(
            endpoint=self.url, credential=AzureKeyCredential("unused"), transport=self.tape.azure_transport(),
            retry_total=0, connection_verify=False,
        )  # fmt: skip

    def langchain(self, **more: Any) -> ChatOpenAI:
        return ChatOpenAI(
            model=self.model, base_url=f"{self.url}/v1", api_key="unused", http_client=self.http, max_retries=0,
            temperature=0, max_tokens=60, **more,
        )  # fmt: skip


def azure_chat(target: Target, litellm: Any) -> Outcome:
    answer = target.azure(ChatCompletionsClient).complete(messages=[UserMessage(QUESTION)], **SAMPLING)
    return Outcome(answer.choices[0].message.content)


def azure_stream(target: Target, litellm: Any) -> Outcome:
    updates = target.azure(ChatCompletionsClient).complete(messages=[UserMessage(QUESTION)], stream=True, **SAMPLING)
    return Outcome("".join(update.choices[0].delta.content or "" for update in updates if update.choices))


def azure_tools(target: Target, litellm: Any) -> Outcome:
    body = {"messages": MESSAGES, "tools": [PLAIN_WEATHER], "tool_choice": "required", **SAMPLING}
    message = target.azure(ChatCompletionsClient).complete(body=body).choices[0].message
    return Outcome(message.content or "", tuple(call.function.name for call in message.tool_calls or ()))


def azure_json(target: Target, litellm: Any) -> Outcome:
    form = JsonSchemaFormat(name="city", schema=PARAMETERS, strict=True)
    client = target.azure(ChatCompletionsClient)
    answer = client.complete(messages=[UserMessage("Which city?")], response_format=form, **SAMPLING)
    return Outcome(answer.choices[0].message.content or "")


def azure_embeddings(target: Target, litellm: Any) -> Outcome:
    answer = target.azure(EmbeddingsClient).embed(input=["a cat", "a dog"])
    return Outcome(sizes=tuple(len(item.embedding) for item in answer.data))


def openai_chat(target: Target, litellm: Any) -> Outcome:
    answer = target.openai().chat.completions.create(model=target.model, messages=MESSAGES, **SAMPLING)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    return Outcome(answer.choices[0].message.content or "")


def openai_stream(target: Target, litellm: Any) -> Outcome:
    chunks = target.openai().chat.completions.create(
        model=target.model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **SAMPLING
    )
    return Outcome("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))


def openai_tools(target: Target, litellm: Any) -> Outcome:
    answer = target.openai().chat.completions.create(
        model=target.model, messages=MESSAGES, tools=[WEATHER], tool_choice="required", **SAMPLING
    )
    message = answer.choices[0].message
    return Outcome(message.content or "", tuple(call.function.name for call in message.tool_calls or ()))


def openai_json(target: Target, litellm: Any) -> Outcome:
    answer = target.openai().chat.completions.create(
        model=target.model, messages=MESSAGES, response_format=FORMAT, **SAMPLING
    )
    return Outcome(answer.choices[0].message.content or "")


def openai_embeddings(target: Target, litellm: Any) -> Outcome:
    answer = target.openai().embeddings.create(model=target.model, input=["a cat", "a dog"])
    return Outcome(sizes=tuple(len(item.embedding) for item in answer.data))


def openai_responses(target: Target, litellm: Any) -> Outcome:
    client = target.openai()
    first = client.responses.create(model=target.model, input=QUESTION, temperature=0, max_output_tokens=30)
    events = client.responses.create(
        model=target.model, input="Again.", previous_response_id=first.id, max_output_tokens=5, stream=True
    )
    assert [event.type for event in events][-1] in ENDS
    assert client.responses.retrieve(first.id).id == first.id
    return Outcome(first.output_text)


def litellm_azure(target: Target, litellm: Any, **more: Any) -> Any:
    handler = litellm.llms.custom_httpx.http_handler.HTTPHandler(client=target.http)
    return litellm.completion(
        model=f"azure_ai/{target.model}", messages=MESSAGES, api_base=target.url, api_key="unused",
        api_version=VERSION, client=handler, **SAMPLING, **more,
    )  # fmt: skip


def litellm_azure_chat(target: Target, litellm: Any) -> Outcome:
    return Outcome(litellm_azure(target, litellm).choices[0].message.content or "")


def litellm_azure_stream(target: Target, litellm: Any) -> Outcome:
    # It asks for usage, which this API does not know; told so in Azure's words, it asks again without.
    chunks = list(litellm_azure(target, litellm, stream=True, stream_options={"include_usage": True}))
    return Outcome("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))


def litellm_azure_tools(target: Target, litellm: Any) -> Outcome:
    more = {"tool_choice": "required", "allowed_openai_params": ["tool_choice"]}
    message = litellm_azure(target, litellm, tools=[PLAIN_WEATHER], **more).choices[0].message
    return Outcome(message.content or "", tuple(call.function.name for call in message.tool_calls or ()))


def litellm_azure_json(target: Target, litellm: Any) -> Outcome:
    return Outcome(litellm_azure(target, litellm, response_format=FORMAT).choices[0].message.content or "")


def litellm_azure_embeddings(target: Target, litellm: Any) -> Outcome:
    # It sends no api-version for embeddings by itself: the client that it is given does.
    answer = litellm.embedding(
        model=f"azure_ai/{target.model}", input=["a cat", "a dog"], api_base=target.url, api_key="unused",
        client=target.openai("", default_query={"api-version": VERSION}),
    )  # fmt: skip
    return Outcome(sizes=tuple(len(item["embedding"]) for item in answer.data))


def litellm_azure_responses(target: Target, litellm: Any) -> Outcome:
    handler = litellm.llms.custom_httpx.http_handler.HTTPHandler(client=target.http)
    answer = litellm.responses(  # by way of chat completions, as this provider has no Responses API
        model=f"azure_ai/{target.model}", input=QUESTION, api_base=target.url, api_key="unused", api_version=VERSION,
        temperature=0, max_output_tokens=30, client=handler,
    )  # fmt: skip
    return Outcome(text_of(answer.output))


def litellm_openai(target: Target, litellm: Any, **more: Any) -> Any:
    return litellm.completion(
        model=f"openai/{target.model}", messages=MESSAGES, client=target.openai(), **SAMPLING, **more
    )


def litellm_openai_chat(target: Target, litellm: Any) -> Outcome:
    return Outcome(litellm_openai(target, litellm).choices[0].message.content or "")


def litellm_openai_stream(target: Target, litellm: Any) -> Outcome:
    chunks = list(litellm_openai(target, litellm, stream=True))
    return Outcome("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))


def litellm_openai_tools(target: Target, litellm: Any) -> Outcome:
    message = litellm_openai(target, litellm, tools=[WEATHER], tool_choice="required").choices[0].message
    return Outcome(message.content or "", tuple(call.function.name for call in message.tool_calls or ()))


def litellm_openai_json(target: Target, litellm: Any) -> Outcome:
    return Outcome(litellm_openai(target, litellm, response_format=FORMAT).choices[0].message.content or "")


def litellm_openai_embeddings(target: Target, litellm: Any) -> Outcome:
    answer = litellm.embedding(
        model=f"openai/{target.model}", input=["a cat", "a dog"], client=target.openai(), encoding_format="float"
    )
    return Outcome(sizes=tuple(len(item["embedding"]) for item in answer.data))


def litellm_openai_responses(target: Target, litellm: Any) -> Outcome:
    handler = litellm.llms.custom_httpx.http_handler.HTTPHandler(client=target.http)
    answer = litellm.responses(
        model=f"openai/{target.model}", input=QUESTION, api_base=f"{target.url}/v1", api_key="unused",
        temperature=0, max_output_tokens=30, client=handler,
    )  # fmt: skip
    return Outcome(text_of(answer.output))


def langchain_chat(target: Target, litellm: Any) -> Outcome:
    return Outcome(str(target.langchain().invoke(QUESTION).content))


def langchain_stream(target: Target, litellm: Any) -> Outcome:
    return Outcome("".join(str(chunk.content) for chunk in target.langchain().stream(QUESTION)))


def langchain_tools(target: Target, litellm: Any) -> Outcome:
    message: Any = target.langchain().bind_tools([WEATHER], tool_choice="required", strict=True).invoke(QUESTION)
    return Outcome(str(message.content), tuple(call["name"] for call in message.tool_calls))


def langchain_json(target: Target, litellm: Any) -> Outcome:
    try:
        message = target.langchain(model_kwargs={"response_format": FORMAT}).invoke("Which city? Answer in JSON.")
    except LengthFinishReasonError:  # the client has read the answer and will not have one that was cut off
        return Outcome()
    return Outcome(str(message.content))


def langchain_embeddings(target: Target, litellm: Any) -> Outcome:
    client = OpenAIEmbeddings(
        model=target.model, base_url=f"{target.url}/v1", api_key="unused", http_client=target.http,
        check_embedding_ctx_length=False, max_retries=0,
    )  # fmt: skip
    return Outcome(sizes=tuple(len(vector) for vector in client.embed_documents(["a cat", "a dog"])))


def langchain_responses(target: Target, litellm: Any) -> Outcome:
    client = target.langchain(use_responses_api=True)
    assert list(client.stream(QUESTION))
    return Outcome(str(client.invoke(QUESTION).text))


def text_of(output: Any) -> str:
    """Return the text of the items of a response."""
    parts = [part for item in output if item.type == "message" for part in item.content]
    return "".join(part.text for part in parts)


Ask = Callable[[Target, Any], Outcome]
CLIENTS: dict[str, dict[str, Ask]] = {
    "azure-ai-inference": {
        "chat": azure_chat, "stream": azure_stream, "tools": azure_tools, "json": azure_json,
        "embeddings": azure_embeddings,
    },
    "openai": {
        "chat": openai_chat, "stream": openai_stream, "tools": openai_tools, "json": openai_json,
        "embeddings": openai_embeddings, "responses": openai_responses,
    },
    "litellm azure_ai/": {
        "chat": litellm_azure_chat, "stream": litellm_azure_stream, "tools": litellm_azure_tools,
        "json": litellm_azure_json, "embeddings": litellm_azure_embeddings, "responses": litellm_azure_responses,
    },
    "litellm openai/": {
        "chat": litellm_openai_chat, "stream": litellm_openai_stream, "tools": litellm_openai_tools,
        "json": litellm_openai_json, "embeddings": litellm_openai_embeddings, "responses": litellm_openai_responses,
    },
    "langchain-openai": {
        "chat": langchain_chat, "stream": langchain_stream, "tools": langchain_tools, "json": langchain_json,
        "embeddings": langchain_embeddings, "responses": langchain_responses,
    },
}  # fmt: skip
