"""How the measurements of an endpoint look: a row for each run, and the JSON document."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from infra.load.slo import Breach, shown
from infra.load.vllm_result import vllm_result
from infra.operations.capacity.bench import Load, Measured

WIDTHS = (12, 20, 8, 9, 24, 22, 20, 8)
HEAD = (
    "deployment",
    "pace",
    "done/s",
    "tokens/s",
    "first token p50/p95/p99",
    "gap p50/p95/p99",
    "answer p50/p95",
    "failed",
)
STRAINED = (
    "this machine was busy itself: send less, or measure from a larger or quieter one, before you trust the times"
)


def head() -> str:
    """The headings above the rows."""
    return aligned(HEAD)


def row(measured: Measured) -> str:
    """One run in a line."""
    return aligned(cells(measured))


def cells(measured: Measured) -> tuple[str, ...]:
    """What a row says, in the order of `HEAD`."""
    found, done = measured.summary, measured.run
    failed = f"{found.failed}" + (f" ({found.throttled} × 429)" if found.throttled else "")
    return (
        measured.place.deployment or "(endpoint)",
        str(done.pace),
        f"{found.requests_per_second:.2f}",
        f"{found.tokens_per_second:.1f}",
        times(found.ttft_p50, found.ttft_p95, found.ttft_p99),
        times(found.gap_p50, found.gap_p95, found.gap_p99),
        times(found.seconds_p50, found.seconds_p95),
        failed,
    )


def times(*seconds: float) -> str:
    """Percentiles in one unit: `31/48/51 ms`, or seconds where one of them is above ten."""
    known = [value for value in seconds if not math.isnan(value)]
    if not known:
        return "–"
    if max(known) >= 10:
        return "/".join(f"{value:.1f}" for value in seconds) + " s"
    return "/".join(f"{value * 1000:.0f}" if value >= 0.1 else f"{value * 1000:.1f}" for value in seconds) + " ms"


def aligned(values: Sequence[str]) -> str:
    """The values in columns of a fixed width, since a row is printed as soon as it is known."""
    return "  ".join(value.ljust(width) for value, width in zip(values, WIDTHS, strict=True)).rstrip()


def verdict(found: Sequence[Measured], load: Load) -> list[tuple[str, bool]]:
    """What the objectives say and whether it is good: for each place the breaches, and the highest pace without one."""
    lines = []
    for name in dict.fromkeys(each.place.deployment for each in found):
        runs = [each for each in found if each.place.deployment == name]
        who = name or "the endpoint"
        lines += [(f"{who} at {each.run.pace}: {breach}", False) for each in runs for breach in each.breaches]
        kept = [each.run.pace for each in runs if not each.breaches]
        limits = ", ".join(f"{limit} {shown(limit, value)}" for limit, value in load.limits.items())
        if kept:
            lines.append((f"{who} keeps {limits} at {max(kept, key=_load_of)}", True))
        else:
            lines.append((f"{who} keeps {limits} at none of these", False))
        if spared := [str(pace) for pace in load.paces if pace not in [each.run.pace for each in runs]]:
            lines.append((f"{who} was spared {', '.join(spared)}", False))
    return lines


def document(found: Sequence[Measured], load: Load, date: datetime) -> dict[str, Any]:
    """What `--output json` prints of the runs: each with its summary, and the document of vLLM's bench as `result`."""
    return {
        "objectives": load.limits,
        "kept": not any(each.breaches or each.silent for each in found),
        "runs": [
            {
                "deployment": each.place.deployment,
                "url": each.place.client.url,
                "summary": _plain(msgspec.to_builtins(each.summary)),
                "breaches": [_breach(breach) for breach in each.breaches],
                "client": {"cpu": each.run.cpu, "late": each.run.late, "strained": each.run.strained},
                "result": result(each, load, date),
            }
            for each in found
        ],
    }


def result(measured: Measured, load: Load, date: datetime) -> dict[str, Any]:
    """The document of vLLM's own bench for a run."""
    place = measured.place
    return vllm_result(measured.run, model=place.client.model, label=place.deployment, date=date, limits=load.limits)


def _load_of(pace: Any) -> tuple[float, float]:
    return (pace.rate, pace.concurrency or math.inf)


def _breach(breach: Breach) -> dict[str, Any]:
    return _plain({"name": breach.name, "limit": breach.limit, "seen": breach.seen})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Without `nan`, which JSON does not know."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
