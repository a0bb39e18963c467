"""How models are compared, as data: said before, kept with the result, and read by whoever doubts it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from zimage_lab.engine.pace import plural
from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.request import SIZE_RANGE, STEPS_RANGE
from zimage_lab.values import checked_integer, checked_real

if TYPE_CHECKING:
    from collections.abc import Iterable

Match: TypeAlias = Literal["size", "steps", "time"]
Alternate: TypeAlias = Literal["picture", "prompt"]

MOST_WARM_UPS, MOST_REPEATS = 20, 100
SECONDS = (0.001, 3600.0)

EQUAL_SEEDS = (
    "Equal seeds mean nothing between different models: their latents have other shapes or other meanings, so the same"
    " number begins other noise. A seed only makes a picture repeatable."
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is made equal, what is measured, and in which order.

    Parameters
    ----------
    match
        What the models have in common: "size", "steps" or "time", one or several; nothing leaves each at its
        recommended settings. Steps and time cannot both be.
    width, height
        The common size; None takes the largest one that no model is stretched for.
    steps
        The common number of steps; None takes the first model's own.
    seconds
        The common time of a picture; None takes what the first model needs at its own settings. The others' steps are
        chosen by a trial before the measurement.
    warm_up
        Pictures that each model makes first, and again when it was loaded anew; they are not measured.
    repeats
        Times that each picture is made, for the spread of its time; the pixels are the same.
    alternate
        "picture" changes the model after every picture, "prompt" after all seeds of a prompt: for models that do not
        fit into memory together. Either way the order is turned round each time, so that a device that slows down does
        not slow one model alone.
    exclusive
        Whether the engines of the home hold others' jobs back on the device meanwhile.
    """

    match: tuple[Match, ...] = ()
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    seconds: float | None = None
    warm_up: int = 1
    repeats: int = 1
    alternate: Alternate = "picture"
    exclusive: bool = True

    def __post_init__(self) -> None:
        """Check it.

        Raises
        ------
        InvalidRequest
            A value cannot be, or two contradict each other.
        """
        matched = _matches(self.match)
        object.__setattr__(self, "match", matched)
        for name, needs in (("width", "size"), ("height", "size"), ("steps", "steps"), ("seconds", "time")):
            value = getattr(self, name)
            if value is None:
                continue
            if needs not in matched:
                raise InvalidRequest(name, value, f"only holds where {needs} is matched", f'Add match="{needs}".')
            if name == "seconds":
                object.__setattr__(self, name, checked_real(name, value, *SECONDS))
            else:
                object.__setattr__(self, name, checked_integer(name, value, *_RANGES[name]))
        if (self.width is None) != (self.height is None):
            field = "height" if self.height is None else "width"
            raise InvalidRequest(field, None, "is missing", "Give width and height, or neither.")
        object.__setattr__(self, "warm_up", checked_integer("warm_up", self.warm_up, 0, MOST_WARM_UPS))
        object.__setattr__(self, "repeats", checked_integer("repeats", self.repeats, 1, MOST_REPEATS))
        if self.alternate not in get_args(Alternate):
            field = "alternate"
            fix = suggestion(self.alternate, get_args(Alternate))
            raise InvalidRequest(field, self.alternate, f"{shown(self.alternate)} is no way to alternate", fix)
        exclusive: object = self.exclusive
        if not isinstance(exclusive, bool):
            field = "exclusive"
            raise InvalidRequest(field, exclusive, f"{shown(exclusive)} is not True or False", "Use either.")

    @classmethod
    def of(cls, value: Protocol | str | dict[str, Any] | None) -> Protocol:
        """Read a protocol as people write it: itself, what to match, or a mapping of its fields.

        Raises
        ------
        InvalidRequest
            It is none of these, or a value cannot be.
        """
        field = "protocol"
        if value is None or isinstance(value, cls):
            return value or cls()
        if isinstance(value, str):
            return cls(match=(value,))  # type: ignore[arg-type] # checked right there
        if not isinstance(value, dict):
            fix = 'Give "size", "steps", "time", or a Protocol.'
            raise InvalidRequest(field, value, f"{shown(value)} is no protocol", fix)
        known = [one.name for one in dataclasses.fields(cls)]
        for name in value:
            if name not in known:
                raise InvalidRequest(field, name, f"{shown(name)} is no part of it", suggestion(name, known))
        return cls(**value)

    def to_json(self) -> str:
        """Give it as one JSON object."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Protocol:
        """Read what `to_json` gave."""
        return cls.of(json.loads(text))

    def __str__(self) -> str:
        """Say it in sentences."""
        matched = {
            "size": "the same size" + ("" if self.width is None else f", {self.width}x{self.height}"),
            "steps": "the same number of steps" + ("" if self.steps is None else f", {self.steps}"),
            "time": "about the same time" + ("" if self.seconds is None else f", {self.seconds:g} s"),
        }
        settings = " and ".join(matched[name] for name in self.match)
        said = [
            f"All models have {settings}." if self.match else "Each model has its recommended settings.",
            f"{plural(self.warm_up, 'picture')} of each model first, to warm it up, not measured.",
            f"Each picture is made {self.repeats} times." if self.repeats > 1 else "Each picture is made once.",
            f"The models change after every {self.alternate}, forth and back.",
            "One picture is made at a time; loading a model and saving a file are not in its time.",
            "Others' jobs wait meanwhile." if self.exclusive else "Others' jobs may come between.",
            EQUAL_SEEDS,
        ]
        return " ".join(said)


_RANGES = {"width": SIZE_RANGE, "height": SIZE_RANGE, "steps": STEPS_RANGE}


def _matches(value: str | Iterable[str]) -> tuple[Match, ...]:
    """Give what is matched, each once, in the order of the type."""
    field, every = "match", get_args(Match)
    try:
        wanted = (value,) if isinstance(value, str) else tuple(value)
    except TypeError:
        fix = f"Use {', '.join(every)}."
        raise InvalidRequest(field, value, f"{shown(value)} cannot be matched", fix) from None
    for one in wanted:
        if one not in every:
            raise InvalidRequest(field, one, f"{shown(one)} cannot be matched", suggestion(one, every))
    if "steps" in wanted and "time" in wanted:
        what = "steps and time cannot both be equal: the time of a step is the model's own"
        raise InvalidRequest(field, wanted, what, "Choose one of them.")
    return tuple(one for one in every if one in wanted)
