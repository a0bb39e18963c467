"""Draws what is seen of a board: cells by their states, labels, the selected cell, and the words beside the pointer."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zimage_lab.sweeps.board.camera import Camera
    from zimage_lab.sweeps.board.colours import Colours
    from zimage_lab.sweeps.board.layout import Layout, Place

FONT = "12px system-ui, -apple-system, 'Segoe UI', 'Noto Sans CJK SC', 'WenQuanYi Micro Hei', sans-serif"
LINE = 18.0
CHARACTER = 7.3
"""Pixels that a letter takes on the average; a Chinese one takes nearly twice as many."""

UNMADE = frozenset({"failed", "invalid_output", "quarantined"})
"""How a cell ends of which somebody should know why."""


@dataclass
class Scene:
    """All that a drawing needs.

    Attributes
    ----------
    size
        Width and height of the canvas in the page's pixels.
    ratio
        Pixels of the screen for each one of the page.
    camera, layout, colours
        What is seen, where it stands, and how it looks.
    blank
        State of each seen place that has no picture.
    running
        How far each seen picture is that is being made, 0 to 1.
    stars
        Seen favourites.
    selected
        The selected place.
    pointer, lines
        Where the pointer is, and the words beside it.
    titles
        Names of the axes that run across and down.
    """

    size: tuple[float, float]
    ratio: float
    camera: Camera
    layout: Layout
    colours: Colours
    blank: Mapping[Place, str] = field(default_factory=dict)
    running: Mapping[Place, float] = field(default_factory=dict)
    stars: Sequence[Place] = ()
    selected: Place | None = None
    pointer: tuple[float, float] | None = None
    lines: Sequence[str] = ()
    titles: tuple[str, str] = ("", "")


def draw(canvas: Any, scene: Scene, pictures: Callable[[Any], None]) -> None:  # noqa: ANN401 - ipycanvas has no types
    """Draw a scene; `pictures` draws the pictures onto the canvas it is given."""
    colours, (left, top, width, height) = scene.colours, scene.camera.window
    canvas.save()
    canvas.scale(scene.ratio, scene.ratio)
    canvas.font = FONT
    canvas.fill_style = colours.ground  # the canvas is never cleared: the page would show it empty for a moment
    canvas.fill_rect(0, 0, *scene.size)
    canvas.save()
    canvas.begin_path()
    canvas.rect(left - 3, top - 3, width + 6, height + 6)
    canvas.clip()
    _blank(canvas, scene)
    pictures(canvas)
    _marks(canvas, scene)
    canvas.restore()
    _labels(canvas, scene)
    if scene.lines and scene.pointer is not None:
        _words(canvas, scene, scene.pointer)
    canvas.restore()


def _blank(canvas: Any, scene: Scene) -> None:  # noqa: ANN401
    boxes = [place for place, state in scene.blank.items() if state not in UNMADE]
    wrong = [place for place, state in scene.blank.items() if state in UNMADE]
    if boxes:
        x, y = _corners(scene.camera, boxes)
        canvas.fill_style = scene.colours.box
        canvas.fill_rects(x, y, *_edges(scene.camera))
    if wrong:
        width, height = _edges(scene.camera)
        x, y = _corners(scene.camera, wrong)
        canvas.stroke_style, canvas.line_width = scene.colours.wrong, 1
        canvas.stroke_rects(x + 0.5, y + 0.5, max(1.0, width - 1), max(1.0, height - 1))
        if min(width, height) >= 16:  # noqa: PLR2004 - pixels in which a cross can be told
            arm = min(width, height) / 6
            middle_x, middle_y = x + width / 2, y + height / 2
            falling = np.stack([middle_x - arm, middle_y - arm, middle_x + arm, middle_y + arm], axis=1)
            rising = np.stack([middle_x - arm, middle_y + arm, middle_x + arm, middle_y - arm], axis=1)
            canvas.stroke_line_segments(np.concatenate([falling, rising]).reshape(-1, 2, 2))


def _marks(canvas: Any, scene: Scene) -> None:  # noqa: ANN401
    for place, share in scene.running.items():
        x, y, width, height = scene.camera.rectangle(place)
        thick = min(4.0, height / 4)
        canvas.fill_style = scene.colours.accent
        canvas.fill_rect(x, y + height - thick, width * share, thick)
        canvas.stroke_style, canvas.line_width = scene.colours.accent, 1
        canvas.stroke_rect(x + 0.5, y + 0.5, width - 1, height - 1)
    if scene.stars:
        radius = min(9.0, scene.camera.rectangle((0, 0))[2] / 5)
        points = [_star(scene.camera.rectangle(place), radius) for place in scene.stars]
        canvas.fill_style, canvas.stroke_style, canvas.line_width = "#ffc107", "rgba(0, 0, 0, 0.7)", 1
        canvas.fill_polygons(points)
        canvas.stroke_polygons(points)
    if scene.selected is not None:
        x, y, width, height = scene.camera.rectangle(scene.selected)
        for colour, thick, out in ((scene.colours.ground, 5, 1.5), (scene.colours.accent, 3, 1.5)):
            canvas.stroke_style, canvas.line_width = colour, thick
            canvas.stroke_rect(x - out, y - out, width + 2 * out, height + 2 * out)


def _labels(canvas: Any, scene: Scene) -> None:  # noqa: ANN401
    layout, camera, colours = scene.layout, scene.camera, scene.colours
    left, top, width, height = camera.window
    rows, columns = camera.seen
    canvas.text_baseline = "middle"
    canvas.fill_style, canvas.text_align = colours.faint, "left"
    across, down = scene.titles
    begin = max(left, camera.rectangle((0, 0))[0])  # where the pictures begin
    if across and not layout.wraps:
        canvas.fill_text(cut(across, width), begin, LINE / 2 + 1)
    if down or layout.wraps:
        canvas.fill_text(cut(down or across, left - 16), begin - left + 6, top - LINE / 2)
    canvas.fill_style, canvas.text_align = colours.text, "center"
    pitch = camera.pitch[0] * camera.scale
    if not layout.wraps and columns:
        longest = max(length(layout.column_label(column)) for column in columns)
        room = max(pitch - 6, 32.0)
        every = max(1, math.ceil((min(longest, 120.0) + 8) / pitch)) if longest > room else 1
        for column in columns:
            x = camera.rectangle((0, column))[0] + camera.cell[0] * camera.scale / 2
            label = cut(layout.column_label(column), every * pitch - 6)
            half = length(label) / 2
            if pitch > 4 * half:  # of a picture that is seen in part, the label is moved to the part that is seen
                x = min(max(x, left + half), left + width - half)
            if column % every == 0 and left <= x - half and x + half <= left + width + 3:
                canvas.fill_text(label, x, top - LINE / 2)
    canvas.text_align = "right"
    every = max(1, math.ceil(LINE / (camera.pitch[1] * camera.scale)))
    for row in rows:
        y = camera.rectangle((row, 0))[1] + camera.cell[1] * camera.scale / 2
        if row % every == 0 and top <= y <= top + height:
            canvas.fill_text(cut(layout.row_label(row), left - 12), begin - 10, y)


def _words(canvas: Any, scene: Scene, pointer: tuple[float, float]) -> None:  # noqa: ANN401
    lines = [cut(line, min(360.0, scene.size[0] - 40)) for line in scene.lines]
    width, height = max(map(length, lines)) + 20, len(lines) * LINE + 10
    x, y = pointer[0] + 14, pointer[1] + 16
    x = x if x + width <= scene.size[0] - 2 else max(2.0, pointer[0] - width - 10)
    y = y if y + height <= scene.size[1] - 2 else max(2.0, pointer[1] - height - 10)
    canvas.fill_style, canvas.stroke_style, canvas.line_width = scene.colours.raised, scene.colours.line, 1
    canvas.fill_rect(x, y, width, height)
    canvas.stroke_rect(x + 0.5, y + 0.5, width - 1, height - 1)
    canvas.text_align, canvas.text_baseline, canvas.fill_style = "left", "middle", scene.colours.text
    for number, line in enumerate(lines):
        canvas.fill_text(line, x + 10, y + 5 + (number + 0.5) * LINE)


def _corners(camera: Camera, places: Sequence[Place]) -> tuple[Any, Any]:
    """Give the left and the top edges of cells on the screen."""
    at = np.asarray(places, np.float32)
    x, y = camera.on_screen(0, 0)
    return x + at[:, 1] * (camera.pitch[0] * camera.scale), y + at[:, 0] * (camera.pitch[1] * camera.scale)


def _edges(camera: Camera) -> tuple[float, float]:
    return camera.cell[0] * camera.scale, camera.cell[1] * camera.scale


def _star(box: tuple[float, float, float, float], radius: float) -> list[tuple[float, float]]:
    """Give the corners of a star in a cell's right top corner."""
    x, y = box[0] + box[2] - radius - 3, box[1] + radius + 3
    points = []
    for number in range(10):
        away = radius if number % 2 == 0 else radius * 0.45
        angle = math.pi * (number / 5 - 0.5)
        points.append((x + away * math.cos(angle), y + away * math.sin(angle)))
    return points


def length(text: str) -> float:
    """Tell about how many pixels a text takes: the kernel has no way to measure it in the page's font."""
    return sum(12.0 if unicodedata.east_asian_width(one) in "WF" else CHARACTER for one in text)


def cut(text: str, room: float) -> str:
    """Cut a text to the room that it has."""
    text = " ".join(text.split())
    if length(text) <= room:
        return text
    while text and length(text) + 12 > room:
        text = text[:-1]
    return text + "…" if text else ""
