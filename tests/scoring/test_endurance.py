"""Overload, hang, death and shutdown of servers that may be broken: they are not the one that the other tests share."""

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.scoring.processes import has_ended, wait_until

CHAT = "/v1/chat/completions"
AZURE = "/chat/completions?api-version=2025-04-01"
LONG = {"model": "", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 7000, "ignore_eos": True}
ENGINE, RUST = "VLLM::Engine", "vllm-rs"
KEY = {"authorization": "Bearer endurance-key", "extra-parameters": "pass-through"}


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


def child_of(pid: int, name: str) -> int | None:
    """The child of a process whose name begins like this."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text()
        except OSError:
            continue
        if f"({name}" in fields and int(fields.rsplit(")", 1)[1].split()[1]) == pid:
            return int(entry.name)
    return None


def strike(pid: int, number: int, name: str = ENGINE) -> int:
    """Send a signal to a child of a server, once there is one; return the child."""
    wait_until(lambda: child_of(pid, name) is not None, limit=240)
    child = child_of(pid, name)
    assert child is not None
    os.kill(child, number)
    return child


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


def test_flood_hang_and_shutdown(breakable_server: Any) -> None:
    url = breakable_server.base_url
    assert httpx.get(f"{url}/v1/models").status_code == 401

    # A flood: what is beyond the limit is refused at once, what is inside goes on.
    streams = [Stream(url + CHAT) for _ in range(5)]
    wait_until(lambda: sum(stream.begun for stream in streams) == 2)
    wait_until(lambda: [stream.status for stream in streams].count(429) == 1)
    refused = httpx.post(url + AZURE, json=LONG, headers=KEY)
    assert (refused.status_code, refused.headers["x-ms-error-code"]) == (429, "TooManyRequests")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["status"] == 429
    assert ready(breakable_server) == 200

    # An engine that makes no step while requests wait is not ready; once it goes on it is.
    strike(breakable_server.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: ready(breakable_server) == 503)
    finally:
        strike(breakable_server.pid, signal.SIGCONT)
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
        body = {"model": "", "messages": [{"role": "user", "content": prompt}], "max_tokens": 2, "seed": 1}
        assert httpx.post(url + CHAT, json=body, headers=KEY, timeout=120).status_code == 200

    openai_stream, azure_stream = Stream(url + CHAT), Stream(url + AZURE)
    wait_until(lambda: openai_stream.begun and azure_stream.begun)
    strike(breakable_server.pid, signal.SIGKILL)
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
        strike(server.pid, signal.SIGKILL)
        assert server.wait() == 1
        server.wait_for_end()
    assert re.fullmatch(r"\[startup\] failed: the engine did not start: .+ \(signal 9, Killed\)\n", server.lines[-2])
    assert "the kernel does that where memory runs out" in server.lines[-1]


def test_without_its_rust_front_a_server_goes_on(breakable_server: Any, rust_binary: Any) -> None:
    url = breakable_server.base_url
    assert breakable_server.get("/health/ready").json()["fronts"] == ["rust", "python"]
    openai_stream, azure_stream = Stream(url + CHAT), Stream(url + AZURE)
    wait_until(lambda: openai_stream.begun and azure_stream.begun)
    strike(breakable_server.pid, signal.SIGKILL, RUST)
    openai_stream.join(60)
    azure_stream.join(60)
    assert json.loads(openai_stream.events[-2])["error"]["code"] == 503
    assert json.loads(azure_stream.events[-2])["error"]["code"] == "ServiceUnavailable"
    assert openai_stream.events[-1] == azure_stream.events[-1] == "[DONE]"
    breakable_server.wait_for_line("[fronts] vllm-rs has ended by signal 9; vLLM's Python front answers alone")
    breakable_server.wait_for_line("[fronts] stopping 2 requests of the front that has ended")

    # The Python front answers, and finds a place in the engine, where the two had all.
    answer = httpx.post(url + CHAT, json={**LONG, "max_tokens": 2}, headers=KEY, timeout=60)
    assert answer.status_code == 200
    ready = breakable_server.get("/health/ready")
    assert (ready.status_code, ready.json()["fronts"]) == (200, ["python"])
    metrics = httpx.get(url + "/metrics", headers=KEY).text
    assert re.search(r'gatelift_front{front="rust",model_name=".*"} 0.0', metrics)
    assert 'gatelift_requests_total{front="python",route="POST /v1/chat/completions",status="200"} 1.0' in metrics


@pytest.mark.parametrize(
    ("arguments", "environ", "reason"),
    [
        pytest.param(["--response-role", "a"], {}, "response_role", id="an-argument-that-it-refuses"),
        pytest.param([], {"VLLM_RUST_FRONTEND_PATH": "/bin/false"}, "vllm-rs has ended with 1", id="an-early-exit"),
    ],
)
def test_a_rust_front_that_does_not_start_is_done_without(
    scoring_processes: ModuleType,
    random_reasoning_weights: Path,
    rust_binary: Any,
    arguments: list[str],
    environ: dict[str, str],
    reason: str,
) -> None:
    with scoring_processes.scoring_server(str(random_reasoning_weights), *arguments, **environ) as server:
        assert reason in server.wait_for_line("[startup] vLLM's Python front answers alone: ")
        server.wait_until_ready()
        assert server.get("/health/ready").json()["fronts"] == ["python"]


def test_without_the_rust_front_that_is_asked_for_the_reason_is_the_last_word(
    scoring_processes: ModuleType, random_reasoning_weights: Path
) -> None:
    wanted = {"SCORING_FRONT": "rust", "VLLM_RUST_FRONTEND_PATH": "/nowhere"}
    with scoring_processes.scoring_server(str(random_reasoning_weights), **wanted) as server:
        server.wait_for_end(120)
        assert server.wait() == 1
        assert "/nowhere is no executable file" in server.lines[-2]
        assert server.lines[-1].startswith("hint: set SCORING_FRONT to auto")
        assert not any("EngineCore" in line for line in server.lines)  # no model is loaded first


def test_nothing_outlives_a_server_that_is_killed(
    scoring_processes: ModuleType, random_reasoning_weights: Path, rust_binary: Any
) -> None:
    with scoring_processes.scoring_server(str(random_reasoning_weights)) as server:
        children = [strike(server.pid, 0, RUST), strike(server.pid, 0)]
        server.signal(signal.SIGKILL)
        wait_until(lambda: all(has_ended(child) for child in children))
