"""Tells which models' text encoders can write: Qwen3's head is tied to its embeddings, so nothing else is needed."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.models.catalog import Model


def can_write(model: Model) -> bool:
    """Whether a model's text encoder is a language model with a head; a miniature's knows pictures alone.

    Parameters
    ----------
    model
        From the catalog; one that is not on this machine cannot.
    """
    if model.path is None or model.card.miniature or model.card.family != "z_image":
        return False
    return _tied(model.folder / "text_encoder" / "config.json")


@lru_cache(maxsize=16)
def _tied(path: Path) -> bool:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return config.get("model_type") == "qwen3" and bool(config.get("tie_word_embeddings"))
