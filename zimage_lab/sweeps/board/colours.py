"""The colours of a board: those of JupyterLab's theme where the page told them, else ours, light or dark."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Theme: TypeAlias = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")


@dataclass(frozen=True)
class Colours:
    """What is drawn in which colour.

    Attributes
    ----------
    ground, box, raised
        The board, a cell without a picture, and what lies above the board.
    text, faint, line
        Words, less important ones, and thin lines.
    accent, wrong
        The selected cell and progress, and a cell that failed.
    """

    ground: str
    box: str
    raised: str
    text: str
    faint: str
    line: str
    accent: str
    wrong: str


LIGHT = Colours("#ffffff", "#eeeeee", "#ffffff", "#212121", "#616161", "#bdbdbd", "#1976d2", "#d32f2f")
DARK = Colours("#111111", "#2a2a2a", "#1e1e1e", "#e8e8e8", "#a8a8a8", "#555555", "#64b5f6", "#ef5350")

VARIABLES = {
    "ground": "--jp-layout-color1",
    "box": "--jp-layout-color2",
    "raised": "--jp-layout-color0",
    "text": "--jp-ui-font-color1",
    "faint": "--jp-ui-font-color2",
    "line": "--jp-border-color1",
    "accent": "--jp-brand-color1",
    "wrong": "--jp-error-color1",
}
"""The theme's variable for each of ours."""

_WRITTEN = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([0-9., %/]+\)")
"""What both the page and ipycanvas understand."""


def colours(theme: Theme, told: Mapping[str, object]) -> Colours:
    """Choose the colours.

    Parameters
    ----------
    theme
        "light" or "dark", or "auto" for what the page has.
    told
        What the page told: `light`, and a colour for each of our names.
    """
    if theme != "auto":
        return LIGHT if theme == "light" else DARK
    chosen = DARK if told.get("light") is False else LIGHT
    found = {one.name: str(told.get(one.name) or "").strip() for one in fields(Colours)}
    return replace(chosen, **{name: value for name, value in found.items() if _WRITTEN.fullmatch(value)})
