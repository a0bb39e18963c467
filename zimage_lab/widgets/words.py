"""The panel's words: which language, and a text of it by its key."""

from __future__ import annotations

import os
from typing import Literal

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.widgets.texts.compare import COMPARE
from zimage_lab.widgets.texts.create import CREATE
from zimage_lab.widgets.texts.gallery import GALLERY
from zimage_lab.widgets.texts.prompts import PROMPTS
from zimage_lab.widgets.texts.sweep import SWEEP
from zimage_lab.widgets.texts.workflow import WORKFLOW

Language = Literal["en", "zh"]
VARIABLE = "ZIMAGE_LAB_LANGUAGE"
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")

TABLE: dict[str, tuple[str, str]] = CREATE | GALLERY | PROMPTS | SWEEP | COMPARE | WORKFLOW
"""Key to English and Chinese; values in braces are filled in when the text is used."""

GRAMMAR = {
    "en": frozenset({"a", "an", "and", "at", "by", "in", "of", "on", "one", "the", "to"}),
    "zh": frozenset({"和", "在", "是", "有", "的", "一个", "一只", "一座", "一条", "一棵", "一盏", "一颗"}),
}
"""Words that a miniature knows but nobody clicks."""

MINUTE = 90
"""Seconds from which a time is told in minutes."""


def language(asked: str | None = None) -> Language:
    """Choose the language: the argument, then `ZIMAGE_LAB_LANGUAGE`, then the locale of the environment.

    Parameters
    ----------
    asked
        "en" or "zh"; longer tags such as "zh-CN" are taken too. None asks the environment.

    Raises
    ------
    InvalidRequest
        When an argument names another language.
    """
    if asked is not None:
        tag = asked.lower()[:2] if isinstance(asked, str) else ""
        if tag not in {"en", "zh"}:
            field = "language"
            raise InvalidRequest(field, asked, f"{shown(asked)} is not a language of the panel", "Use 'en' or 'zh'.")
        return "zh" if tag == "zh" else "en"
    for name in (VARIABLE, *LOCALES):
        value = os.environ.get(name)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


class Words:
    """The panel's texts in one language.

    Parameters
    ----------
    chosen
        Which of the table's columns to read.
    """

    def __init__(self, chosen: Language) -> None:
        self.language: Language = chosen
        self._column = 1 if chosen == "zh" else 0

    def __call__(self, key: str, **values: object) -> str:
        """Give a text with its values filled in; plain text, to be escaped by whoever puts it into HTML."""
        return TABLE[key][self._column].format(**values)

    def time(self, seconds: float) -> str:
        """Give a time as a person says it."""
        if seconds >= MINUTE:
            return self("time_min", number=f"{seconds / 60:.0f}")
        return self("time_s", number=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")  # noqa: PLR2004 - digits

    def size(self, number: int | None) -> str:
        """Give a number of bytes as a person says it."""
        if number is None:
            return self("size_unknown")
        for unit, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if number >= unit:
                digits = 1 if prefix == "G" else 0
                return f"{number / unit:.{digits}f} {prefix}B"
        return f"{number} B"
