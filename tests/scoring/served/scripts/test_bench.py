"""`scripts/bench serve`: at an endpoint that runs, and with servers of its own, with tiny numbers."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scoring.engine.fronts.binary import RustBinary


def bench(repository: Path, out: Path, *words: str, **environ: str) -> tuple[dict[str, Any], str]:
    """Run the bench to its end; return its document and what it printed."""
    command = [str(repository / "scripts" / "bench"), "serve", "--out", str(out), *words]
    process = subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said, _ = process.communicate(timeout=300)
    except BaseException:
        process.send_signal(signal.SIGTERM)  # it stops its servers
        process.wait()
        raise
    assert process.returncode == 0, said
    return json.loads((out / "report.json").read_text()), said


@pytest.mark.usefixtures("rust_binary")
def test_an_endpoint_at_rising_rates(repository: Path, chat_url: str, chat_model: str, tmp_path: Path) -> None:
    (tmp_path / "prompts").write_text('Hello\n{"prompt": "How are you?"}\n')
    found, said = bench(
        repository,
        tmp_path / "out",
        *("--url", f"{chat_url}/v1", "--rates", "2,3,4", "--seconds", "1", "--max-tokens", "4"),
        *("--prompt-file", str(tmp_path / "prompts"), "--slo", "latency_p95=60000,ttft_p50=0.001"),
        OPENAI_API_KEY="not-to-be-told",
    )
    (step,) = found["endpoint"]["steps"]  # the first rate is over an objective already
    assert (step["rate"], step["missed"], step["errors"], step["first_error"]) == (2, ["ttft_p50"], 0, "")
    assert 0 < step["ttft_p50"] <= step["latency_p50"]
    assert "not-to-be-told" not in said + (tmp_path / "out" / "report.json").read_text()
    assert "highest rate within the objectives: none" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.usefixtures("rust_binary")
def test_an_endpoint_that_refuses_is_told(repository: Path, chat_url: str, tmp_path: Path) -> None:
    found, said = bench(repository, tmp_path, "--url", f"{chat_url}/v1", "--model", "none-such", "--seconds", "1")
    assert [step["errors"] for step in found["endpoint"]["steps"]] == [1]
    assert "1 of 1 requests failed: HTTP 404" in said


@pytest.mark.usefixtures("random_reasoning_weights")
def test_a_server_of_its_own(repository: Path, tmp_path: Path, rust_binary: RustBinary) -> None:
    found, _ = bench(
        repository,
        tmp_path,
        *("--arms", "rust", "--modes", "stream,whole", "--concurrency", "2", "--tokens", "8", "--rounds", "1"),
        VLLM_RUST_FRONTEND_PATH=str(rust_binary.path),
    )
    assert [cell["name"] for cell in found["cells"]] == ["null chat stream c=2 32→8", "null chat whole c=2 32→8"]
    for cell in found["cells"]:
        (row,) = cell["rounds"]["rust"]
        assert row["errors"] == 0
        assert row["latency_p50"] >= 80  # a step takes 10 ms
        assert row["rust_cpu_ms"] > 0
    (start,) = found["starts"]["null"]["rust"]
    assert 0 < start["liveness"] <= start["first_token"]
    assert found["peak_mib"]["rust"] > 100
    for name in ("report.html", "report.md"):
        assert "null chat whole" in (tmp_path / name).read_text()


@pytest.mark.usefixtures("random_reasoning_weights", "rust_binary")
def test_responses_beside_chat(repository: Path, tmp_path: Path) -> None:
    found, said = bench(repository, tmp_path, "--responses", "1", "--arms", "ours", "--rounds", "1")
    for rows in found["surfaces"]["ours"].values():
        (row,) = rows
        assert 0 < row["own_cpu_ms"] <= row["front_cpu_ms"]
        assert row["ttft_p50"] > 0
    assert "| ours | first token p50 ms |" in said
