"""One axis of a sweep: what it is called, the values that it takes, and how people read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind: TypeAlias = Literal["field", "size", "lora_weight", "replace", "seed"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis.

    Attributes
    ----------
    name
        A field of the request (`steps`, `model`, `prompt`, ...), `size`, `lora_weight`, `seed`, or the needle of a
        search and replace in the prompt. No two axes of a sweep have the same.
    kind
        "field", "size" (width and height together), "lora_weight" (of all LoRAs), "replace" (a text in the prompt) or
        "seed".
    values
        The checked values in the order they were given, no two alike.
    needle
        The text that an axis of replacements looks for; its first value is the needle itself.
    """

    name: str
    kind: Kind
    values: Sequence[Any]
    needle: str = field(default="", repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        """Give the values."""
        return iter(self.values)

    def label(self, place: int) -> str:
        """Give a value as it stands beside its row: "8", "192x128", "a dog"."""
        return label(self.values[place])

    @property
    def labels(self) -> tuple[str, ...]:
        """Every value as it stands beside its row."""
        return tuple(label(value) for value in self.values)


def label(value: object) -> str:
    """Write a value for a person."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple) and len(value) == 2 and all(type(edge) is int for edge in value):  # noqa: PLR2004
        return f"{value[0]}x{value[1]}"
    if isinstance(value, tuple):  # LoRAs or pictures
        return ", ".join(map(label, value)) or "none"
    name, weight = getattr(value, "name", None), getattr(value, "weight", None)
    if isinstance(name, str) and isinstance(weight, float):
        return f"{name.rpartition('/')[2].removesuffix('.safetensors')}:{weight:g}"
    return "none" if value is None else str(value)
