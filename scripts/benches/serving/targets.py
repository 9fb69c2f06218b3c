"""What the server is held to, as ratios to vLLM's own fronts in the same run, and what a run has seen of it."""

import math
import operator
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from serving.matrix import Cell

# The measures of one run: in words, and whether more is better.
MEASURES = {
    "requests_per_second": ("requests/s", True),
    "tokens_per_second": ("output tokens/s", True),
    "ttft_p50": ("first token p50 ms", False),
    "ttft_p95": ("first token p95 ms", False),
    "ttft_p99": ("first token p99 ms", False),
    "gap_p50": ("between pieces p50 ms", False),
    "gap_p95": ("between pieces p95 ms", False),
    "gap_p99": ("between pieces p99 ms", False),
    "latency_p50": ("whole answer p50 ms", False),
    "latency_p95": ("whole answer p95 ms", False),
    "own_cpu_ms": ("CPU of the process with the port, ms/request", False),
    "rust_cpu_ms": ("CPU of vllm-rs, ms/request", False),
    "front_cpu_ms": ("CPU of both, ms/request", False),
    "engine_cpu_ms": ("CPU of all others, ms/request", False),
    "pieces_per_token": ("pieces per token", True),
}
STARTS = {
    "liveness": "start to liveness s",
    "ready": "start to ready s",
    "first_token": "start to first token s",
    "start_cpu": "CPU of the start s",
    "peak_mib": "memory after the start MiB",
}
PYTHON = "ours:SCORING_FRONT=python"
PEAK = "peak memory MiB"


@dataclass(frozen=True)
class Target:
    """A limit for the ratio of one measure of `arm` to the best of the arms in `to`; without one for the value."""

    where: str
    measure: str
    limit: float
    to: tuple[str, ...] = ("rust",)
    arm: str = "ours"


@dataclass(frozen=True)
class Ratio:
    """The median, the smallest and the largest of the rounds' ratios."""

    median: float
    low: float
    high: float


def _targets() -> Iterator[Target]:
    bare, best = ("bare",), ("bare", "rust")
    for streams, speed, first in ((64, 0.95, 1.3), (256, 0.95, 1.3), (512, 0.8, 1.5)):
        name = Cell(concurrency=streams).name
        yield Target(name, "requests_per_second", speed)
        if streams == 512:
            yield Target(name, "requests_per_second", 2.2, bare)
        yield Target(name, "ttft_p50", first)
        yield Target(name, "ttft_p95", first)
        if streams < 512:
            yield Target(name, "ttft_p99", 1.5)
        yield Target(name, "own_cpu_ms", 0.25, bare)
    rows = (Cell(mode="whole"), Cell(workload="tools"), Cell(workload="reasoning"), Cell(prompt=32_000, concurrency=8))
    for cell in rows:
        yield Target(cell.name, "requests_per_second", 0.95, bare)
        yield Target(cell.name, "latency_p95" if cell.mode == "whole" else "ttft_p95", 1.1, bare)
    yield Target(Cell(workload="beside", concurrency=16).name, "gap_p99", 1.1, best)
    yield Target("start", "first_token", 0.6, bare)
    yield Target("start", "liveness", 0.33, ())
    yield Target("load", PEAK, 1.0, bare)
    yield Target(Cell().name, "requests_per_second", 0.95, bare, PYTHON)
    yield Target(Cell().name, "front_cpu_ms", 1.05, bare, PYTHON)


TARGETS = tuple(_targets())


def seen(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each target that this run can answer."""
    return [row for target in TARGETS if (row := _seen(target, document))]


def _seen(target: Target, document: dict[str, Any]) -> dict[str, Any] | None:
    rounds = _rounds(target, document)
    if target.arm not in rounds or not set(target.to) <= set(rounds):
        return None
    words, more = MEASURES.get(target.measure, (STARTS.get(target.measure, target.measure), False))
    middles = {arm: statistics.median(values) for arm, values in rounds.items()}
    other = (max if more else min)(target.to, key=lambda arm: middles[arm]) if target.to else None
    value = middles[target.arm]
    found = ratio(rounds[target.arm], rounds[other]) if other else Ratio(value, min(rounds[target.arm]), value)
    if found is None:
        return None
    return {
        "what": f"{words}, {target.where}" + (", Python front alone" if target.arm == PYTHON else ""),
        "target": f"{'≥' if more else '≤'} {target.limit:g}" + (f" × {other}" if other else ""),
        "seen": f"{value:.4g}" + (f" ({other} {middles[other]:.4g})" if other else ""),
        "ratio": asdict(found) if other else None,
        "reached": bool((operator.ge if more else operator.le)(found.median, target.limit)),
    }


def _rounds(target: Target, document: dict[str, Any]) -> dict[str, list[float]]:
    """The values of each arm, round by round."""
    if target.where == "load":
        return {arm: [value] for arm, value in document.get("peak_mib", {}).items()}
    if target.where == "start":
        arms = document.get("starts", {}).get("null", {})
    else:
        arms = next((cell["rounds"] for cell in document.get("cells", []) if cell["name"] == target.where), {})
    return {arm: [row[target.measure] for row in rows] for arm, rows in arms.items()}


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio | None:
    """Compare two arms round by round; None where there is nothing to compare."""
    pairs = [n / d for n, d in zip(numerators, denominators, strict=False) if d and not math.isnan(n + d)]
    return Ratio(statistics.median(pairs), min(pairs), max(pairs)) if pairs else None
