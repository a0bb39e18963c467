"""Which model a file's name in a graph means, and who draws in its place where its weights are not here.

Names alone: a graph may come from anybody, and a path in it is no model. What lies elsewhere is given a name first,
with ``zimage-lab models add``.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab import models
from zimage_lab.home import home as usual
from zimage_lab.models import DEFAULT_MODEL, loras

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.models import Model

FAMILY = "z_image"
SHARED = ("qwen_3_4b.safetensors", "ae.safetensors")
"""The text encoder and the VAE of both real models, whose names do not tell which."""

# Comfy-Org's own file names and precision marks around the model's.
_MARKS = re.compile(r"[-.](bf16|fp16|fp32|fp8|fp8-e4m3fn|fp8-scaled|nvfp4|mxfp8|int8-convrot|base|all-in-one|aio)$")
_ENDING = ".safetensors"

FRESH_SECONDS = 1.0
"""How old the list of models may be."""


class Meant(NamedTuple):
    """A model that a name means: which one draws, and a sentence where that is another one."""

    model: str
    note: str | None


def meant(name: object, home: Path | None) -> Meant | None:
    """Find the model of a file's name, an id or a hub id; None where it is none that a graph may name."""
    if not isinstance(name, str) or len(name) > 1000:  # noqa: PLR2004 - no file has such a name
        return None
    known = _known(home)
    found = next((one for one in known.values() if name in (one.id, one.card.hub_id)), None)
    found = found or next((known[key] for key in _spellings(name) if key in known), None)
    if found is None:
        return None
    if found.path is not None:
        return Meant(found.id, None)
    other = _instead(found, known)
    if other is None:
        return Meant(found.id, None)
    return Meant(other, f"The weights of {found.id} are not on this machine: {other} draws in their place.")


def checkpoints(home: Path | None) -> list[str]:
    """List the names that a loader of models offers."""
    return [
        *(f"{name}{_ENDING}" for name in _known(home)),
        "z_image_turbo_bf16.safetensors",
        "z_image_bf16.safetensors",
    ]


def encoders(home: Path | None) -> list[str]:
    """List the names that a loader of text encoders offers; a model's own name means its own."""
    return [SHARED[0], *checkpoints(home)]


def autoencoders(home: Path | None) -> list[str]:
    """List the names that a loader of VAEs offers."""
    return [SHARED[1], *checkpoints(home)]


def adapters(home: Path | None) -> list[str]:
    """List the LoRA files."""
    return sorted(loras.known(usual() if home is None else home))


def is_model(name: str, home: Path | None) -> bool:
    """Whether a loader of models takes a name."""
    return meant(name, home) is not None


def is_part(name: str, home: Path | None) -> bool:
    """Whether a loader of text encoders or VAEs takes a name."""
    return name in SHARED or meant(name, home) is not None


def is_adapter(name: str, home: Path | None) -> bool:
    """Whether a LoRA of this name is there: with or without its ending, also in a folder that is named before it."""
    return adapter(name, home) is not None


def adapter(name: str, home: Path | None) -> str | None:
    """Give the file name of a LoRA; None where there is none."""
    own = name.replace("\\", "/").rpartition("/")[2]  # ComfyUI names folders below models/loras, too
    known = adapters(home)
    return next((one for one in (own, f"{own}{_ENDING}") if one in known), None)


def _known(home: Path | None) -> dict[str, Model]:
    """Give the models of the family by id, looked for at most once in a while: a server asks for each graph."""
    return _listed(usual() if home is None else home, int(time.monotonic() / FRESH_SECONDS))


@lru_cache(maxsize=4)
def _listed(home: Path, _moment: int) -> dict[str, Model]:
    return {one.id: one for one in models.models(home) if one.card.family == FAMILY}


def _spellings(name: str) -> list[str]:
    """Give the ids that a file name may mean, the nearest first."""
    stem = name.replace("\\", "/").rpartition("/")[2].removesuffix(_ENDING)
    dashed = stem.lower().replace("_", "-")
    bare = dashed
    while (shorter := _MARKS.sub("", bare)) != bare:
        bare = shorter
    return list(dict.fromkeys([stem, dashed, bare]))


def _instead(model: Model, known: dict[str, Model]) -> str | None:
    """Name the miniature that stands for a real model: its own where that is here, else the bundled one."""
    own = {"z-image": "miniature"}.get(model.id, DEFAULT_MODEL)
    return next((name for name in (own, DEFAULT_MODEL) if name in known and known[name].path is not None), None)
