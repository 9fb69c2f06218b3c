"""How responses end on real engines: by their budget, by a client that leaves, by the death of whatever makes them."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.scoring.processes import wait_until
from tests.scoring.puppet import SAY
from tests.scoring.responses.checking import check_events, check_response, read_events
from tests.scoring.test_endurance import RUST, strike

RESPONSES = "/v1/responses"
CALL = '<tool_call>\n{"name": "say", "arguments": {"text": "one two three four five six seven"}}\n</tool_call>'
FUNCTION = {"type": "function", **SAY["function"]}
ENDLESS = {"ignore_eos": True, "bad_words": ["</think>"]}  # reasoning
LONG: dict[str, Any] = {"input": "Hi", "ignore_eos": True, "max_output_tokens": 7000}


def saying(words: str, **more: Any) -> dict[str, Any]:
    """Return a request that is answered by these words."""
    return {
        "input": "go",
        "structured_outputs": {"choice": [words]},
        "temperature": 0,
        "max_output_tokens": 100,
        **more,
    }


def model_of(url: str) -> str:
    """Return the name of the model that a server generates with."""
    return str(httpx.get(f"{url}/v1/models", timeout=30).json()["data"][0]["id"])


def streamed(url: str, body: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the events of a streamed response, and its last object."""
    answer = httpx.post(url + RESPONSES, json={"model": model_of(url), **body, "stream": True}, timeout=120)
    assert answer.status_code == 200, answer.text
    events = read_events(answer.content)
    return events, check_events(events)


