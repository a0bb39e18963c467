"""The options of a request as text, for the faces in which people type: one table for the shell and the magic.

The converters refuse nothing: what is no number stays text, so that `GenerationRequest`, the one validator, says what
is wrong with it in the same words as everywhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

WHOLE = re.compile(r"[+-]?[0-9]{1,60}")


def whole(text: str) -> int | str:
    """Read a whole number written in plain digits; anything else is given back as it is."""
    return int(text) if WHOLE.fullmatch(text) else text


def number(text: str) -> float | str:
    """Read a decimal number; anything else is given back as it is."""
    try:
        return float(text)
    except ValueError:
        return text


def loras(text: str) -> tuple[tuple[str, float | str], ...]:
    """Read `a.safetensors:0.8, b.safetensors`: files with commas between them, each with its weight behind a colon."""
    read = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, colon, weight = part.rpartition(":")
        # Without a number behind it, a colon is of the name, as in C:/loras/a.safetensors.
        weighed = bool(colon) and not isinstance(number(weight), str)
        read.append((name, number(weight)) if weighed else (part, 1.0))
    return tuple(read)


def files(text: str) -> tuple[str, ...]:
    """Read file names with commas between them."""
    return tuple(filter(None, (piece.strip() for piece in text.split(","))))


class Option(NamedTuple):
    """An option of a request: its name in Python, how its text is read, what it takes, and what it does."""

    name: str
    read: Callable[[str], object]
    takes: str
    help: str

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return "--" + self.name.replace("_", "-")


OPTIONS = (
    Option("model", str, "NAME", "model id, folder or hub id (default: the bundled miniature)"),
    Option("seed", whole, "N", "0 to 2**64-1; the same seed gives the same picture (default: drawn)"),
    Option("steps", whole, "N", "denoising steps (default: the model's)"),
    Option("width", whole, "PX", "width in pixels, a multiple of 16 (default: the model's)"),
    Option("height", whole, "PX", "height in pixels, a multiple of 16 (default: the model's)"),
    Option("guidance_scale", number, "X", "classifier-free guidance, 0 to 50; 0 turns it off (default: the model's)"),
    Option("negative_prompt", str, "TEXT", "what the picture shall not show; without effect where guidance is 0"),
    Option("shift", number, "X", "time shift of the schedule (default: the model's)"),
    Option("variation", number, "X", "more variety between seeds, 0 to 1 (default: 0, the plain picture)"),
    Option("loras", loras, "FILE[:WEIGHT],...", "LoRA files, with commas; names in loras/ of the home, or paths"),
    Option("init_image", str, "FILE", "picture to begin with; the size is its own where none is given"),
    Option("mask", str, "FILE", "picture that is white where the other one is drawn anew"),
    Option("reference_images", files, "FILE[,FILE...]", "pictures that an edit model changes; commas between them"),
    Option("strength", number, "X", "how much of the picture is drawn anew, above 0 to 1 (default: 0.6)"),
)
