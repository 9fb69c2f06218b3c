"""The report as one self-contained HTML page, without scripts and without fonts or images from elsewhere."""

import html
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from serving.plots import COLOURS, bar_plot, line_plot, ratio_plot
from serving.statistics import LABELS, MEASURES

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #111827; max-width: 1000px; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0; display: block; overflow-x: auto }
th, td { padding: 3px 9px; border-bottom: 1px solid #e5e7eb; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } svg { max-width: 100%; height: auto; font-family: inherit }
.about td { white-space: normal; text-align: left } .about th { text-align: left }
.better { color: #047857; font-weight: 600 } .worse { color: #b91c1c; font-weight: 600 } .key { margin-right: 1.5em }
"""


def write_report(document: dict[str, Any], path: Path) -> None:
    """Write the page for a document of `serve`."""
    parts = [_about(document["about"])]
    if "endpoint" in document:
        parts += _endpoint(document["endpoint"])
    else:
        parts += [_key(document["arms"]), *_starts(document), *_ratios(document), *_absolute(document)]
    page = "\n".join(parts)
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Serving bench</title><style>{STYLE}</style><body><h1>Serving bench</h1>{page}</body></html>"
    )


def _about(about: dict[str, Any]) -> str:
    return table(["what", "value"], [[name, str(value)] for name, value in about.items()], 'class="about"')


def table(head: Sequence[str], rows: Iterable[Sequence[str]], classes: str = "") -> str:
    """Render a table; a cell that starts with `<` is inserted as HTML."""

    def cell(text: str) -> str:
        return text if text.startswith("<") else html.escape(text)

    body = "".join("<tr>" + "".join(f"<td>{cell(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table {classes}><tr>{''.join(f'<th>{html.escape(name)}</th>' for name in head)}</tr>{body}</table>"


def _key(arms: Sequence[str]) -> str:
    keys = "".join(
        f'<span class="key"><span style="color:{COLOURS[n % len(COLOURS)]}">&#9679;</span> {html.escape(arm)}</span>'
        for n, arm in enumerate(arms[1:])
    )
    return (
        f"<p>Every ratio is to <b>{html.escape(arms[0])}</b>, round by round: the dot is the median, the line goes from"
        " the lowest to the highest round. The grey band is where equal servers lie in nine of ten cells"
        " (the same bare server measured twice). Left is less.</p><p>" + keys + "</p>"
    )


def _starts(document: dict[str, Any]) -> list[str]:
    parts = []
    for engine, arms in document.get("starts", {}).items():
        parts.append(f"<h2>Cold start, {html.escape(engine)}</h2>")
        for measure in ("liveness", "first_token", "start_cpu", "peak_mib"):
            bars = [
                (arm, statistics.median(values), min(values), max(values))
                for arm, rows in arms.items()
                if (values := [row[measure] for row in rows])
            ]
            unit = "MiB" if measure == "peak_mib" else "s"
            parts.append(f"<h3>{LABELS[measure]}</h3>" + bar_plot(bars, unit, LABELS[measure]))
    return parts


def _ratios(document: dict[str, Any]) -> list[str]:
    comparison, arms = document["comparison"], document["arms"][1:]
    parts = []
    for measure in MEASURES:
        rows = [row for row in comparison["ratios"] if row["measure"] == measure]
        if not rows:
            continue
        floor = comparison["floors"][measure]
        noise = "–" if math.isnan(floor) else f"×{floor:.2f}"
        parts.append(f"<h2>{LABELS[measure]}</h2>" + ratio_plot(rows, floor, arms, LABELS[measure]))
        parts.append(
            table(
                ["cell", "arm", "ratio", "lowest", "highest", "noise", "verdict"],
                [
                    [
                        row["cell"], row["arm"], f"{row['median']:.2f}", f"{row['low']:.2f}", f"{row['high']:.2f}",
                        noise, f'<span class="{row["verdict"]}">{row["verdict"]}</span>',
                    ]
                    for row in rows
                ],
            )
        )  # fmt: skip
    return parts


def _absolute(document: dict[str, Any]) -> list[str]:
    names = [*MEASURES, "events_per_token", "client_cpu_share"]
    rows = []
    for cell in document.get("cells", []):
        for arm, rounds in cell["rounds"].items():
            middle = [statistics.median(row[name] for row in rounds) for name in names]
            rows.append([cell["name"], arm, *(f"{value:.2f}" for value in middle)])
    peaks = document.get("peak_mib", {})
    parts = (
        ["<h2>Medians</h2>", table(["cell", "arm", *(LABELS.get(name, name) for name in names)], rows)] if rows else []
    )
    if peaks:
        bars = [(arm, value, value, value) for arm, value in peaks.items()]
        parts.append("<h2>Peak memory</h2>" + bar_plot(bars, "MiB", "peak memory"))
    return parts


COLUMNS = {
    "requests_per_second": "done/s",
    "tokens_per_second": "tokens/s",
    "ttft_p50": "first token p50 ms",
    "ttft_p95": "p95",
    "ttft_p99": "p99",
    "gap_p50": "between tokens p50 ms",
    "gap_p95": "p95",
    "errors": "errors",
}


def _endpoint(found: dict[str, Any]) -> list[str]:
    steps = found["steps"]
    rates = [step["rate"] for step in steps]
    kept = "none" if found["highest_rate"] is None else f"{found['highest_rate']:g}/s"
    objectives = ", ".join(f"{name} ≤ {limit:g}" for name, limit in found["objectives"].items()) or "no errors"

    def lines(title: str, unit: str, *names: str) -> str:
        series = {name: [step[name] for step in steps] for name in names}
        return f"<h2>{title}, {unit}</h2>" + line_plot(rates, series, unit, title)

    rows = [
        [f"{step['rate']:g}", *(f"{step[name]:.1f}" for name in COLUMNS), ", ".join(step["missed"])] for step in steps
    ]
    return [
        f"<p>{html.escape(found['url'])}: highest rate with {html.escape(objectives)}: <b>{kept}</b></p>",
        lines("First token", "ms", "ttft_p50", "ttft_p95", "ttft_p99"),
        lines("Between tokens", "ms", "gap_p50", "gap_p95", "gap_p99"),
        lines("Output", "tokens/s", "tokens_per_second"),
        table(["asked/s", *COLUMNS.values(), "over"], rows),
    ]
