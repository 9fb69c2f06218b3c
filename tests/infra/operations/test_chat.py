"""The chat client of `/v1/chat/completions`: streams, errors, and streams that break off."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from infra.errors import AccessDenied, GateliftError, NotReady, Refused
from infra.operations.chat import ChatClient, is_loopback
from infra.operations.connect import ConnectInfo

INFO = ConnectInfo("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/chat/completions", "key-1", "org/model", "e", "d")
QUESTION = [{"role": "user", "content": "hi"}]


def event(**delta: Any) -> str:
    choice = {"delta": delta, "finish_reason": delta.pop("finish_reason", None)}
    return f"data: {json.dumps({'model': 'org/model', 'choices': [choice]})}\n\n"


class BrokenStream(httpx.SyncByteStream):
    """Delivers some bytes, then fails like a lost connection."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __iter__(self) -> Iterator[bytes]:
        yield self.text.encode()
        raise httpx.ReadError("connection reset")


def client(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> ChatClient:
    return ChatClient(INFO, transport=httpx.MockTransport(answer), **settings)


def test_it_sends_the_key_and_only_the_settings_that_were_given() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text=event(finish_reason="stop"))

    with client(answer, max_tokens=7) as chat:
        list(chat.stream(QUESTION))
    assert seen[0].headers["authorization"] == "Bearer key-1"
    assert str(seen[0].url) == "http://127.0.0.1:1/v1/chat/completions"
    body = json.loads(seen[0].content)
    assert (body["model"], body["messages"], body["stream"], body["max_tokens"]) == ("org/model", QUESTION, True, 7)
    assert "temperature" not in body


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"], ids=["vllm", "azure"])
def test_reasoning_and_answer_come_apart_and_in_order(name: str) -> None:
    usage = f"data: {json.dumps({'choices': [], 'usage': {'completion_tokens': 3}})}\n\n"
    text = event(role="assistant") + event(**{name: "hm"}) + event(content="Pa") + event(content="ris")
    text += event(finish_reason="stop") + usage + "data: [DONE]\n\n"
    with client(lambda request: httpx.Response(200, text=text)) as chat:
        assert list(chat.stream(QUESTION)) == [("reasoning", "hm"), ("content", "Pa"), ("content", "ris")]
        assert chat.answer.to_json() == {
            "model": "org/model",
            "message": {"role": "assistant", "content": "Paris", "reasoning": "hm"},
            "finish_reason": "stop",
            "usage": {"completion_tokens": 3},
        }


@pytest.mark.parametrize(
    ("response", "kind", "said"),
    [
        pytest.param(
            httpx.Response(401, json={"error": {"message": "wrong key"}}), AccessDenied, "401: wrong key", id="401"
        ),
        pytest.param(httpx.Response(404, text=""), NotReady, "404", id="404-without-a-body"),
        pytest.param(httpx.Response(429, json={"message": "slow"}), NotReady, "429: slow", id="429-flat-body"),
        pytest.param(
            httpx.Response(
                424, json={"error": {"message": "too long"}}, headers={"ms-azureml-model-error-statuscode": "400"}
            ),
            Refused,
            "400 (from the container): too long",
            id="424-says-the-models-own-status",
        ),
        pytest.param(
            httpx.Response(
                424,
                json={"error": {"message": "busy"}},
                headers={"ms-azureml-model-error-statuscode": "429", "retry-after": "7"},
            ),
            NotReady,
            "429 (from the container): busy",
            id="424-of-a-busy-container",
        ),
        pytest.param(httpx.Response(403, text="private"), AccessDenied, "403: private", id="403-of-the-front-end"),
        pytest.param(httpx.Response(400, json=["odd"]), GateliftError, "400", id="odd-body"),
        pytest.param(httpx.Response(500, text="<html>oops</html>"), GateliftError, "500: <html>oops", id="html"),
    ],
)
def test_a_refusal_is_told_with_its_status(response: httpx.Response, kind: type[GateliftError], said: str) -> None:
    with client(lambda request: response) as chat, pytest.raises(kind) as refused:
        list(chat.stream(QUESTION))
    assert said in str(refused.value)
    assert "key-1" not in str(refused.value)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        pytest.param(
            httpx.Response(200, stream=BrokenStream(event(content="Pa"))), "connection reset", id="connection-lost"
        ),
        pytest.param(
            httpx.Response(200, text=event(content="Pa")), "before the answer was complete", id="ends-without-a-reason"
        ),
        pytest.param(
            httpx.Response(200, text=event(content="Pa") + 'data: {"error": {"message": "engine died"}}\n\n'),
            "engine died",
            id="error-event",
        ),
    ],
)
def test_a_stream_that_breaks_is_an_error_after_what_came(response: httpx.Response, said: str) -> None:
    came = []
    with client(lambda request: response) as chat, pytest.raises(GateliftError, match=said):
        came.extend(chat.stream(QUESTION))
    assert chat.answer.content == "Pa"


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://127.0.0.1:5/v1", True), ("http://localhost/v1", True), ("https://x.inference.ml.azure.com/v1", False)],
)
def test_only_this_machine_is_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected
