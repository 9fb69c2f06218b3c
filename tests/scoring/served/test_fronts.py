"""Both of vLLM's fronts before one engine, as those who run a server see them."""

import time
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from scoring.engine.fronts.binary import RustBinary

COMPLETIONS = "/v1/completions"
ASKED = {"prompt": "The capital of France is", "max_tokens": 4, "ignore_eos": True}
LONG = {"prompt": "Once upon a time", "max_tokens": 1500, "ignore_eos": True, "stream": True}


def metrics(url: str) -> dict[str, float]:
    """Every sample by its name and its labels, but for the model's name."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=60).text):
        for sample in family.samples:
            labels = [f"{name}={value}" for name, value in sorted(sample.labels.items()) if name != "model_name"]
            name = " ".join([sample.name, *labels])
            assert name not in found, "a sample stands twice"
            found[name] = sample.value
    return found


def wait_for(url: str, name: str, value: float) -> None:
    """Wait until a metric has this value: vllm-rs tells of a token before it counts it."""
    deadline = time.monotonic() + 60
    while metrics(url).get(name, 0) != value:
        assert time.monotonic() < deadline, f"{name} is not {value}"
        time.sleep(0.05)


def counted(front: str, status: int) -> str:
    return f"gatelift_requests_total front={front} route=POST {COMPLETIONS} status={status}"


def test_both_are_ready(chat_server: Any, rust_binary: RustBinary) -> None:
    assert chat_server.get("/health/ready").json()["fronts"] == ["rust", "python"]
    found = metrics(chat_server.base_url)
    assert (found["gatelift_front front=rust"], found["gatelift_front front=python"]) == (1, 1)


def test_metrics_add_both_up(chat_url: str, rust_binary: RustBinary) -> None:
    before = metrics(chat_url)
    for _ in range(3):
        assert httpx.post(chat_url + COMPLETIONS, json=ASKED, timeout=60).status_code == 200
    two = httpx.post(chat_url + COMPLETIONS, json={**ASKED, "n": 2}, timeout=60)  # the Rust front makes one answer
    assert len(two.json()["choices"]) == 2
    refused = httpx.post(chat_url + COMPLETIONS, json={**ASKED, "temperature": -1}, timeout=60)
    assert refused.status_code == 400
    wait_for(chat_url, counted("python", 400), before.get(counted("python", 400), 0) + 1)
    after = metrics(chat_url)

    def more(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert more("vllm:generation_tokens_total engine=0") == 5 * 4
    assert more("vllm:request_success_total engine=0 finished_reason=length") == 5
    for bucket in ("vllm:request_prompt_tokens_count engine=0", "vllm:request_prompt_tokens_bucket engine=0 le=+Inf"):
        assert more(bucket) == 5
    assert (more(counted("rust", 200)), more(counted("python", 200)), more(counted("python", 400))) == (3, 1, 1)
    wait_for(chat_url, "vllm:num_requests_running engine=0", 0)


def test_a_request_that_its_client_has_left_is_counted(chat_url: str, rust_binary: RustBinary) -> None:
    before = metrics(chat_url).get(counted("rust", 499), 0)
    with httpx.stream("POST", chat_url + COMPLETIONS, json=LONG, timeout=60) as answer:
        lines = answer.iter_lines()  # if nobody had it, the connection would be closed
        next(lines)
        wait_for(chat_url, "vllm:num_requests_running engine=0", 1)
    wait_for(chat_url, counted("rust", 499), before + 1)
    wait_for(chat_url, "vllm:num_requests_running engine=0", 0)


def test_its_command_line_names_only_what_is_its_own(chat_server: Any, rust_binary: RustBinary) -> None:
    lines = [
        path.read_bytes().split(b"\0")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"PPid:\t{chat_server.pid}\n" in (path.parent / "status").read_text()
    ]
    arguments = next(line for line in lines if line[0].endswith(b"vllm-rs"))[-2]
    assert b'"max_model_len": 2048' in arguments
    for name in (b"api_key", b"hf_token", b"allowed_media_domains"):
        assert name not in arguments
