"""Plots as inline SVG: ratios on a logarithmic scale, bars of seconds, lines over a rate."""

import html
import math
from collections.abc import Sequence
from typing import Any

COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea")
GREY, INK, BAND = "#9ca3af", "#111827", "#e5e7eb"
LEFT, WIDTH, ROW = 330, 560, 22
TICKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0)


def _text(x: float, y: float, words: str, anchor: str = "start", size: int = 12, colour: str = INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{html.escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = GREY, width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def ratio_plot(rows: Sequence[dict[str, Any]], floor: float, arms: Sequence[str], label: str) -> str:
    """Draw one measure's ratios: a dot for the median, a whisker over the rounds, a grey band for the noise."""
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    height = 30 + ROW * len(cells)

    def x(ratio: float) -> float:
        low, high = math.log(TICKS[0]), math.log(TICKS[-1])
        return LEFT + WIDTH * (min(max(math.log(ratio), low), high) - low) / (high - low)

    parts = []
    if not math.isnan(floor):
        box = f'x="{x(1 / floor):.1f}" y="18" width="{x(floor) - x(1 / floor):.1f}" height="{height - 18}"'
        parts.append(f'<rect {box} fill="{BAND}"/>')
    for tick in TICKS:
        parts += [
            _line(x(tick), 18, x(tick), height, INK if tick == 1 else BAND),
            _text(x(tick), 12, f"{tick:g}", "middle", 11),
        ]
    for number, cell in enumerate(cells):
        middle = 30 + ROW * number
        parts.append(_text(LEFT - 10, middle + 4, cell, "end"))
        mine = [row for row in rows if row["cell"] == cell]
        for row in mine:
            place = arms.index(row["arm"])
            y, colour = middle + 5 * (place - (len(arms) - 1) / 2), COLOURS[place % len(COLOURS)]
            parts.append(_line(x(row["low"]), y, x(row["high"]), y, colour, 1.5))
            parts.append(f'<circle cx="{x(row["median"]):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    return _svg(LEFT + WIDTH + 20, height + 4, parts, label)


def bar_plot(bars: Sequence[tuple[str, float, float, float]], unit: str, label: str) -> str:
    """Draw (name, median, lowest, highest) as bars with whiskers."""
    top = max((high for *_, high in bars), default=1.0) or 1.0
    parts = []
    for number, (name, value, low, high) in enumerate(bars):
        y = 6 + ROW * number
        colour = COLOURS[number % len(COLOURS)]
        scale = WIDTH * 0.85 / top
        parts += [
            _text(LEFT - 10, y + 13, name, "end"),
            f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{ROW - 6}" fill="{colour}"/>',
            _line(LEFT + low * scale, y + 8, LEFT + high * scale, y + 8, INK, 1.5),
            _text(LEFT + high * scale + 6, y + 13, f"{value:.2f} {unit}"),
        ]
    return _svg(LEFT + WIDTH + 20, 12 + ROW * len(bars), parts, label)


def line_plot(xs: Sequence[float], lines: dict[str, Sequence[float]], unit: str, label: str) -> str:
    """Draw lines over the requested rate."""
    height, top = 240, max((v for line in lines.values() for v in line if not math.isnan(v)), default=1.0) or 1.0
    widest = max(xs, default=1.0) or 1.0

    def point(x: float, y: float) -> str:
        return f"{60 + WIDTH * x / widest:.1f},{height - 30 - (height - 50) * (0 if math.isnan(y) else y) / top:.1f}"

    parts = [_line(60, height - 30, 60 + WIDTH, height - 30, INK), _line(60, 20, 60, height - 30, INK)]
    parts += [
        _text(56, 24, f"{top:.0f}", "end", 11),
        _text(56, height - 28, "0", "end", 11),
        _text(60, 12, unit, size=11),
    ]
    for x in xs:
        parts.append(_text(60 + WIDTH * x / widest, height - 14, f"{x:g}/s", "middle", 11))
    for number, (name, values) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [point(x, y) for x, y in zip(xs, values, strict=True)]
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="3" fill="{colour}"/>' for p in points]
        parts.append(_text(70 + WIDTH, 30 + 18 * number, name, colour=colour))
    return _svg(60 + WIDTH + 180, height, parts, label)
