"""Media that cannot be fetched are told as an error of the request; vLLM's connection is stood in for."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from scoring.engine.repairs.media_fetching import connection_class


class Unprocessable(Exception):
    """Stands where vLLM's own error does."""

    def __init__(self, message: str, *, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class ClientError(Exception):
    """Stands where aiohttp's does."""

    status = 0


class Certificate(OSError):
    """A failure of TLS."""


class Answer:
    """An answer of a host: its status, or what is raised instead."""

    def __init__(self, status: int, error: Exception | None) -> None:
        self.status = self.status_code = status
        self.error = error
        self.open = 0

    async def __aenter__(self) -> "Answer":
        if self.error is not None:
            raise self.error
        self.open += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open -= 1


class HTTPConnection:
    """Stands where vLLM's connection does."""

    answer = Answer(200, None)

    def get_response(self, url: str, *, allow_redirects: bool = True) -> Answer:
        if self.answer.error is not None:
            raise self.answer.error
        return self.answer

    async def get_async_response(self, url: str, *, allow_redirects: bool = True) -> Answer:
        return self.answer

    def get_bytes(self, url: str, **named: Any) -> bytes:
        return str(self.get_response(url, **named).status).encode()

    async def async_get_bytes(self, url: str, **named: Any) -> bytes:
        async with await self.get_async_response(url, **named) as answer:
            return str(answer.status).encode()


def fetched(answer: Answer, *, synchronous: bool) -> bytes:
    stand_ins: Any = (
        SimpleNamespace(HTTPConnection=HTTPConnection),
        SimpleNamespace(VLLMUnprocessableEntityError=Unprocessable),
        SimpleNamespace(ClientError=ClientError),
    )
    connection = connection_class(*stand_ins)()
    connection.answer = answer
    url = "https://host.example/a.png?key=secret"
    data = connection.get_bytes(url) if synchronous else asyncio.run(connection.async_get_bytes(url))
    assert isinstance(data, bytes)
    return data


def client_error(status: int) -> ClientError:
    error = ClientError("https://host.example/a.png?key=secret")
    error.status = status
    return error


@pytest.mark.parametrize("synchronous", [True, False])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Answer(302, None), "redirects with 302", id="redirect"),
        pytest.param(Answer(0, ConnectionRefusedError("pool of port 443")), "ConnectionRefusedError", id="refused"),
        pytest.param(Answer(0, TimeoutError()), "TimeoutError", id="time-out"),
        pytest.param(Answer(0, Certificate("self-signed")), "Certificate", id="tls"),
        pytest.param(Answer(0, client_error(503)), "its host answers 503", id="status"),
    ],
)
def test_what_kept_from_a_medium_is_said(answer: Answer, reason: str, *, synchronous: bool) -> None:
    with pytest.raises(Unprocessable) as caught:
        fetched(answer, synchronous=synchronous)
    assert reason in str(caught.value)
    assert "https://host.example cannot be fetched" in str(caught.value)
    assert not any(word in str(caught.value) for word in ("secret", "pool"))
    assert answer.open == 0


@pytest.mark.parametrize("synchronous", [True, False])
def test_what_comes_is_passed_on(*, synchronous: bool) -> None:
    assert fetched(Answer(200, None), synchronous=synchronous) == b"200"
