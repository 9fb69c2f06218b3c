"""Charts as SVG that stands inside a page and takes its colours from it."""

import html
import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 30, 44
STEPS = 4  # of the scale
LETTER = 7  # the width of a letter


class Chart(Struct, frozen=True):
    """Lines over the same few places of the horizontal axis; nan leaves a gap. `limit` is drawn across."""

    title: str
    unit: str
    places: Sequence[str]
    lines: Mapping[str, Sequence[float]]
    limit: float | None = None


def chart_svg(chart: Chart) -> str:
    """The chart as an `<svg>`; empty where there is nothing to draw."""
    known = [value for line in chart.lines.values() for value in line if not math.isnan(value)]
    if not known:
        return ""
    top = _round_up(max([*known, chart.limit or 0.0]))
    parts = [*_scale(chart, top), *_names(chart)]
    if chart.limit is not None:
        y = _y(chart.limit, top)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="limit" x="{WIDTH - RIGHT}" y="{y - 4}" text-anchor="end">limit</text>')
    for number, (name, line) in enumerate(chart.lines.items()):
        parts += _line(number, name, line, chart, top)
    label = html.escape(f"{chart.title}, {chart.unit}")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<text class="title" x="{LEFT}" y="16">{label}</text>{"".join(parts)}</svg>'
    )


def key_html(names: Sequence[str]) -> str:
    """The colours of the lines, in the order in which each chart has them."""
    marks = (f'<span class="key line-{number}">{html.escape(name)}</span>' for number, name in enumerate(names))
    return f'<p class="keys">{"".join(marks)}</p>'


def _line(number: int, name: str, line: Sequence[float], chart: Chart, top: float) -> list[str]:
    known = [(place, value) for place, value in enumerate(line) if not math.isnan(value)]
    points = [(_x(place, len(chart.places)), _y(value, top), value) for place, value in known]
    dots = [
        f'<circle class="line-{number}" cx="{x}" cy="{y}" r="3.5">'
        f"<title>{html.escape(name)}: {_number(value)} {html.escape(chart.unit)}</title></circle>"
        for x, y, value in points
    ]
    path = " ".join(f"{x},{y}" for x, y, _ in points)
    return [f'<polyline class="line-{number}" points="{path}"/>' if len(points) > 1 else "", *dots]


def _scale(chart: Chart, top: float) -> list[str]:
    parts = []
    for step in range(STEPS + 1):
        value = top * step / STEPS
        y = _y(value, top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{_number(value)}</text>')
    return parts


def _names(chart: Chart) -> list[str]:
    y, count = HEIGHT - BOTTOM + 18, len(chart.places)
    needed = max(len(name) for name in chart.places) * LETTER * count
    each = math.ceil(needed / (WIDTH - LEFT - RIGHT))  # of so many places one has room for its name
    return [
        f'<text x="{_x(number, count)}" y="{y}" text-anchor="middle">{html.escape(name)}</text>'
        for number, name in enumerate(chart.places)
        if number % each == 0
    ]


def _x(place: int, count: int) -> float:
    width = WIDTH - LEFT - RIGHT
    return round(LEFT + width * (place + 0.5) / count, 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _round_up(value: float) -> float:
    """The next number that a scale of four steps divides well: 1, 2, 4, 6 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 4, 6, 8, 10) if value <= factor * power * 1.0000001)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
