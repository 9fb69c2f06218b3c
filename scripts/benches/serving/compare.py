"""The ratio of every arm to the first one in each cell, and the noise between equal servers."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from serving.statistics import LABELS, MEASURES, Ratio, noise_floor, ratio, verdict

START_MEASURES = ("liveness", "ready", "first_token", "start_cpu", "peak_mib")


def compare(document: dict[str, Any]) -> dict[str, Any]:
    """Return the noise floor of each measure, and every cell's ratios with a verdict."""
    first, *others = document["arms"]
    same = f"{first} again"
    floors = {}
    for measure in MEASURES:
        equal = [found for cell in document.get("cells", []) if (found := _ratio(cell["rounds"], measure, same, first))]
        floors[measure] = noise_floor(equal)
    rows = []
    for cell in document.get("cells", []):
        for arm in others:
            for measure, more_is_better in MEASURES.items():
                found = _ratio(cell["rounds"], measure, arm, first)
                if found:
                    said = "" if arm == same else verdict(found, floors[measure], more_is_better)
                    rows.append(
                        {"cell": cell["name"], "arm": arm, "measure": measure, **asdict(found), "verdict": said}
                    )
    return {"floors": floors, "ratios": rows, "starts": list(_starts(document, first))}


def _ratio(rounds: dict[str, list[dict[str, float]]], measure: str, arm: str, first: str) -> Ratio | None:
    if arm not in rounds or first not in rounds:
        return None
    return ratio([row[measure] for row in rounds[arm]], [row[measure] for row in rounds[first]])


def _starts(document: dict[str, Any], first: str) -> Any:
    for engine, arms in document.get("starts", {}).items():
        for arm, rows in arms.items():
            for measure in START_MEASURES:
                found = ratio([row[measure] for row in rows], [row[measure] for row in arms[first]])
                values = sorted(row[measure] for row in rows)
                if found:
                    yield {
                        "engine": engine,
                        "arm": arm,
                        "measure": measure,
                        "value": values[len(values) // 2],
                        **asdict(found),
                    }


def print_comparison(document: dict[str, Any], say: Callable[[str], None]) -> None:
    """Print the ratios, one line for each cell and measure that has one."""
    comparison = document["comparison"]
    first = document["arms"][0]
    for row in comparison["starts"]:
        say(
            f"{row['engine']} {row['arm']}: {LABELS[row['measure']]} {row['value']:.2f},"
            f" {row['median']:.2f} x {first} ({row['low']:.2f}-{row['high']:.2f})"
        )
    for row in comparison["ratios"]:
        say(
            f"{row['cell']:44} {row['arm']:28} {LABELS[row['measure']]:30} {row['median']:5.2f}"
            f" ({row['low']:.2f}-{row['high']:.2f})"
            f"  noise x{comparison['floors'][row['measure']]:.2f}  {row['verdict']}"
        )
