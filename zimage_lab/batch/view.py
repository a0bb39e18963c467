"""A batch as people see it: one line, a small page in a notebook, a data frame."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any

from zimage_lab.batch.cell import SKIPPED
from zimage_lab.engine.pace import plural, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zimage_lab.batch.cell import Cell
    from zimage_lab.batch.run import Batch

SHOWN_ERRORS = 5
SHOWN_PICTURES = 12
THUMBNAIL = 96
"""Longest edge of a picture on the page, in pixels."""

FRAME_COLUMNS = ("row", "line", "prompt", "seed", "state", "path", "seconds", "error", "record_id")


def text(batch: Batch) -> str:
    """Give one line: how many pictures, and how they ended."""
    counts = batch.counts
    pictures = len(batch.cells) - counts.get(SKIPPED, 0)
    return f"Batch({plural(pictures, 'picture')}: {told(counts)})"


def page(batch: Batch) -> str:
    """Draw the end of a batch as HTML in the theme's own colours: numbers, table, pictures, what went wrong."""
    lines = [f"<p>{html.escape(text(batch))}</p>"]
    if batch.results is not None:
        lines.append(f"<p>{html.escape(str(batch.results))}</p>")
    wrong = [cell for cell in batch.cells if cell.error]
    if wrong:
        items = "".join(f"<li>row {cell.row}: {html.escape(str(cell.error))}</li>" for cell in wrong[:SHOWN_ERRORS])
        more = f"<p>and {len(wrong) - SHOWN_ERRORS} more in frame()</p>" if len(wrong) > SHOWN_ERRORS else ""
        lines.append(f"<ul>{items}</ul>{more}")
    made = [cell for cell in batch.cells if cell.state == "succeeded"]
    lines.append("".join(_thumbnail(cell) for cell in made[:SHOWN_PICTURES]))
    return f'<div style="color: var(--jp-ui-font-color1, inherit)">{"".join(lines)}</div>'


def frame(cells: Sequence[Cell], states: Sequence[str]) -> Any:  # noqa: ANN401 - a pandas.DataFrame
    """Make the data frame of a batch; seeds are nullable unsigned integers, which hold all 64 bits."""
    import pandas as pd

    rows = [
        (
            cell.row,
            cell.line,
            cell.prompt,
            cell.seed,
            state,
            None if cell.path is None else str(cell.path),
            cell.seconds,
            cell.error,
            cell.record_id,
        )
        for cell, state in zip(cells, states, strict=True)
    ]
    columns = dict(zip(FRAME_COLUMNS, zip(*rows, strict=True), strict=True))
    kinds = {"row": "int64", "line": "int64", "seed": "UInt64", "seconds": "Float64"}
    return pd.DataFrame({name: pd.array(values, dtype=kinds.get(name, "string")) for name, values in columns.items()})


def _thumbnail(cell: Cell) -> str:
    from PIL import Image

    if cell.path is None:
        return ""
    try:
        with Image.open(cell.path, formats=["PNG"]) as image:
            small = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return ""  # moved since: the line above still tells of it
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    data, words = base64.b64encode(buffer.getvalue()).decode("ascii"), html.escape(cell.prompt[:200])
    return f'<img alt="{words}" title="{words}" width="{small.width}" src="data:image/jpeg;base64,{data}"> '
