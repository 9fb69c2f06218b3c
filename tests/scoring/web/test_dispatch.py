"""Which front a client's answer comes from, and what the client sees where the Rust front refuses or dies.

The Rust front is a stand-in on a Unix socket; the Python app is one that answers in fixed words.
"""

import asyncio
import json
import logging
import tracemalloc
from typing import Any

import pytest

from scoring.asgi import Receive, Scope, Send, local_scope, replaying, send_json
from scoring.engine.fronts.rust import Relayed
from scoring.engine.fronts.table import FrontFacts
from scoring.web.access_log import AccessLog
from tests.scoring.resting import ANSWERS, served
from tests.scoring.web.relay.front import LAST, STREAM, Answering, Client, chunk, event, running, whole, writing

CHAT = {"model": "a/model", "messages": [{"role": "user", "content": "Hi"}]}
OURS = json.dumps(ANSWERS["/v1/chat/completions"]).encode()
HEAD = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
FIRST = HEAD + b'"delta":{"role":"assistant"}}]}\n\n'
FINAL = HEAD + b'"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = HEAD.replace(
    b'[{"index":0,',
    b'[],"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":0},'
    b'"completion_tokens_details":{"reasoning_tokens":0}}}\n\n',
)
DONE = event("[DONE]")
ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":'
    b'"assistant","content":"Hi","reasoning":null},"logprobs":null,"finish_reason":"stop","stop_reason":null}],'
    b'"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2,"prompt_tokens_details":null}}'
)


class RustFront:
    """What is known of the Rust front: where it listens."""

    def __init__(self, path: str) -> None:
        self.path = path


