"""Plots as inline SVG: points with their intervals, and quality against seconds. No script, and no colour alone."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LABELS, WIDTH, ROW, EDGE = 240, 760, 30, 24
HEIGHT = 340
TICKS = 5
LIGHT = (
    "svg{background:#fff;color:#2f6fde}text{fill:#1b1b1f;font:13px system-ui,sans-serif}.axis{stroke:#d7d7de}"
    ".soft{fill:#5c5c66}.whisker,.path{stroke:currentColor;stroke-opacity:.5;fill:none}.whisker{stroke-width:2}"
    ".dot{fill:currentColor}.line1{color:#b45309}.line2{color:#0f766e}.line3{color:#9333ea}"
)
"""The report's light colours, for a plot that stands outside of a page."""

MARKS = (
    "M{x:.1f} {y:.1f}m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",
    "M{x:.1f} {y:.1f}m-5 -5h10v10h-10z",
    "M{x:.1f} {y:.1f}m0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5z",
    "M{x:.1f} {y:.1f}m0 -6l6 11h-12z",
)
"""What marks the points of each line, as a path: circle, square, diamond, triangle."""

APART = 7
"""Pixels between the points of two lines that have the same place on the axis."""


class Point(NamedTuple):
    """A value with its interval, under its name; NaN is left out."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan


class Place(NamedTuple):
    """A point of two values; those of one line are joined in their order."""

    name: str
    x: float
    y: float
    low: float = math.nan
    high: float = math.nan
    line: str = ""


def intervals(points: Sequence[Point], title: str, write: Callable[[float], str], ends: tuple[float, float]) -> str:
    """Draw a row for each point: its name, a dot, and a whisker for the interval.

    Parameters
    ----------
    points
        What is drawn.
    title
        What a screen reader says of it.
    write
        How a value is written.
    ends
        Of the axis; NaN takes what the points need.
    """
    shown = [one for one in points if not math.isnan(one.value)]
    if not shown:
        return ""
    every = [value for one in shown for value in one[1:] if not math.isnan(value)]
    low = min(every) if math.isnan(ends[0]) else ends[0]
    high = max(every) if math.isnan(ends[1]) else ends[1]
    high = high if high > low else low + 1
    height = ROW * len(shown) + 2 * EDGE

    def across(value: float) -> float:
        return LABELS + (WIDTH - LABELS - 2 * EDGE) * (min(max(value, low), high) - low) / (high - low)

    parts = []
    for tick in _ticks(low, high):
        x = across(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{EDGE / 2:g}" y2="{height - EDGE}"/>')
        parts.append(
            f'<text class="soft" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{_text(write(tick))}</text>'
        )
    for number, one in enumerate(shown):
        y = EDGE + ROW * number
        parts.append(f'<text x="0" y="{y + 5}">{_text(_short(one.name))}</text>')
        if not math.isnan(one.low):
            left, right = across(one.low), across(one.high)
            parts.append(f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>')
        told = f"<title>{_told(one, write)}</title>"
        parts.append(f'<circle class="dot" cx="{across(one.value):.1f}" cy="{y}" r="5">{told}</circle>')
    return _svg(parts, title, height)


def against(
    places: Sequence[Place],
    title: str,
    axes: tuple[str, str],
    write: Callable[[float], str],
    *,
    counted: bool = False,
) -> str:
    """Draw quality (up) against a cost (across, a logarithmic axis), the settings of one model joined by a line.

    Parameters
    ----------
    places
        What is drawn.
    title
        What a screen reader says of it.
    axes
        What stands at the axis across, and at the one up.
    write
        How a quality is written.
    counted
        Whether the cost is a number of steps, so that the axis says it and the points of a line need not.
    """
    shown = [one for one in places if not (math.isnan(one.x) or math.isnan(one.y)) and one.x > 0]
    if not shown:
        return ""
    first, last = min(one.x for one in shown) / 1.3, max(one.x for one in shown) * 1.3
    left, bottom = 3 * EDGE, HEIGHT - 2 * EDGE

    def across(value: float) -> float:
        return left + (WIDTH - left - 6 * EDGE) * math.log(value / first) / math.log(last / first)

    def up(value: float) -> float:
        return bottom - (bottom - 2 * EDGE) * min(max(value, 0.0), 1.0)

    parts = []
    for tick in _ticks(0.0, 1.0):
        parts.append(f'<line class="axis" x1="{left}" x2="{WIDTH}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>')
        parts.append(
            f'<text class="soft" x="{left - 8}" y="{up(tick) + 4:.1f}" text-anchor="end">{_text(write(tick))}</text>'
        )
    parts += [
        f'<text class="soft" x="{across(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in (sorted({one.x for one in shown}) if counted else _decades(first, last))
    ]
    parts.append(f'<text class="soft" x="{left}" y="{HEIGHT - 6}">{_text(axes[0])}</text>')
    parts.append(f'<text class="soft" x="0" y="12">{_text(axes[1])}</text>')
    lines = {name: [one for one in shown if one.line == name] for name in dict.fromkeys(one.line for one in shown)}
    legend = float(left + 160)
    for number, (line, members) in enumerate(lines.items()):
        several, mark = len(members) > 1, MARKS[number % len(MARKS)]
        aside = (number - (len(lines) - 1) / 2) * APART if several and counted else 0.0
        parts.append(f'<g class="line{number % len(MARKS)}">')
        points = " ".join(f"{across(one.x) + aside:.1f},{up(one.y):.1f}" for one in members)
        parts.append(f'<polyline class="path" points="{points}"/>')
        for one in members:
            x, y = across(one.x) + aside, up(one.y)
            if not math.isnan(one.low):
                parts.append(
                    f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{up(one.low):.1f}" y2="{up(one.high):.1f}"/>'
                )
            parts.append(f'<path class="dot" d="{mark.format(x=x, y=y)}"/>')
            name = one.name.removeprefix(f"{line}, ") if several else one.name
            if counted and several:
                continue
            below = several and number % 2  # of two lines that meet, one says its names above and one below
            parts.append(f'<text x="{x + 9:.1f}" y="{y + (18 if below else -7):.1f}">{_text(_short(name))}</text>')
        if several:  # whose name would be said at every point
            parts.append(f'<path class="dot" d="{mark.format(x=legend, y=8)}"/>')
            parts.append(f'<text x="{legend + 11:.1f}" y="12">{_text(_short(line))}</text>')
            legend += 40 + 8 * len(_short(line))
        parts.append("</g>")
    return _svg(parts, title, HEIGHT)


def alone(plot: str) -> str:
    """Make an SVG file of a plot that was drawn for a page."""
    return plot.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        ">", f"><style>{LIGHT}</style>", 1
    )


def _svg(parts: list[str], title: str, height: int) -> str:
    name = _text(title)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{name}">{"".join(parts)}</svg>'


def _ticks(low: float, high: float) -> list[float]:
    return [low + (high - low) * number / (TICKS - 1) for number in range(TICKS)]


def _decades(first: float, last: float) -> list[float]:
    """List round numbers between two ends: 1, 2, 5 and their tens."""
    found = [
        step * 10.0**power
        for power in range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)
        for step in (1, 2, 5)
    ]
    return [value for value in found if first <= value <= last]


def _told(one: Point, write: Callable[[float], str]) -> str:
    sure = "" if math.isnan(one.low) else f" ({write(one.low)} .. {write(one.high)})"
    return _text(f"{one.name}: {write(one.value)}{sure}")


def _short(name: str, most: int = 32) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _text(text: str) -> str:
    return html.escape(text, quote=True)
