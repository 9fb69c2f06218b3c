"""Plots ratios as inline SVG, on a logarithmic scale."""

import html
import math
from collections.abc import Sequence

COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#db2777")
LEFT, WIDTH, ROW, TOP = 260, 620, 22, 30
TICKS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.33, 2.0, 3.0)
Dot = tuple[str, str, float, float, float]  # cell, arm, median, lowest, highest


def ratio_plot(dots: Sequence[Dot], arms: Sequence[str]) -> str:
    """Draw a row for each cell, and in it for each arm a dot for the median and a line over the rounds."""
    cells = list(dict.fromkeys(cell for cell, *_ in dots))
    height = TOP + ROW * len(cells)
    parts = [_line(_x(tick), TOP - 12, _x(tick), height, "#9ca3af" if tick == 1 else "#e5e7eb") for tick in TICKS]
    parts += [_text(_x(tick), "middle", 12, f"{tick:g}") for tick in TICKS]
    parts += [_text(LEFT - 10, "end", _y(number) + 4, cell) for number, cell in enumerate(cells)]
    for cell, arm, median, low, high in dots:
        place = arms.index(arm)
        y, colour = _y(cells.index(cell)) + 5 * (place - (len(arms) - 1) / 2), COLOURS[place % len(COLOURS)]
        parts.append(_line(_x(low), y, _x(high), y, colour))
        parts.append(f'<circle cx="{_x(median):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    return f'<svg viewBox="0 0 {LEFT + WIDTH + 20} {height}" width="{LEFT + WIDTH + 20}">{"".join(parts)}</svg>'


def key(arms: Sequence[str]) -> str:
    """Say which arm has which colour."""
    spots = (f'<span style="color:{colour}">&#9679;</span>' for colour in COLOURS)
    return (
        "<p>" + " &nbsp; ".join(f"{spot} {html.escape(arm)}" for spot, arm in zip(spots, arms, strict=False)) + "</p>"
    )


def _x(ratio: float) -> float:
    low, high = math.log(TICKS[0]), math.log(TICKS[-1])
    return LEFT + WIDTH * (min(max(math.log(ratio or TICKS[0]), low), high) - low) / (high - low)


def _y(number: int) -> float:
    return TOP + ROW * (number + 0.5)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, anchor: str, y: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12">{html.escape(words)}</text>'
