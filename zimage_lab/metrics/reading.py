"""Reads a picture's text back, where `rapidocr` is installed, and holds it against the text that was asked for."""

from __future__ import annotations

import importlib.util
import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MODULE = "rapidocr"
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|「([^」]+)」|『([^』]+)』')


def installed() -> bool:
    """Whether it can be done here."""
    return importlib.util.find_spec(MODULE) is not None


def wanted(prompt: str) -> str | None:
    """Give the text that a picture shall bear: what its prompt has in quotation marks; None where there is none."""
    found = ["".join(groups) for groups in _QUOTED.findall(prompt)]
    return " ".join(found) or None


def share(picture: Image.Image, text: str) -> float:
    """Give how much of a text is read in a picture, 0 to 1: the likeness of both, without blanks and capitals.

    The likeness is twice the letters in common, in order, by the letters of both (difflib's ratio).
    """
    result = _reader()(np.asarray(picture)[:, :, ::-1])
    read = "".join(result.txts or ())
    return SequenceMatcher(None, _plain(text), _plain(read), autojunk=False).ratio()


@lru_cache(maxsize=1)
def _reader() -> Any:  # noqa: ANN401 - a package without types, which may not be there
    return importlib.import_module(MODULE).RapidOCR()


def _plain(text: str) -> str:
    return "".join(text.casefold().split())
