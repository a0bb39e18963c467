"""A sweep as one HTML file that asks nobody for anything: its pictures, its recipes and what shows them are inside.

Whatever a person wrote goes into it as data, which the page puts there as text; its own script and style are named by
their hashes in its security policy, so that nothing else runs even where a text should slip through.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab.labels import xmp
from zimage_lab.labels.write import claims
from zimage_lab.request import SAMPLERS, SCHEDULERS
from zimage_lab.store.images import write_whole
from zimage_lab.store.public import public_request
from zimage_lab.sweeps import facts
from zimage_lab.sweeps.layout import lay_out
from zimage_lab.sweeps.results import pictures, public_labels, results
from zimage_lab.sweeps.saving import Saved, size_told
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from PIL import Image

    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps.sweep import Sweep

LOG = logging.getLogger(__name__)

PIXELS = 512
"""Longest edge of a picture in the page."""

QUALITY = 82
LARGE = 25_000_000
"""Bytes from which a page is too large for many mailboxes and slow on a phone."""

_PARTS = Path(__file__).parent


def page(
    sweep: Sweep,
    path: Path,
    kinds: tuple[str, ...],
    *,
    pixels: int = PIXELS,
    columns: str | None = None,
    rows: str | None = None,
) -> Saved:
    """Write a page.

    Parameters
    ----------
    sweep
        The sweep.
    path
        The file.
    kinds
        AI labels of the pictures; a small picture is not signed.
    pixels
        Longest edge of a picture in it, 32 to 2048.
    columns, rows
        Names of the axes that go across and down at first; a reader may choose others.
    """
    edge = checked_integer("pixels", pixels, 32, 2048)
    settings = homes.settings(sweep.home)
    wanted = tuple(kind for kind in kinds if kind != "c2pa")
    images: dict[tuple[int, ...], dict[str, object]] = {}
    for result, picture in pictures(sweep):
        image = result.image
        if image is not None:
            properties, _ = claims(wanted, picture.record, settings)
            images[result.index] = _thumbnail(image, edge, xmp.packet(properties).encode() if properties else b"")
    data = written(sweep, images, columns=columns, rows=rows)
    write_whole(path, data)
    notes = []
    if "c2pa" in kinds:
        notes.append("The small pictures in it are not signed.")
    if len(data) > LARGE:
        notes.append(f"That is large for a mail or a phone: pixels={max(32, edge // 2)} makes it smaller.")
        LOG.warning("%s has %s. %s", path.name, size_told(len(data)), notes[-1])
    return Saved(path, len(images), len(data), tuple(notes))


def written(
    sweep: Sweep,
    images: dict[tuple[int, ...], dict[str, object]],
    *,
    columns: str | None = None,
    rows: str | None = None,
) -> bytes:
    """Put the page together of its parts and the data."""
    layout = lay_out(sweep.axes, columns, rows)
    first = public_request(sweep.cells[0].request, sweep.home)
    base = _recipe(first)
    cells = []
    for one in results(sweep):
        told = _recipe(public_request(sweep.cell(*one.index).request, sweep.home))
        cell: dict[str, Any] = {"state": one.state, **images.get(one.index, {})}
        cell["recipe"] = {name: told.get(name, "") for name in {*told, *base} if told.get(name) != base.get(name)}
        if one.error:
            cell["error"] = one.error
        if one.seconds is not None:
            cell["seconds"] = round(one.seconds, 2)
        cells.append(cell)
    data = {
        "name": sweep.name,
        "prompt": facts.prompt(sweep),
        "facts": facts.same(sweep),
        "axes": [
            {"name": axis.name, "kind": axis.kind, "labels": public_labels(axis, sweep.home)} for axis in sweep.axes
        ],
        "columns": layout.columns,
        "rows": layout.rows,
        "base": base,
        "cells": cells,
    }
    style, script = (_part(name) for name in ("page.css", "page.js"))
    parts = {
        "POLICY": "; ".join(
            [
                "default-src 'none'",
                "img-src data:",
                f"style-src 'sha256-{_hash(style)}'",
                f"script-src 'sha256-{_hash(script)}'",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        ),
        "TITLE": html.escape(sweep.name),
        "STYLE": style,
        "DATA": _harmless(json.dumps(data, ensure_ascii=False)),
        "SCRIPT": script,
    }
    pieces = _part("page.html").split("@@")  # each second one is the name of a part: what is put in is not read again
    whole = "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))
    return whole.encode(errors="replace")


def _thumbnail(image: Image.Image, edge: int, packet: bytes) -> dict[str, object]:
    width, height = image.size
    image.thumbnail((edge, edge))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4, **({"xmp": packet} if packet else {}))
    return {"image": base64.b64encode(buffer.getvalue()).decode("ascii"), "width": width, "height": height}


def _recipe(asked: GenerationRequest) -> dict[str, str]:
    """Give what a request says as texts, seeds too: a browser's numbers do not hold 64 bits."""
    told = {
        "prompt": asked.prompt,
        "negative_prompt": asked.negative_prompt,
        "model": asked.model,
        "size": f"{asked.width}x{asked.height}",
        "steps": str(asked.steps),
        "guidance_scale": f"{asked.guidance_scale:g}",
        "seed": str(asked.seed),
        "shift": "" if asked.shift is None else f"{asked.shift:g}",
        "variation": f"{asked.variation:g}" if asked.variation else "",
        "loras": ", ".join(f"{one.name}:{one.weight:g}" for one in asked.loras),
        "init_image": (asked.init_image or "")[:8],
        "mask": (asked.mask or "")[:8],
        "strength": "" if asked.strength is None else f"{asked.strength:g}",
        "reference_images": ", ".join(one[:8] for one in asked.reference_images),
        "sampler": "" if asked.sampler == SAMPLERS[0] else asked.sampler,
        "scheduler": "" if asked.scheduler == SCHEDULERS[0] else asked.scheduler,
    }
    return {name: text for name, text in told.items() if text}


def _harmless(text: str) -> str:
    """Give JSON that ends no element and begins no comment of the page around it."""
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8").strip("\n")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
