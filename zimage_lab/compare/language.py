"""Which language the views of a comparison speak: the one that was asked for, or the environment's, as in the panel."""

from __future__ import annotations

import os
from typing import Literal

from zimage_lab.errors import InvalidRequest, shown

Language = Literal["en", "zh"]
ASKED = ("ZIMAGE_LAB_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def chosen(language: str | None) -> Language:
    """Choose the language.

    Parameters
    ----------
    language
        "en" or "zh"; None takes the environment's.

    Raises
    ------
    InvalidRequest
        It is another one.
    """
    if language not in {None, "en", "zh"}:
        field = "language"
        raise InvalidRequest(field, language, f"{shown(language)} is no language here", "Use 'en' or 'zh'.")
    told = language or next((value for name in ASKED if (value := os.environ.get(name))), "en")
    return "zh" if told.lower().startswith("zh") else "en"
