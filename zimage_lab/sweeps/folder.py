"""A sweep as a folder: every picture with its recipe under a name that tells its values, and a table of all cells."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from zimage_lab.errors import StoreError
from zimage_lab.store.file_names import SUFFIX, FreeNames, safe
from zimage_lab.store.images import write_whole
from zimage_lab.sweeps.results import pictures, public_labels, results
from zimage_lab.sweeps.saving import Saved

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.sweeps.sweep import Sweep

TABLE = "sweep.csv"
COLUMN = "file"
MARK = "record_id"
LETTERS = 40
"""Most letters that the value of one axis takes in a name."""


def folder(sweep: Sweep, path: Path, kinds: tuple[str, ...]) -> Saved:
    """Write the pictures and the table; a second time, the same names again. Files of others are left as they are.

    Parameters
    ----------
    sweep
        The sweep.
    path
        The folder, made where it is missing.
    kinds
        AI labels of the pictures, as `GeneratedImage.save` takes them.
    """
    try:
        path.mkdir(exist_ok=True)
        own = _own(path)
        names = FreeNames(one.name for one in path.iterdir() if one.name not in own)
    except OSError as error:
        message = f"The folder {path} cannot be used ({error.strerror}). Give another one."
        raise StoreError(message) from error
    files: dict[tuple[int, ...], str] = {}
    size = 0
    for result, picture in pictures(sweep):
        name = names.next_free(_stem(sweep, result.index))
        data = picture.exported(kinds)
        write_whole(path / name, data)
        files[result.index] = name
        size += len(data)
    table = _table(sweep, files)
    write_whole(path / TABLE, table)
    return Saved(path, len(files), size + len(table))


def _stem(sweep: Sweep, index: tuple[int, ...]) -> str:
    """Tell a cell's values: "a fish_steps-8_seed-7"."""
    parts = []
    for axis, place in zip(sweep.axes, index, strict=True):
        if len(axis) == 1 and len(sweep.axes) > 1:
            continue
        label = public_labels(axis, sweep.home)[place]
        speaks = axis.kind in {"replace", "size"} or axis.name in {"prompt", "model"}
        short = label.strip().replace("/", "-")[:LETTERS].rstrip() or "nothing"
        parts.append(short if speaks else f"{axis.name.replace('_', '-')}-{short}")
    return safe("_".join(parts) or sweep.name)


def _own(path: Path) -> set[str]:
    """Name the pictures that an earlier export of a sweep put there: these may be replaced."""
    try:
        text = (path / TABLE).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return set()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    return {TABLE} | {row[COLUMN] for row in rows if row.get(COLUMN, "").endswith(SUFFIX) and row.get(MARK)}


def _table(sweep: Sweep, files: dict[tuple[int, ...], str]) -> bytes:
    axes = [axis.name for axis in sweep.axes]
    labels = [public_labels(axis, sweep.home) for axis in sweep.axes]
    extra = [name for name in ("prompt", "seed") if name not in axes]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([COLUMN, *axes, *extra, "state", "seconds", "error", MARK])
    for one in results(sweep):
        values = [label[place] for label, place in zip(labels, one.index, strict=True)]
        request = sweep.cell(*one.index).request
        seconds = "" if one.seconds is None else f"{one.seconds:.3f}"
        tail = [one.state, seconds, one.error or "", one.record_id or ""]
        writer.writerow([files.get(one.index, ""), *values, *(getattr(request, name) for name in extra), *tail])
    # The mark at the beginning is what makes Excel read the file as UTF-8.
    return b"\xef\xbb\xbf" + buffer.getvalue().encode(errors="replace")
