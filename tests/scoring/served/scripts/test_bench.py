"""`scripts/bench serve` with servers of its own, with tiny numbers."""

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
