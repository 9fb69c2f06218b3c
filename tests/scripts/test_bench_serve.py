"""What `scripts/bench serve` makes of the documents of vLLM's load client, without any server."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts" / "benches"))

from serving.client import first_error, held_back, measures
from serving.matrix import QUICK, cells
from serving.report import as_markdown, tables, write_page
from serving.targets import TARGETS, seen

STEP = 0.01  # seconds between two pieces


def streamed(waits: list[float], tokens: int = 64) -> dict[str, Any]:
    """The client's document of streams with these seconds to the first token; the role came a step before."""
    gaps = [[STEP] * (tokens + 1) for _ in waits]
    return {
        "num_prompts": len(waits),
        "failed": 0,
        "duration": 2.0,
        "errors": [""] * len(waits),
        "ttfts": [wait - STEP for wait in waits],
        "itls": gaps,
        "latencies": [wait + STEP * tokens for wait in waits],
        "output_lens": [tokens] * len(waits),
    }


def whole(waits: list[float]) -> dict[str, Any]:
    """The client's document of whole answers that took these seconds."""
    kept = ("num_prompts", "failed", "duration", "errors")
    return {**{name: value for name, value in streamed(waits).items() if name in kept}, "latencies": waits}


@pytest.mark.parametrize(
    ("document", "held"),
    [
        pytest.param(streamed([0.02] * 63 + [0.06]), 0, id="none"),
        pytest.param(streamed([0.02] * 63 + [0.70]), 1, id="one-for-a-whole-answer"),
        pytest.param(streamed([0.02] * 197 + [0.69, 0.70, 0.71]), 3, id="three-of-two-hundred"),
        pytest.param(streamed([0.02] * 54 + [0.70] * 10), 0, id="too-many-for-the-client-alone"),
        pytest.param(streamed([0.004 * number for number in range(3, 512)]), 0, id="a-server-that-cannot-keep-up"),
        pytest.param(streamed([0.02] * 63 + [0.25]), 0, id="a-slow-one-but-not-a-whole-answer"),
        pytest.param(streamed([10.2, 10.6, 11.0, 11.5]), 0, id="long-prompts-one-after-the-other"),
        pytest.param(streamed([0.02, 0.70]), 0, id="too-few-to-say"),
        pytest.param(whole([0.65] * 63 + [1.31]), 1, id="a-whole-answer-held-back"),
        pytest.param(whole([0.65] * 60 + [0.8] * 4), 0, id="whole-answers-none"),
    ],
)
def test_requests_that_the_client_held_back(document: dict[str, Any], held: int) -> None:
    assert held_back(document) == held


def test_measures_of_streams() -> None:
    document = streamed([0.02, 0.04, 0.06])
    row = measures(document)
    assert row["requests_per_second"] == 1.5
    assert row["tokens_per_second"] == 96
    assert row["pieces_per_token"] == 1
    assert row["ttft_p50"] == pytest.approx(40)  # of the first token: the role came before
    assert row["gap_p99"] == pytest.approx(10)
    assert first_error(document) == ""


def test_failed_requests_are_told_and_not_measured() -> None:
    document = streamed([0.02, 0.04, 9.0])
    document |= {"errors": ["", "", "HTTP 500"], "failed": 1}
    row = measures(document)
    assert row["requests_per_second"] == 1.0
    assert row["ttft_p99"] < 50
    assert first_error(document) == "1 of 3 requests failed: HTTP 500"


def test_whole_answers_have_no_first_token() -> None:
    row = measures(whole([0.65, 0.67]))
    assert row["latency_p50"] == pytest.approx(660)
    assert math.isnan(row["ttft_p50"])


def test_the_quick_preset_answers_every_target() -> None:
    names = {cell.name for cell in cells(QUICK)}
    assert {target.where for target in TARGETS} <= names | {"start", "load"}


def test_without_the_load_client_no_server_is_started(repository: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "VLLM_RUST_FRONTEND_PATH": "/none/such"}
    command = [str(repository / "scripts" / "bench"), "serve", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no load client" in done.stderr
    assert "/none/such" in done.stderr
    assert not (tmp_path / "out").exists()


def report(ours: list[float], *more: str) -> dict[str, Any]:
    """A run of 64 streams: 60 requests/s of bare, 100 of the Rust front, and ours."""
    rows = {arm: [measures(streamed([0.02] * 8))] * 3 for arm in ("bare", "rust", "ours", *more)}
    speeds = {"bare": [60.0] * 3, "rust": [100.0] * 3, "ours": ours}
    cpu = {"own_cpu_ms": 1.0, "rust_cpu_ms": 1.0, "front_cpu_ms": 2.0, "engine_cpu_ms": 1.0}
    rounds = {
        arm: [
            {**row, **cpu, "requests_per_second": speed}
            for row, speed in zip(rows[arm], speeds.get(arm, ours), strict=True)
        ]
        for arm in rows
    }
    name = cells([{}])[0].name
    cell = {"name": name, "rounds": rounds, "thrown_away": dict.fromkeys(rounds, 1)}
    return {"about": {}, "arms": list(rounds), "cells": [cell], "peak_mib": {}, "starts": {}}


@pytest.mark.parametrize(("ours", "reached"), [([99.0, 97.0, 20.0], True), ([90.0, 94.0, 99.0], False)])
def test_a_target_is_held_against_the_median_of_the_rounds(ours: list[float], reached: bool) -> None:
    row = next(row for row in seen(report(ours)) if row["what"].startswith("requests/s"))
    assert row["target"] == "≥ 0.95 × rust"
    assert row["ratio"]["median"] == pytest.approx(sorted(ours)[1] / 100)
    assert row["reached"] is reached


def test_a_run_answers_only_the_targets_of_its_arms_and_cells() -> None:
    assert not [row for row in seen(report([99.0] * 3)) if "Python front alone" in row["what"]]
    alone = [
        row for row in seen(report([59.0] * 3, "ours:SCORING_FRONT=python")) if "Python front alone" in row["what"]
    ]
    assert [row["target"] for row in alone] == ["≥ 0.95 × bare", "≤ 1.05 × bare"]


def test_the_same_tables_as_markdown_and_as_a_page(tmp_path: Path) -> None:
    document = report([99.0] * 3)
    document["targets"] = seen(document)
    markdown = as_markdown(tables(document))
    write_page(document, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for words in ("### Targets", "### Medians", "### Ratios to bare", "rounds thrown away"):
        assert words in markdown
        assert words.removeprefix("### ") in page