class Served:
    """A server over both fronts, what a client of it gets, and what it writes down."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.client = Client()
        self.app = served("generate")
        self.caplog = caplog

    def ask(self, answering: Answering, body: Any = CHAT, path: str = "/v1/chat/completions") -> Client:
        """Ask with this Rust front."""
        asyncio.run(self._ask(answering, body, path))
        return self.client

    @property
    def line(self) -> Any:
        return json.loads(self.caplog.messages[-1])

    async def _ask(self, answering: Answering, body: Any, path: str) -> None:
        data = json.dumps(body).encode()
        tracemalloc.start()  # what follows is the server's
        logger = logging.getLogger("scoring.access")
        logger.setLevel(logging.INFO)
        logger.addHandler(self.caplog.handler)
        async with running(answering) as (front, _):
            engine: Any = self.app.service.engines[0]
            engine.rust, engine.relayed = RustFront(front.path), Relayed()
            engine.front_facts = FrontFacts("0.32", 2048)
            scope = local_scope("POST", path, data, query=b"api-version=2025-04-01")
            log = AccessLog(self.app, self.app.service.counts)
            try:
                await log(scope, replaying(data, self.client.receive), self.client.send)
            finally:
                logger.removeHandler(self.caplog.handler)
                tracemalloc.stop()
        self.asked = [(one.body, one.head.split()[1].decode()) for one in front.exchanges]
        self.inside = self.app.service.gate(engine).inside


@pytest.fixture
def both(caplog: pytest.LogCaptureFixture) -> Served:
    """A server over both fronts."""
    return Served(caplog)


def test_rust_front_answers_and_is_told_of(both: Served) -> None:
    client = both.ask(writing(STREAM, chunk(FIRST), chunk(FINAL) + chunk(USAGE) + chunk(DONE) + LAST))
    assert client.body.endswith(FINAL + USAGE + DONE)
    assert json.loads(client.body.split(b"\n\n")[0][len(b"data: ") :])["choices"] == [
        {"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": ""}}
    ]
    body, path = both.asked[0]
    assert (json.loads(body)["messages"], path) == (CHAT["messages"], "/v1/chat/completions")
    assert (both.line["front"], both.line["status"], both.line["model"]) == ("rust", 200, "a/model")
    assert (both.line["prompt_tokens"], both.line["completion_tokens"]) == (3, 2)
    assert client.headers[b"x-request-id"]
    assert both.inside == 0


def test_whole_answer_has_what_clients_read(both: Served) -> None:
    client = both.ask(writing(whole(ANSWER)))
    message = json.loads(client.body)["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("Hi", None)
    assert int(client.headers[b"content-length"]) == len(client.body)


@pytest.mark.parametrize("path", ["/", "/score"])
def test_scoring_paths_ask_for_a_chat(both: Served, path: str) -> None:
    both.ask(writing(whole(ANSWER)), path=path)
    assert both.asked[0][1] == "/v1/chat/completions"


def test_azures_events_are_azures(both: Served) -> None:
    thought = HEAD + b'"delta":{"reasoning":"hm"},"logprobs":null}]}\n\n'
    client = both.ask(
        writing(STREAM, chunk(FIRST) + chunk(thought), chunk(b": alive\n\n") + chunk(FINAL) + chunk(DONE) + LAST),
        {**CHAT, "stream": True},
        "/chat/completions",
    )
    *updates, end = [line[len("data: ") :] for line in client.body.decode().split("\n\n") if line]
    documents = [json.loads(update) for update in updates]
    assert end == "[DONE]"
    assert {document["object"] for document in documents} == {"chat.completion"}
    assert [document["choices"] for document in documents] == [
        [{"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": ""}}],
        [{"index": 0, "finish_reason": None, "delta": {"reasoning_content": "hm"}}],
        [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    ]
    assert json.loads(both.asked[0][0])["model"] == "a/model"


def test_azures_whole_answer_has_no_null_members(both: Served) -> None:
    document = json.loads(both.ask(writing(whole(ANSWER)), path="/chat/completions").body)
    assert document["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ]


REFUSED = [
    pytest.param(writing(whole(b'{"error":{}}', b"400 Bad Request")), id="refused"),
    pytest.param(writing(whole(b'{"error":{}}', b"500 Internal Server Error")), id="failed"),
    pytest.param(writing(close=True), id="died"),
    pytest.param(writing(b"nonsense\r\n\r\n"), id="not-understood"),
]


@pytest.mark.parametrize("answering", REFUSED)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_refusal_is_asked_of_the_python_app(both: Served, answering: Answering, path: str) -> None:
    client = both.ask(answering, path=path)
    assert json.loads(client.body)["id"] == "c"
    assert both.app.service.engines[0].asked[0]["messages"] == CHAT["messages"]  # type: ignore[attr-defined]
    assert (both.line["front"], both.line["status"]) == ("python", 200)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({**CHAT, "n": 2}, id="several-answers"),
        pytest.param({**CHAT, "response_format": {"type": "json_object"}}, id="response-format"),
    ],
)
def test_rows_of_the_table_go_to_the_python_app(both: Served, body: Any) -> None:
    assert both.ask(writing(whole(ANSWER)), body).body == OURS
    assert both.asked == []
    assert both.line["front"] == "python"


def test_death_in_a_stream_is_an_error_event_and_the_end(both: Served) -> None:
    client = both.ask(writing(STREAM, chunk(FIRST), close=True), {**CHAT, "stream": True})
    *_, error, end, nothing = client.body.split(b"\n\n")
    assert (end, nothing, client.complete) == (b"data: [DONE]", b"", True)
    assert json.loads(error[len(b"data: ") :])["error"]["code"] == 503
    assert both.inside == 0


def test_death_in_azures_stream_is_an_update_that_says_so(both: Served) -> None:
    client = both.ask(writing(STREAM, chunk(FIRST), close=True), {**CHAT, "stream": True}, "/chat/completions")
    *_, error, end, _ = client.body.split(b"\n\n")
    assert end == b"data: [DONE]"
    assert json.loads(error[len(b"data: ") :])["choices"][0]["finish_reason"] == "error"


def test_death_within_a_whole_answer_is_an_error(both: Served) -> None:
    client = both.ask(writing(whole(ANSWER)[:-9], close=True))
    assert (client.status, json.loads(client.body)["error"]["code"]) == (503, 503)
    assert client.headers[b"retry-after"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param({"message": "no", "type": "server_error", "param": None, "code": "server_error"}, 500, id="0.32"),
        pytest.param({"message": "no", "type": "BadRequestError", "param": "stop", "code": 400}, 400, id="0.33"),
        pytest.param("no", 500, id="of-another-shape"),
    ],
)
def test_error_event_has_the_python_apps_shape(both: Served, error: Any, code: int) -> None:
    broken = f"data: {json.dumps({'error': error}, separators=(',', ':'))}\n\n".encode()
    client = both.ask(writing(STREAM, chunk(FIRST) + chunk(broken) + chunk(DONE) + LAST), {**CHAT, "stream": True})
    first, told, end, _ = client.body.split(b"\n\n")
    found = json.loads(told[len(b"data: ") :])["error"]
    assert (found["code"], "no" in found["message"]) == (code, True)
    assert found["type"] == {500: "InternalServerError", 400: "BadRequestError"}[code]
    assert (b'"finish_reason":null' in first, end) == (True, b"data: [DONE]")


def test_client_that_has_left_is_written_down(both: Served) -> None:
    async def leave(exchange: Any) -> bool:
        await exchange.write(STREAM, chunk(FIRST))
        both.client.left.set()
        return bool(await exchange.gone())

    both.ask(leave, {**CHAT, "stream": True})
    assert (both.line["status"], both.line["front"]) == (499, "rust")
    assert both.inside == 0


LONG = {"model": "a/model", "messages": [{"role": "user", "content": "x" * 10_000_000}], "stream": True}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_body_is_let_go_of_when_the_rust_front_has_begun(both: Served, path: str) -> None:
    held: list[int] = []

    async def answering(exchange: Any) -> None:
        exchange.body = b""
        await exchange.write(STREAM, chunk(FIRST))
        while not both.client.body:  # noqa: ASYNC110  (the client has no event for it)
            await asyncio.sleep(0.01)
        held.append(tracemalloc.get_traced_memory()[0])
        await exchange.write(LAST)

    both.ask(answering, LONG, path)
    assert held[0] < 2_000_000


def test_body_is_let_go_of_when_the_python_app_has_read_it(both: Served) -> None:
    held: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        read = len((await receive())["body"])
        await asyncio.sleep(0.1)  # the thread that has parsed it lets go of it, too
        held.extend([read, tracemalloc.get_traced_memory()[0]])
        await send_json(send, 200, {})

    both.app.service.engines[0].app = app
    both.ask(writing(), {**LONG, "n": 2})
    assert held[0] > 10_000_000
    assert held[1] < 2_000_000
