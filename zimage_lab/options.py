"""The options of a request, and of a sweep, as text, for the faces in which people type: one table for both.

The converters refuse nothing: what is no number stays text, so that `GenerationRequest`, the one validator, says what
is wrong with it in the same words as everywhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

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


class SweepOption(NamedTuple):
    """An option of a sweep: its name in Python, what it takes (nothing: a switch), what it does.

    `many` says that it may be given several times: its values are then an axis. What has numbers takes notations, too.
    """

    name: str
    takes: str
    help: str
    many: bool = False

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return "--" + self.name.replace("_", "-")

    @property
    def argparse(self) -> dict[str, Any]:
        """What `add_argument` takes besides the flag."""
        if not self.takes:
            return {"dest": self.name, "action": "store_true", "help": self.help}
        action = {"action": "append"} if self.many else {}
        return {"dest": self.name, "metavar": self.takes, "help": self.help, **action}


_OWN = (
    SweepOption(
        "seeds", "N|LIST", "number of seeds from --seed on, or the seeds: 4, 1-8, 3,5,9 (default: 1)", many=True
    ),
    SweepOption("replace", "TEXT=A,B,...", 'other texts for a part of the prompt: "cat=dog,fish" is three', many=True),
    SweepOption("size", "WxH,...", "sizes: 128x128, 192x128", many=True),
    SweepOption("lora_weight", "X,...", "weight of all LoRAs", many=True),
)
_REST = (
    SweepOption("sampler", "NAME", "sampler (default: euler)", many=True),
    SweepOption("scheduler", "NAME", "scheduler (default: simple)", many=True),
    SweepOption("noise", "NAME", "how noise is drawn (default: per_image)", many=True),
    SweepOption("truncate", "yes|no", "cut a prompt that is too long", many=True),
)
SWEEP_AXES = (
    *_OWN,
    *(SweepOption(one.name, one.takes, one.help, many=True) for one in OPTIONS),
    *_REST,
)
"""Every field of a request but the prompt, and what a sweep has besides: several values of one are an axis."""

SWEEP_OWN = (
    SweepOption("name", "NAME", 'name under which it is kept (default: "sweep 1" and so on)'),
    SweepOption("wildcards", "", "{red|blue} and __name__ in the prompt stand for choices, each a prompt"),
    SweepOption("no_limit", "", "more than 1000 pictures, or more pixels than 1000 of 1024x1024"),
)
SWEEP_SAVED = (
    SweepOption("sheet", "FILE", "contact sheet: .png with the axes inside, .jpg or .webp"),
    SweepOption("no_sheet", "", "no contact sheet; without these, the shell writes NAME.png and a cell shows it"),
    SweepOption("page", "FILE", "page for any browser: .html, all in one file"),
    SweepOption("folder", "FOLDER", "every picture under a telling name, and a table"),
    SweepOption("columns", "AXIS", "axis that goes across on the sheet and the page (default: the last one)"),
    SweepOption("rows", "AXIS", "axis that goes down (default: the one before it)"),
)
"""What is written of a sweep."""

SWEEP_OPTIONS = (*SWEEP_OWN, *SWEEP_AXES, *SWEEP_SAVED)

SWEEP_VERBS = ("list", "show", "resume", "pause", "cancel")
"""What is done with a sweep that is there."""
