"""Models by their cards: which there are, where they lie, and what a request may ask of them. No torch here.

`check` is the function, as every face uses it; its module is reached with ``from zimage_lab.models.check import ...``.
"""

from __future__ import annotations

from zimage_lab.models.card import ModelCard
from zimage_lab.models.catalog import DEFAULT_MODEL, Model, find, models
from zimage_lab.models.check import build, check
from zimage_lab.models.registry import add, remove
from zimage_lab.models.tokens import count, kept, lacks_quotes, unknown_words
from zimage_lab.models.weights import FoundWeights, found

__all__ = [
    "DEFAULT_MODEL",
    "FoundWeights",
    "Model",
    "ModelCard",
    "add",
    "build",
    "check",
    "count",
    "find",
    "found",
    "kept",
    "lacks_quotes",
    "models",
    "remove",
    "unknown_words",
]
