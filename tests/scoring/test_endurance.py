"""Overload, hang, death and shutdown of servers that may be broken: they are not the one that the other tests share."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

CHAT = "/v1/chat/completions"
AZURE = "/chat/completions?api-version=2025-04-01"
LONG = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 7000, "ignore_eos": True}
KEY = {"authorization": "Bearer endurance-key", "extra-parameters": "pass-through"}


def wait_until(done: Callable[[], bool], limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class Stream(threading.Thread):
    """A client that reads a long stream to its end."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.status = 0
        self.text = ""
        self.start()

    def run(self) -> None:
        with (
            httpx.Client(timeout=180, headers=KEY) as client,
            client.stream("POST", self._url, json={**LONG, "stream": True}) as answer,
        ):
            self.status = answer.status_code
            for piece in answer.iter_text():
                self.text += piece

    @property
    def begun(self) -> bool:
        return "delta" in self.text

    @property
    def events(self) -> list[str]:
        return [line[len("data: ") :] for line in self.text.splitlines() if line.startswith("data: ")]


def engine_of(pid: int) -> int | None:
    """The process of the engine, a child of the server."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text()
        except OSError:
            continue
        if "VLLM::Engine" in fields and int(fields.rsplit(")", 1)[1].split()[1]) == pid:
            return int(entry.name)
    return None


def strike_engine(pid: int, number: int) -> None:
    """Send a signal to the engine of a server, once there is one."""
    wait_until(lambda: engine_of(pid) is not None, limit=240)
    engine = engine_of(pid)
    assert engine is not None
    os.kill(engine, number)


@pytest.fixture
def breakable_server(scoring_processes: ModuleType, random_reasoning_weights: Path) -> Iterator[Any]:
    """A server of its own, small enough to be flooded."""
    key = KEY["authorization"].removeprefix("Bearer ")
    arguments = ["--max-num-seqs", "2", "--max-num-queued-reqs", "2", "--api-key", key]
    environ = {"SCORING_HANG_SECONDS": "3", "SCORING_GRACE_SECONDS": "2"}
    with scoring_processes.scoring_server(str(random_reasoning_weights), *arguments, **environ) as server:
        server.wait_until_ready()
        yield server


def ready(server: Any) -> int:
    return int(server.get("/health/ready").status_code)


def is_refused(url: str) -> bool:
    """Whether one more request is refused; one that is taken in is given up again."""
    try:
        return httpx.post(url, json=LONG, headers=KEY, timeout=1).status_code == 429
    except httpx.ReadTimeout:
        return False


def test_flood_hang_and_shutdown(breakable_server: Any) -> None:
    url = breakable_server.base_url
    assert httpx.get(f"{url}/v1/models").status_code == 401

    # A flood: what is beyond the limit is refused at once, what is inside goes on.
    streams = [Stream(url + CHAT) for _ in range(4)]
    wait_until(lambda: sum(stream.begun for stream in streams) == 2)
    wait_until(lambda: is_refused(url + CHAT))
    refused = httpx.post(url + AZURE, json=LONG, headers=KEY)
    assert (refused.status_code, refused.headers["x-ms-error-code"]) == (429, "TooManyRequests")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["status"] == 429
    assert ready(breakable_server) == 200

    # An engine that makes no step while requests wait is not ready; once it goes on it is.
    strike_engine(breakable_server.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: ready(breakable_server) == 503)
    finally:
        strike_engine(breakable_server.pid, signal.SIGCONT)
    wait_until(lambda: ready(breakable_server) == 200)

    # Shutdown under streams: not ready at once, nothing new, a terminal event for what does not end in time, exit 0.
    breakable_server.signal(signal.SIGTERM)
    wait_until(lambda: ready(breakable_server) == 503)
    late = httpx.post(url + CHAT, json=LONG, headers=KEY)
    assert (late.status_code, "retry-after" in late.headers) == (503, True)
    for stream in streams:
        stream.join(60)
    under_way = [stream for stream in streams if stream.begun]
    assert [stream.events[-1] for stream in under_way] == ["[DONE]"] * len(under_way)
    cut_off = [json.loads(stream.events[-2]) for stream in under_way]
    assert {"code": 503}.items() <= next(event["error"] for event in cut_off if "error" in event).items()
    assert breakable_server.wait() == 0


def test_seeds_do_not_kill_the_engine_and_its_death_is_told(breakable_server: Any) -> None:
    url = breakable_server.base_url
    # Long prompts with a seed, which kill vLLM's CPU engine where prompts are read in chunks.
    for start in range(4):
        prompt = " ".join(f"{start}-{position}" for position in range(700))
        body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 2, "seed": 1}
        assert httpx.post(url + CHAT, json=body, headers=KEY, timeout=120).status_code == 200

    openai_stream, azure_stream = Stream(url + CHAT), Stream(url + AZURE)
    wait_until(lambda: openai_stream.begun and azure_stream.begun)
    strike_engine(breakable_server.pid, signal.SIGKILL)
    openai_stream.join(60)
    azure_stream.join(60)
    assert json.loads(openai_stream.events[-2])["error"]["code"] == 500
    update = json.loads(azure_stream.events[-2])
    assert (update["choices"][0]["finish_reason"], update["error"]["code"]) == ("error", "InternalServerError")
    assert openai_stream.events[-1] == azure_stream.events[-1] == "[DONE]"
    assert breakable_server.wait() == 1
    breakable_server.wait_for_end()
    assert "[shutdown] the engine died (signal 9, Killed)\nhint: the kernel does that where memory runs out" in (
        breakable_server.output
    )


def test_an_engine_killed_while_it_loads_is_told(scoring_processes: ModuleType, random_reasoning_weights: Path) -> None:
    with scoring_processes.scoring_server(str(random_reasoning_weights)) as server:
        strike_engine(server.pid, signal.SIGKILL)
        assert server.wait() == 1
        server.wait_for_end()
    assert re.fullmatch(r"\[startup\] failed: the engine did not start: .+ \(signal 9, Killed\)\n", server.lines[-2])
    assert "the kernel does that where memory runs out" in server.lines[-1]
