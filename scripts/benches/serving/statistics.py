"""Computes ratios and their spread from raw milliseconds, and the noise: the same ratios for equal servers."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# The measures of one run, and whether a larger value is better.
MEASURES = {
    "requests_per_second": True,
    "tokens_per_second": True,
    "ttft_p50": False,
    "ttft_p95": False,
    "ttft_p99": False,
    "gap_p50": False,
    "gap_p95": False,
    "gap_p99": False,
    "latency_p50": False,
    "latency_p95": False,
    "http_cpu_ms": False,
    "all_cpu_ms": False,
    "http_cpu_us_per_event": False,
}
LABELS = {
    "requests_per_second": "requests/s",
    "tokens_per_second": "output tokens/s",
    "ttft_p50": "first token p50 ms",
    "ttft_p95": "first token p95 ms",
    "ttft_p99": "first token p99 ms",
    "gap_p50": "between tokens p50 ms",
    "gap_p95": "between tokens p95 ms",
    "gap_p99": "between tokens p99 ms",
    "latency_p50": "whole answer p50 ms",
    "latency_p95": "whole answer p95 ms",
    "http_cpu_ms": "HTTP process CPU ms/request",
    "all_cpu_ms": "all processes CPU ms/request",
    "http_cpu_us_per_event": "HTTP process CPU µs/event",
    "liveness": "start to liveness s",
    "ready": "start to ready s",
    "first_token": "start to first token s",
    "peak_mib": "peak memory MiB",
    "start_cpu": "start CPU s",
}


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile by linear interpolation; nan for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def summarise(measured: dict[str, Any], tokens: int, requests: int, cpu: tuple[float, float]) -> dict[str, float]:
    """Compute MEASURES of one run; `tokens` is the length of every answer (0: as the server counted it)."""
    done = max(1, len(measured["latency"]))
    total = tokens * done if tokens else measured["tokens"] or measured["events"]
    row = {
        "requests_per_second": done / measured["wall_seconds"],
        "tokens_per_second": total / measured["wall_seconds"],
        "http_cpu_ms": cpu[0] * 1000 / requests,
        "all_cpu_ms": cpu[1] * 1000 / requests,
        "http_cpu_us_per_event": cpu[0] * 1e6 / measured["events"] if measured["events"] else math.nan,
        "errors": float(measured["errors"]),
        "events_per_token": measured["events"] / total if total else math.nan,
        "client_cpu_share": measured["cpu_seconds"] / measured["wall_seconds"],
    }
    for name, key in (("ttft", "ttft"), ("gap", "gaps"), ("latency", "latency")):
        for share in (50, 95, 99):
            row[f"{name}_p{share}"] = percentile(measured[key], share / 100)
    return row


@dataclass(frozen=True)
class Ratio:
    """The median, the smallest and the largest of the rounds' ratios."""

    median: float
    low: float
    high: float


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio | None:
    """Compare two arms round by round."""
    pairs = [n / d for n, d in zip(numerators, denominators, strict=True) if d and not math.isnan(n + d)]
    return Ratio(statistics.median(pairs), min(pairs), max(pairs)) if pairs else None


def noise_floor(same: Sequence[Ratio]) -> float:
    """Return the factor within which the medians of equal servers stay in nine of ten cells (1.05: five per cent)."""
    distances = sorted(abs(math.log(found.median)) for found in same if found.median > 0)
    return math.exp(percentile(distances, 0.9)) if distances else math.nan


def verdict(found: Ratio, floor: float, more_is_better: bool) -> str:
    """Return `better`, `worse`, or `same` for a ratio within the noise; empty where the noise is not known."""
    if math.isnan(floor):
        return ""
    if 1 / floor <= found.median <= floor:
        return "same"
    return "better" if (found.median > 1) is more_is_better else "worse"
