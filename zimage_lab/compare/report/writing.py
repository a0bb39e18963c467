"""Writes the page: one file that asks nobody for anything and runs nothing, made anew from the store at any time."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab import home as homes
from zimage_lab import labels as labelling
from zimage_lab.compare.embedded import embedded
from zimage_lab.compare.report import parts
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.store.images import write_whole
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zimage_lab.compare.comparison import Comparison

PIXELS = 384
"""Longest edge of a picture in the page."""

_STYLE = Path(__file__).with_name("report.css")


def write(
    comparison: Comparison,
    path: str | os.PathLike[str],
    *,
    pixels: int = PIXELS,
    labels: Iterable[str] = labelling.DEFAULT,
) -> Path:
    """Write the report.

    Parameters
    ----------
    comparison
        The comparison; one that is not done is told as far as it is.
    path
        A name that ends in `.html`, in a folder that is there; a file of this name is replaced whole.
    pixels
        Longest edge of a picture in it, 32 to 2048.
    labels
        AI labels of the pictures, as `GeneratedImage.save` takes them; small pictures are not signed.

    Returns
    -------
    Path
        Absolute path of the page.

    Raises
    ------
    InvalidRequest
        The name or an option cannot be; nothing was written.
    """
    place = checked(path)
    edge = checked_integer("pixels", pixels, 32, 2048)
    kinds = labelling.prepare(labels, homes.settings(comparison.home))
    write_whole(place, page(comparison, edge, kinds).encode(errors="replace"))
    return place


def checked(path: str | os.PathLike[str]) -> Path:
    """Say where a report goes, or why nothing can be written there, before anything is made for it.

    Raises
    ------
    InvalidRequest
        The name has another ending, or its folder is not there.
    """
    field, text = "path", os.fspath(path)
    if not text.lower().endswith((".html", ".htm")) or "\0" in text:
        raise InvalidRequest(field, text, f"{shown(text)} is no page's name", "Let it end in .html.")
    place = Path(text).expanduser().absolute()
    if place.is_dir():
        raise InvalidRequest(field, text, f"{shown(place.name)} is a folder", "Give a file's name.")
    if not place.parent.is_dir():
        raise InvalidRequest(field, text, f"there is no folder {shown(str(place.parent))}", "Make it first.")
    return place


def page(comparison: Comparison, edge: int = PIXELS, kinds: tuple[str, ...] = labelling.DEFAULT) -> str:
    """Put the page together."""
    style = _STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = html.escape(f"{comparison.name}: {' against '.join(comparison.labels)}")
    summaries, liked = comparison.summary(), comparison.preferences()
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body><h1>{title}</h1>"
        f"<h2>Protocol</h2>{parts.protocol(comparison)}"
        f"{parts.measured(comparison, 'en')}{parts.measured(comparison, 'zh')}"
        f"<h2>Plots</h2>{parts.drawings(comparison, summaries, liked)}"
        f"<h2>Votes</h2>{parts.votes(comparison, liked)}"
        f"<h2>Pictures</h2>{parts.pictures(comparison, embedded(comparison, edge, kinds))}"
        f"<h2>Environment</h2>{parts.environment(summaries)}"
        "</body></html>\n"
    )
