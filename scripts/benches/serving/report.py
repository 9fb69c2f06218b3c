"""A run's tables, as Markdown and as one self-contained HTML page."""

import html
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from serving.plots import Dot, key, ratio_plot
from serving.targets import MEASURES, STARTS, ratio

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #111827; max-width: 1200px; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0; display: block; overflow-x: auto }
th, td { padding: 3px 9px; border-bottom: 1px solid #e5e7eb; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } tr:hover { background: #f3f4f6 }
"""
NOTE = (
    "Every ratio is to the first arm, round by round: the median, and the lowest and highest round in brackets."
    " Rounds in which the load client held a request back are thrown away and measured again."
)
PLOTTED = ("requests_per_second", "ttft_p50", "ttft_p95", "gap_p99", "latency_p95", "front_cpu_ms")
SURFACES = ("own_cpu_ms", "front_cpu_ms", "ttft_p50")


class Table(NamedTuple):
    """A title, the names of the columns, and the rows."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(document: dict[str, Any]) -> list[Table]:
    """Return the tables of a document of `scripts/bench serve`, those with rows."""
    found = [_targets(document), *_cells(document), _starts(document), _surfaces(document)]
    return [table for table in found if table.rows]


def as_markdown(found: Sequence[Table]) -> str:
    """Write tables as Markdown."""
    parts = []
    for title, head, rows in found:
        lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
        parts.append(f"### {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def write_page(document: dict[str, Any], path: Path) -> None:
    """Write the HTML page, without scripts and without fonts or images from elsewhere."""
    about = Table("About", ["what", "value"], [[name, str(value)] for name, value in document["about"].items()])
    body = "\n".join([*(_as_html(table) for table in [about, *tables(document)]), *_plots(document)])
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Serving bench</title><style>{STYLE}</style><body><h1>Serving bench</h1><p>{NOTE}</p>{body}</body>"
    )


def _as_html(table: Table) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in row) + "</tr>"

    rows = "".join(cells("td", row) for row in table.rows)
    return f"<h2>{html.escape(table.title)}</h2><table>{cells('th', table.head)}{rows}</table>"


def _plots(document: dict[str, Any]) -> Iterator[str]:
    first, *arms = document.get("arms", [""])
    for name in PLOTTED if arms else ():
        dots: list[Dot] = []
        for cell in document.get("cells", []):
            values = {arm: [row[name] for row in rounds] for arm, rounds in cell["rounds"].items()}
            both = {arm: ratio(values[arm], values[first]) for arm in arms}
            dots += [(cell["name"], arm, one.median, one.low, one.high) for arm, one in both.items() if one]
        if dots:
            yield f"<h2>{MEASURES[name][0]}, ratio to {html.escape(first)}</h2>" + key(arms) + ratio_plot(dots, arms)


def _targets(document: dict[str, Any]) -> Table:
    rows = [
        [row["what"], row["target"], row["seen"], _ratio(row["ratio"]), "reached" if row["reached"] else "missed"]
        for row in document.get("targets", [])
    ]
    return Table("Targets", ["measure", "target", "seen", "ratio", ""], rows)


def _ratio(found: dict[str, float] | None) -> str:
    return f"{found['median']:.2f} ({found['low']:.2f}–{found['high']:.2f})" if found else "–"


def _cells(document: dict[str, Any]) -> Iterator[Table]:
    names = [name for name in MEASURES if any(not math.isnan(value) for value in _values(document, name))]
    head = ["cell", "arm", *(MEASURES[name][0] for name in names)]
    medians, ratios = [], []
    for cell in document.get("cells", []):
        first = cell["rounds"][document["arms"][0]]
        for arm, rounds in cell["rounds"].items():
            thrown = cell["thrown_away"][arm]
            values = [_number(statistics.median(row[name] for row in rounds)) for name in names]
            medians.append([cell["name"], arm, *values, str(thrown or "–")])
            if rounds is not first:
                both = [ratio([row[name] for row in rounds], [row[name] for row in first]) for name in names]
                ratios.append([cell["name"], arm, *(_ratio(found and vars(found)) for found in both)])
    yield Table("Medians", [*head, "rounds thrown away"], medians)
    yield Table(f"Ratios to {document.get('arms', [''])[0]}", head, ratios)


def _values(document: dict[str, Any], name: str) -> list[float]:
    cells = document.get("cells", [])
    return [row[name] for cell in cells for rounds in cell["rounds"].values() for row in rounds]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _starts(document: dict[str, Any]) -> Table:
    rows = []
    for engine, arms in document.get("starts", {}).items():
        for arm, starts in arms.items():
            columns = [sorted(row[name] for row in starts) for name in STARTS]
            values = [f"{statistics.median(column):.2f} ({column[0]:.2f}–{column[-1]:.2f})" for column in columns]
            rows.append([engine, arm, str(len(starts)), *values, f"{document.get('peak_mib', {}).get(arm, 0):.0f}"])
    return Table("Starts and memory", ["engine", "arm", "starts", *STARTS.values(), "peak memory MiB"], rows)


def _surfaces(document: dict[str, Any]) -> Table:
    rows = []
    for arm, surfaces in document.get("surfaces", {}).items():
        for name in SURFACES:
            values = {surface: [row[name] for row in rounds] for surface, rounds in surfaces.items()}
            middles = [_number(statistics.median(values[surface])) for surface in ("chat", "responses")]
            both = ratio(values["responses"], values["chat"])
            rows.append([arm, MEASURES[name][0], *middles, _ratio(both and vars(both))])
    head = ["arm", "measure", "chat", "Responses", "ratio"]
    return Table("A stream of 64 tokens: Responses beside chat, null engine, 16 streams", head, rows)
