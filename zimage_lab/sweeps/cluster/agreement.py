"""What two machines must have in common before one draws for the other: versions, and the bytes of the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING

from zimage_lab import models
from zimage_lab.errors import ZImageError
from zimage_lab.models import hashes, loras
from zimage_lab.request import Lora

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.sweeps.grid import Grid

PACKAGES = ("zimage-lab", "torch", "diffusers")
"""What decides the pixels."""

_SHORT = 12


@dataclass(frozen=True, slots=True)
class Needs:
    """Names of the models and LoRAs that a worker must have."""

    models: frozenset[str] = frozenset()
    loras: frozenset[str] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        return Needs(self.models | other.models, self.loras | other.loras)

    def __le__(self, other: Needs) -> bool:
        return self.models <= other.models and self.loras <= other.loras


@dataclass(frozen=True, slots=True)
class Facts:
    """What a machine has: versions by package, and of each model and LoRA the SHA-256 of its files, if it has any."""

    versions: dict[str, str] = field(default_factory=dict)
    weights: dict[str, dict[str, str]] = field(default_factory=dict)


def needs(grid: Grid) -> Needs:
    """Tell what the cells of a sweep need, without going through them."""
    names = {ground.model for ground in grid.grounds}
    adapters = {one.name for ground in grid.grounds for one in ground.loras}
    for axis in grid.axes:
        if axis.name == "loras":
            adapters |= {one.name for value in axis.values for one in value}
    return Needs(frozenset(names), frozenset(adapters))


def facts(wanted: Needs, place: Path) -> Facts:
    """Tell what this machine has; hashes of new files take seconds and are remembered.

    Parameters
    ----------
    wanted
        What is asked for.
    place
        The home folder, whose models are known.
    """
    weights: dict[str, dict[str, str]] = {}
    for name in wanted.models:
        weights[name] = {}
        try:
            model = models.find(name, place)
            if model.path is not None:
                weights[name] = hashes.weights_sha256(model, place)
        except (ZImageError, OSError):
            continue
    for name in wanted.loras:
        weights[name] = {}
        try:
            weights[name] = loras.hashes([Lora(name=name)], place)
        except (ZImageError, OSError):
            continue
    return Facts({package: metadata.version(package) for package in PACKAGES}, weights)


def differences(ours: Facts, theirs: Facts) -> list[str]:
    """Say in words what a worker has otherwise; nothing where all agrees.

    The build of torch ("+cpu", "+cu130") may differ: a laptop may ask a GPU. Every record names the whole version.
    """
    found = []
    for package, version in ours.versions.items():
        other = theirs.versions.get(package)
        if other is None or _plain(other) != _plain(version):
            found.append(f"{package} {other} instead of {version}" if other else f"no {package}")
    for name, files in ours.weights.items():
        there = theirs.weights.get(name, {})
        if not there:
            found.append(f"no {name}")
        elif files and files != there:  # without weights here, whatever the workers have in common is right
            file = next(one for one in sorted({*files, *there}) if files.get(one) != there.get(one))
            here, other = (side.get(file, "no such file")[:_SHORT] for side in (files, there))
            found.append(f"another {name} by its {file} ({other} instead of {here})")
    return found


def _plain(version: str) -> str:
    return version.partition("+")[0]