def whole(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return a response that is not streamed."""
    answer = httpx.post(url + RESPONSES, json={"model": model_of(url), **body}, timeout=120)
    assert answer.status_code == 200, answer.text
    check_response(answer.json())
    return dict(answer.json())


def told(response: dict[str, Any]) -> Any:
    """Return what of a response does not differ from one time to the next."""
    items = json.loads(json.dumps(response["output"]))
    for item in items:
        item["id"] = item["call_id"] = ""
    return response["status"], response["incomplete_details"], items


@pytest.mark.parametrize(
    ("body", "status", "items"),
    [
        pytest.param(saying("one two three"), "completed", [("message", "completed")], id="completed"),
        pytest.param(
            saying("one two three four", max_output_tokens=2), "incomplete", [("message", "incomplete")], id="cut"
        ),
        pytest.param(
            saying(CALL, tools=[FUNCTION]), "completed", [("function_call", "completed")], id="a call"
        ),
        pytest.param(
            saying(CALL, tools=[FUNCTION], max_output_tokens=60),
            "incomplete",
            [("function_call", "incomplete")],
            id="cut within arguments",
        ),
        pytest.param(
            saying(f"Wait.\n{CALL}\n{CALL}", tools=[FUNCTION], max_output_tokens=300),
            "completed",
            [("message", "completed"), ("function_call", "completed"), ("function_call", "completed")],
            id="a text and two calls",
        ),
    ],
)  # fmt: skip
def test_streams_whole_answers_and_what_is_stored_end_alike(
    chat_url: str, body: dict[str, Any], status: str, items: list[tuple[str, str]]
) -> None:
    _, last = streamed(chat_url, body)
    assert (last["status"], [(item["type"], item["status"]) for item in last["output"]]) == (status, items)
    assert told(whole(chat_url, body)) == told(last)
    assert httpx.get(f"{chat_url}{RESPONSES}/{last['id']}").json() == last


def test_a_budget_that_ends_in_the_reasoning_leaves_no_message(embedding_server: Any) -> None:
    url = embedding_server.base_url
    _, last = streamed(url, {"input": "Hi", "max_output_tokens": 12, **ENDLESS})
    assert last["status"] == "incomplete"
    assert [(item["type"], item["status"]) for item in last["output"]] == [("reasoning", "incomplete")]
    assert last["usage"]["output_tokens_details"]["reasoning_tokens"] > 0


def test_openais_client_gets_the_summary_that_it_asks_for(embedding_server: Any) -> None:
    with OpenAI(base_url=f"{embedding_server.base_url}/v1", api_key="unused") as client:
        asked = client.responses.stream(
            model="random", input="Hi", max_output_tokens=12, reasoning={"summary": "auto"}, extra_body=ENDLESS
        )
        with asked as stream:
            events = list(stream)
    told = "".join(event.delta for event in events if event.type == "response.reasoning_summary_text.delta")
    last = events[-1]
    assert last.type == "response.incomplete"
    item = last.response.output[0]
    assert item.type == "reasoning"
    assert [part.text for part in item.summary] == [told]
    assert item.content is not None
    assert item.content[0].text == told != ""


def test_log_probabilities_spell_the_text(chat_url: str) -> None:
    asked = saying("one two three", include=["message.output_text.logprobs"], top_logprobs=2)
    _, last = streamed(chat_url, asked)
    part = last["output"][0]["content"][0]
    assert b"".join(bytes(one["bytes"]) for one in part["logprobs"]).decode() == part["text"] == "one two three"
    assert {len(one["top_logprobs"]) for one in part["logprobs"]} <= {1, 2}
    assert told(whole(chat_url, asked))[2][0]["content"][0]["text"] == part["text"]


def running(url: str) -> float:
    lines = httpx.get(f"{url}/metrics", timeout=30).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("vllm:num_requests_running"))


FRONTS = [pytest.param({}, id="rust front"), pytest.param({"top_k": "5"}, id="python front")]


@pytest.mark.parametrize("more", FRONTS)
def test_the_engine_stops_when_a_client_leaves_that_waits_for_all(chat_url: str, more: dict[str, Any]) -> None:
    body = {"model": model_of(chat_url), **LONG, "max_output_tokens": 1900, **more}
    wait_until(lambda: running(chat_url) == 0)
    with httpx.Client() as client, pytest.raises(httpx.ReadTimeout):
        client.post(chat_url + RESPONSES, json=body, timeout=2)
    wait_until(lambda: running(chat_url) == 0, 5)


@pytest.mark.parametrize("more", FRONTS)
def test_the_engine_stops_when_the_client_leaves(chat_url: str, more: dict[str, Any]) -> None:
    body = {"model": model_of(chat_url), **LONG, "max_output_tokens": 1900, **more, "stream": True}
    wait_until(lambda: running(chat_url) == 0)
    with httpx.stream("POST", chat_url + RESPONSES, json=body, timeout=60) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        while "response.output_text.delta" not in next(lines):
            pass
        wait_until(lambda: running(chat_url) == 1, 10)
    wait_until(lambda: running(chat_url) == 0, 5)


class Reader(threading.Thread):
    """A client that reads a long streamed response to its end."""

    def __init__(self, url: str, body: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._body = {"model": model_of(url), **body, "stream": True}
        self.body = b""
        self.start()

    def run(self) -> None:
        with httpx.stream("POST", self._url + RESPONSES, json=self._body, timeout=180) as answer:
            for piece in answer.iter_raw():
                self.body += piece

    def read_on(self) -> "Reader":
        wait_until(lambda: b"output_text.delta" in self.body, 60)
        return self

    def last(self) -> dict[str, Any]:
        self.join(60)
        last = check_events(read_events(self.body))
        assert (last["status"], last["error"]["code"]) == ("failed", "server_error")
        assert [item["status"] for item in last["output"]] == ["incomplete"]
        assert last["output"][0]["content"][0]["text"]
        return last


@pytest.fixture
def breakable(scoring_processes: ModuleType, random_reasoning_weights: Path) -> Iterator[Any]:
    """A server that a test may break."""
    environ = {"SCORING_GRACE_SECONDS": "1"}
    arguments = (str(random_reasoning_weights), "--max-num-seqs", "4")
    with scoring_processes.scoring_server(*arguments, **environ) as server:
        server.wait_until_ready()
        yield server


def test_the_death_of_the_front_and_of_the_engine_are_the_last_event(breakable: Any) -> None:
    url = breakable.base_url
    by_python = {**LONG, "top_k": "5"}
    if "rust" in breakable.get("/health/ready").json()["fronts"]:
        streams = [Reader(url, LONG).read_on(), Reader(url, by_python).read_on()]
        strike(breakable.pid, signal.SIGKILL, RUST)
        assert "broken off" in streams[0].last()["error"]["message"]
        wait_until(lambda: breakable.get("/health/ready").json()["fronts"] == ["python"])
        assert streams[1].is_alive(), "the other front goes on"
    streams = [Reader(url, by_python).read_on()]
    answers: list[httpx.Response] = []
    asked = {"model": model_of(url), **LONG}
    asking = threading.Thread(target=lambda: answers.append(httpx.post(url + RESPONSES, json=asked, timeout=60)))
    asking.start()
    wait_until(lambda: running(url) >= 2)
    strike(breakable.pid, signal.SIGKILL)
    assert streams[0].last()["error"]["message"]
    asking.join(60)
    assert (answers[0].status_code, "error" in answers[0].json()) == (500, True)
    assert breakable.wait() == 1


def test_the_end_of_the_process_is_the_last_event(breakable: Any) -> None:
    streams = [Reader(breakable.base_url, LONG).read_on(), Reader(breakable.base_url, {**LONG, "top_k": "5"}).read_on()]
    began = time.monotonic()
    breakable.signal(signal.SIGTERM)
    for stream in streams:
        assert stream.last()["error"]["message"] == "The server is shutting down."
    assert time.monotonic() - began >= 1, "before the grace was over"
    assert breakable.wait() == 0
