"""The pictures of a comparison as one plain picture: what a saved notebook shows to whoever has no kernel."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

from zimage_lab.errors import ZImageError

if TYPE_CHECKING:
    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.compare.results import Result

ROWS = 6
"""Most rows: a notebook is to stay small, and all pictures are in the report."""

CELL, GAP, HEAD = 256, 8, 28
QUALITY = 85
INK, PAPER, BLANK = "#1d2329", "#ffffff", "#eef0f2"


def bundle(comparison: Comparison, edge: int) -> dict[str, Any]:
    """Give what a viewer without widgets shows; nothing where there is no picture.

    Parameters
    ----------
    comparison
        The comparison.
    edge
        Longest edge in pixels.
    """
    made = sheet(comparison)
    if made is None:
        return {}
    made.thumbnail((edge, edge))
    buffer = io.BytesIO()
    made.save(buffer, "JPEG", quality=QUALITY)
    labels = ", ".join(comparison.labels)
    return {"image/jpeg": buffer.getvalue(), "text/plain": f"{comparison.name}, from left to right: {labels}"}


def sheet(comparison: Comparison) -> Image.Image | None:
    """Draw the contestants side by side, a row for each prompt with its first seed."""
    found = {one.index[:3]: one for one in comparison.results() if one.image is not None and not one.index[3]}
    prompts = [number for number in range(len(comparison.plan.prompts)) if any(at[:2] == (number, 0) for at in found)]
    if not prompts:
        return None
    rows, columns = prompts[:ROWS], len(comparison.labels)
    size = columns * (CELL + GAP) - GAP, HEAD + len(rows) * (CELL + GAP) - GAP
    made = Image.new("RGB", size, PAPER)
    brush, font = ImageDraw.Draw(made), ImageFont.load_default(14)
    for column, label in enumerate(comparison.labels):
        left = column * (CELL + GAP)
        brush.text((left, 6), _fitting(label, column, brush, font), fill=INK, font=font)
        for row, prompt in enumerate(rows):
            box = left, HEAD + row * (CELL + GAP), CELL, CELL
            _put(made, brush, found.get((prompt, 0, column)), box)
    return made


def _put(made: Image.Image, brush: ImageDraw.ImageDraw, one: Result | None, box: tuple[int, int, int, int]) -> None:
    left, top, width, height = box
    try:
        picture = None if one is None or one.image is None else one.image.image
    except ZImageError:
        picture = None  # removed or damaged since
    if picture is None:
        brush.rectangle((left, top, left + width, top + height), fill=BLANK)
        return
    factor = min(width / picture.width, height / picture.height)
    small = picture.convert("RGB").resize(
        (max(1, round(picture.width * factor)), max(1, round(picture.height * factor))), Image.Resampling.LANCZOS
    )
    made.paste(small, (left + (width - small.width) // 2, top + (height - small.height) // 2))


def _fitting(label: str, column: int, brush: ImageDraw.ImageDraw, font: Any) -> str:  # noqa: ANN401 - Pillow has two kinds
    """Give a label as wide as its column; one whose letters Pillow's own font lacks becomes a number."""
    if not label.isascii():
        return str(column + 1)
    while brush.textlength(label, font=font) > CELL and len(label) > 1:
        label = label[:-1]
    return label
