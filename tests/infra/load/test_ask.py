"""What a sample says of each thing that a server may do, over real connections."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from infra.errors import AccessDenied
from infra.http_client import Web
from infra.load.ask import Client, Question
from tests.infra.load.conftest import ROLE, WHOLE, Handler, Told, answers, text, usage

QUESTION = Question("What is the capital of France?", 16)


def test_a_whole_answer(told: Told) -> None:
    sample = told.client(deployment="blue").ask(QUESTION)
    assert (sample.status, sample.error, sample.failed, sample.throttled) == (200, "", False, False)
    assert (sample.prompt_tokens, sample.tokens) == (9, 3)
    assert len(sample.gaps) == 2
    assert len(sample.pieces) == 4  # the role, and three with text
    assert sample.ttft == sample.pieces[1]  # the role alone is no token
    assert sample.pieces == tuple(sorted(sample.pieces))
    assert sample.seconds == sample.pieces[-1] == pytest.approx(sample.ttft + sum(sample.gaps))
    ((path, headers, body),) = told.seen
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer the-key"
    assert headers["azureml-model-deployment"] == "blue"
    assert body == {
        "model": "model",
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
        "max_tokens": 16,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_messages_and_answers_of_an_exact_length(told: Told) -> None:
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"})
    told.client().ask(Question("", 8, messages, ignore_eos=True))
    ((_, headers, body),) = told.seen
    assert body["messages"] == list(messages)
    assert body["ignore_eos"] is True
    assert "azureml-model-deployment" not in headers


@pytest.mark.parametrize(
    ("pieces", "gaps"),
    [
        pytest.param(
            (text("", reasoning="hm"), text("", reasoning_content="so"), text("42", "stop")), 2, id="reasoning"
        ),
        pytest.param((ROLE, text("", tool_calls=[{"index": 0}]), text("", "tool_calls")), 0, id="tools"),
        pytest.param((text("no", None), text("", "stop")), 0, id="reason-to-finish-in-a-piece-of-its-own"),
    ],
)
def test_every_kind_of_text_counts(told: Told, pieces: tuple[dict[str, Any], ...], gaps: int) -> None:
    told.always = answers(*pieces, usage(1, 3), "[DONE]")
    sample = told.client().ask(QUESTION)
    assert not sample.failed
    assert sample.ttft is not None
    assert len(sample.gaps) == gaps


def test_events_that_come_torn_and_together(told: Told) -> None:
    def torn(handler: Handler) -> None:
        handler.begin()
        handler.raw(b': a comment\n\ndata: {"choices": [{"delta": {"content":')
        handler.raw(b' "a"}}]}\r\n\r\ndata: {"choices": [{"delta": {"content": "b"}, "finish_reason": "stop"}]}\n\n')
        handler.raw(b"data: [DONE]")
        handler.end()

    told.always = torn
    sample = told.client().ask(QUESTION)
    assert (sample.error, sample.tokens, len(sample.gaps)) == ("", 2, 1)  # without usage each piece is a token


def refuses(status: int, document: Any, **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.refuse(status, document, **headers)


def cut(handler: Handler) -> None:
    handler.begin()
    handler.piece(text("Par"))
    handler.cut()


def silent(handler: Handler) -> None:
    handler.begin()
    handler.piece(text("Par"))
    handler.server.silence.wait(30)


def endless(handler: Handler) -> None:
    handler.send_response(500)
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b"x" * 65536)
    handler.cut()


def one_event(handler: Handler) -> None:
    handler.begin()
    with suppress(OSError):
        while True:
            handler.raw(b"x" * 65536)
    handler.cut()


MODEL_429 = {"ms_azureml_model_error_statuscode": "429", "ms_azureml_model_error_reason": "model_error"}


@pytest.mark.parametrize(
    ("script", "status", "throttled", "error"),
    [
        pytest.param(refuses(429, {"error": {"message": "too many"}}), 429, True, "429: too many", id="429"),
        pytest.param(
            refuses(424, {"error": {"message": "full"}}, **MODEL_429),
            429,
            True,
            "429 (from the container): full",
            id="429-of-the-container-behind-azures-424",
        ),
        pytest.param(refuses(424, "no instance"), 424, False, "424: no instance", id="424"),
        pytest.param(refuses(401, {"message": "key_auth_bad"}), 401, False, "401: key_auth_bad", id="401"),
        pytest.param(refuses(500, "<html>\n oh </html>"), 500, False, "500: <html> oh </html>", id="500-without-json"),
        pytest.param(
            answers(ROLE, text("Par"), {"error": {"message": "engine died", "code": 500}}, "[DONE]"),
            200,
            False,
            "error in the stream: engine died",
            id="error-in-the-stream",
        ),
        pytest.param(answers(ROLE, text("Par")), 200, False, "the stream ended before the answer did", id="no-end"),
        pytest.param(answers("{not json", *WHOLE), 200, False, "an event that is no chunk", id="no-json"),
        pytest.param(
            refuses(200, {"choices": []}), 200, False, "the stream ended before the answer did", id="no-stream"
        ),
        pytest.param(
            refuses(200, "<html>", content_type="text/html; charset=utf-8"),
            200,
            False,
            "not a stream of events but text/html",
            id="a-page",
        ),
        pytest.param(
            refuses(200, "packed", content_type="text/event-stream", content_encoding="gzip"),
            200,
            False,
            "an answer compressed with gzip",
            id="compressed",
        ),
        pytest.param(
            refuses(500, "packed", content_encoding="gzip"),
            500,
            False,
            "500: an answer compressed",
            id="500-compressed",
        ),
        pytest.param(refuses(500, '{"error":' * 50_000), 500, False, '500: {"error":{"error":', id="500-too-deep"),
        pytest.param(
            refuses(424, "x", ms_azureml_model_error_statuscode="9" * 5000), 424, False, "424: x", id="no-such-status"
        ),
        pytest.param(
            refuses(500, "a \x1b[31mred\x07 word"), 500, False, "500: a [31mred word", id="control-characters"
        ),
        pytest.param(endless, 500, False, "500: xxxx", id="an-error-without-end"),
        pytest.param(one_event, 200, False, "the connection was cut: an event without an end", id="event-without-end"),
        pytest.param(cut, 200, False, "the connection was cut", id="cut"),
        pytest.param(answers(text("a", "stop"), usage(1, 10**400)), 200, False, "no chunk", id="tokens-without-end"),
        pytest.param(answers(text("a", "stop"), usage(-5, 1)), 200, False, "no chunk", id="tokens-below-none"),
    ],
)
def test_what_goes_wrong_is_told_and_never_raised(
    told: Told, script: Callable[[Handler], None], status: int, throttled: bool, error: str
) -> None:
    told.always = script
    sample = told.client().ask(QUESTION)
    assert sample.failed
    assert (sample.status, sample.throttled) == (status, throttled)
    assert error in sample.error
    assert "the-key" not in sample.error


def test_what_came_before_an_error_is_kept(told: Told) -> None:
    told.always = answers(ROLE, text("a"), text("b"), {"error": {"message": "gone"}})
    sample = told.client().ask(QUESTION)
    assert sample.failed
    assert sample.ttft == sample.pieces[1]
    assert len(sample.gaps) == 1


def test_a_server_that_says_nothing_more(told: Told) -> None:
    told.always = silent
    sample = told.client(web=Web(read=0.2)).ask(QUESTION)
    assert (sample.status, sample.error) == (200, "timeout")


def test_comments_alone_are_no_answer(told: Told) -> None:
    def pings(handler: Handler) -> None:
        handler.begin()
        with suppress(OSError):
            while not handler.server.silence.wait(0.05):
                handler.raw(b": ping\n\n")

    told.always = pings
    assert told.client(web=Web(read=0.3)).ask(QUESTION).error == "timeout"


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        sample = Client(f"http://127.0.0.1:{unused.getsockname()[1]}/v1", lambda: "", "m").ask(QUESTION)
    assert sample.status == 0
    assert "Connection refused" in sample.error


def test_a_connection_serves_one_question_after_the_other(told: Told) -> None:
    client = told.client()
    told.scripts = [lambda handler: handler.refuse(429, {})]
    assert [client.ask(QUESTION).status for _ in range(4)] == [429, 200, 200, 200]
    assert told.connections == 1


def test_a_connection_that_died_meanwhile_is_no_failure_of_the_server(told: Told) -> None:
    def answer_and_close(handler: Handler) -> None:
        answers()(handler)
        handler.cut()

    told.scripts = [answer_and_close]
    client = told.client()
    assert [client.ask(QUESTION).error for _ in range(3)] == ["", "", ""]
    assert told.connections == 2


def test_a_credential_that_cannot_be_had(told: Told) -> None:
    def refused() -> str:
        raise AccessDenied("no login")

    sample = Client(told.url, refused, "model").ask(QUESTION)
    assert (sample.status, sample.error, told.seen) == (0, "no credential: no login", [])


def test_a_long_error_is_shortened(told: Told) -> None:
    told.always = refuses(500, "x" * 5000)
    assert len(told.client().ask(QUESTION).error) < 400
