"""The measurements of an endpoint as one self-contained page: no script, no font and no image from elsewhere."""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.cli.reports.charts import Chart, chart_svg, key_html
from infra.cli.views.bench import HEAD, STRAINED, cells, verdict
from infra.load.summary import Summary
from infra.operations.capacity.bench import Load, Measured

STYLE = """
:root { color-scheme: light dark; --ink: #16191d; --soft: #5b6470; --rule: #d9dee4; --page: #fff; --bad: #b42318;
  --good: #18794e; --c0: #2563eb; --c1: #c2570c; --c2: #7c3aed; --c3: #0f766e; --c4: #be185d; --c5: #4d7c0f }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa5b1; --rule: #333a43; --page: #14171b;
  --bad: #ff8f85; --good: #5fd39a; --c0: #7aa7ff; --c1: #ffad66; --c2: #b99cff; --c3: #5eead4; --c4: #f9a8d4;
  --c5: #bef264 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 1120px;
  margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em; margin: 0 } h2 { font-size: 1.1em; margin: 2em 0 .5em } p { color: var(--soft) }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--rule); text-align: left; white-space: nowrap }
th { color: var(--soft); font-weight: 600 } td { font-variant-numeric: tabular-nums }
.bad { color: var(--bad) } .good { color: var(--good) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 1.5em }
svg { width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: var(--soft) }
svg text.title { font-size: 13px; font-weight: 600; fill: var(--ink) }
svg .grid { stroke: var(--rule) } svg line.limit { stroke: var(--bad); stroke-dasharray: 5 4 }
svg text.limit { fill: var(--bad) } svg polyline { fill: none; stroke-width: 2 }
.key { margin-right: 1.5em } .key::before { content: "●"; margin-right: .4em }
"""
COLOURS = 6
MEASURES: tuple[tuple[str, str, Callable[[Summary], float], str], ...] = (
    ("First token, p95", "ms", lambda found: found.ttft_p95 * 1000, "ttft_p95"),
    ("First token, p50", "ms", lambda found: found.ttft_p50 * 1000, "ttft_p50"),
    ("Between tokens, p95", "ms", lambda found: found.gap_p95 * 1000, "gap_p95"),
    ("Whole answer, p95", "s", lambda found: found.seconds_p95, "seconds_p95"),
    ("Tokens", "a second", lambda found: found.tokens_per_second, ""),
    ("Answers", "a second", lambda found: found.requests_per_second, ""),
    ("Requests that failed", "%", lambda found: found.error_rate * 100, "error_rate"),
)


def bench_page(found: Sequence[Measured], load: Load, about: Mapping[str, Any]) -> str:
    """The page; `about` says in words what was measured, from where and when."""
    names = list(dict.fromkeys(each.place.deployment for each in found))
    rows = "".join(_row(each) for each in found)
    errors = [(each, error, count) for each in found for error, count in each.summary.errors]
    parts = [
        f"<h1>Bench of {html.escape(str(about.get('model', '')))}</h1>",
        f"<table>{''.join(_pair(name, value) for name, value in about.items() if value)}</table>",
        _objectives(found, load),
        f"<h2>Runs</h2><table><tr>{''.join(f'<th>{html.escape(each)}</th>' for each in HEAD)}</tr>{rows}</table>",
        "<p>Times count from the moment a request is sent, the network included, to the first piece with text, between"
        " pieces with text, and to the last one. Requests that failed are in no percentile.</p>",
        f'<p class="bad">{STRAINED}</p>' if any(each.run.strained for each in found) else "",
        f"<h2>By pace</h2>{key_html([name or 'endpoint' for name in names]) if len(names) > 1 else ''}",
        f'<div class="charts">{"".join(_charts(found, names, load))}</div>',
        f"<h2>What failed</h2><table>{''.join(_error(*each) for each in errors)}</table>" if errors else "",
    ]
    colours = "".join(
        f".line-{number} {{ stroke: var(--c{number % COLOURS}); color: var(--c{number % COLOURS}) }}"
        f" circle.line-{number} {{ fill: var(--c{number % COLOURS}) }} "
        for number in range(len(names))
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Bench</title><style>{STYLE}{colours}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _charts(found: Sequence[Measured], names: Sequence[str], load: Load) -> list[str]:
    paces = list(dict.fromkeys(str(each.run.pace) for each in found))
    by_place = {(each.place.deployment, str(each.run.pace)): each.summary for each in found}
    charts = []
    for title, unit, read, limit in MEASURES:
        lines = {
            name or "endpoint": [read(by_place[name, pace]) if (name, pace) in by_place else math.nan for pace in paces]
            for name in names
        }
        if title.endswith("failed") and not any(value for line in lines.values() for value in line):
            continue
        factor = {"ms": 1000, "%": 100}.get(unit, 1)
        drawn = load.limits[limit] * factor if limit in load.limits else None
        charts.append(chart_svg(Chart(title, unit, paces, lines, drawn)))
    return charts


def _objectives(found: Sequence[Measured], load: Load) -> str:
    if not load.limits:
        return ""
    told = ((html.escape(line), "good" if good else "bad") for line, good in verdict(found, load))
    lines = "".join(f'<li class="{kind}">{line}</li>' for line, kind in told)
    return f"<h2>Objectives</h2><ul>{lines}</ul>"


def _row(measured: Measured) -> str:
    broken = {breach.name for breach in measured.breaches}
    marked = {"ttft": 4, "gap": 5, "seconds": 6, "error": 7}
    columns = {marked[name.split("_")[0]] for name in broken}
    texts = cells(measured)
    return (
        "<tr>"
        + "".join(
            f"<td{' class=bad' if column in columns else ''}>{html.escape(text)}</td>"
            for column, text in enumerate(texts)
        )
        + "</tr>"
    )


def _pair(name: str, value: Any) -> str:
    return f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"


def _error(measured: Measured, error: str, count: int) -> str:
    who, pace = measured.place.deployment or "(endpoint)", measured.run.pace
    return f"<tr><td>{html.escape(f'{who}, {pace}')}</td><td>{count} ×</td><td>{html.escape(error)}</td></tr>"
