"""Finds whole sets of Z-Image weights among single files: in ComfyUI's folders, and around a file that is named.

A set is a transformer, a text encoder and a VAE that belong to one base. What a file is, its header says; its name
only tells Turbo from Base.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.errors import ModelLoadError
from zimage_lab.models import bases, folders, header, scaled
from zimage_lab.models.bases import COMPONENTS, TEXT, TRANSFORMER, VAE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE = "COMFYUI_PATH"
PLACES = (
    "~/ComfyUI",
    "~/comfy/ComfyUI",
    "~/Documents/ComfyUI",
    "/workspace/ComfyUI",
    "/root/ComfyUI",
    "/root/comfy/ComfyUI",
    "/opt/ComfyUI",
    "/app/ComfyUI",
    "/data/ComfyUI",
    "/comfyui",
)
FOLDERS = {
    TRANSFORMER: ("diffusion_models", "unet", "checkpoints"),
    TEXT: ("text_encoders", "clip"),
    VAE: ("vae",),
}
WORDS = {TRANSFORMER: "a transformer", TEXT: "its text encoder (qwen_3_4b)", VAE: "its VAE (ae)"}
_MOST_FILES = 500
_USUAL = {"qwen_3_4b", "ae"}  # the files that come with the model, before those that people made of them


@dataclass(frozen=True, slots=True)
class WeightSet:
    """Files that make one model.

    Parameters
    ----------
    base
        The folder whose configs fit; it gives the weights of components that no file has.
    parts
        Component and file.
    """

    base: Path
    parts: tuple[tuple[str, Path], ...]

    @property
    def path(self) -> Path:
        """The transformer's file, by which people know the set."""
        return dict(self.parts)[TRANSFORMER]


def places() -> list[Path]:
    """List the ComfyUI installations of this machine: the variable's first, then the usual places."""
    named = os.environ.get(VARIABLE)
    result: dict[str, Path] = {}
    for text in ([named] if named else []) + list(PLACES):
        try:
            root = models_folder(Path(text).expanduser())
            if root is not None:
                result.setdefault(os.path.realpath(root), root)
        except (OSError, ValueError, RuntimeError):  # no permission, no home
            continue
    return list(result.values())


def models_folder(path: Path) -> Path | None:
    """Give ComfyUI's `models` folder, where this is ComfyUI's folder or that one itself; else None."""
    for root in (path / "models", path):
        if any((root / name).is_dir() for name in ("diffusion_models", "unet", "text_encoders", "clip")):
            return root
    return None


def sets(root: Path) -> list[WeightSet]:
    """List the whole sets below a `models` folder, Turbo first."""
    found = []
    for path in _files(root, FOLDERS[TRANSFORMER]):
        try:
            if any(part == TRANSFORMER for part, _ in bases.summary(path).fitting):
                found.append(around(path))
        except ModelLoadError:  # no transformer of ours, or a part is missing: said to whoever names the file
            continue
    return sorted(found, key=lambda one: ("turbo" not in one.path.name.lower(), one.path.name))


def around(path: Path) -> WeightSet:
    """Find what belongs to a transformer's file: in the file itself, beside it, in its ComfyUI and in the others.

    Raises
    ------
    ModelLoadError
        The file is none of ours, or what belongs to it is not on this machine.
    """
    found = header.read(path)
    fitting = bases.fitting(found, TRANSFORMER)
    if not fitting:
        message = f"{path} is {_described(found)}. Expected is a Z-Image transformer, alone or with all that it needs."
        raise ModelLoadError(message)
    scaled.refuse(found)
    own = bases.components(found)
    base = _base(path, [one for one in fitting if all(bases.fits(found, part, one) for part in own)] or fitting)
    parts: dict[str, Path] = {TRANSFORMER: path}
    missing: list[str] = []
    for component in (TEXT, VAE):
        if component in own and bases.fits(found, component, base):
            parts[component] = path
        elif (other := _other(path, component, base)) is not None:
            parts[component] = other
        elif not any((base / component).glob("*.safetensors")):
            missing.append(component)
    if missing:
        whole = _downloaded(base)
        if whole is None:
            words = " and ".join(WORDS[component] for component in missing)
            unread = next((name for component in missing if (name := _unusable(path, component, base))), None)
            message = f"{path.name} is {found.kind}, and {words} cannot be found" + (
                f": {unread} is quantized in a way that only ComfyUI's kernels read. Get it in bfloat16 or float8."
                if unread
                else f". Put them beside it, or into ComfyUI's folders (and name those in {VARIABLE})."
            )
            raise ModelLoadError(message)
        base = whole
    return WeightSet(base, tuple((name, parts[name]) for name in COMPONENTS if name in parts))


def incomplete(root: Path) -> Iterator[tuple[str, Path]]:
    """List the files below a `models` folder that are of our family and in no set, each with its component."""
    used = {path for one in sets(root) for _, path in one.parts}
    for component, names in FOLDERS.items():
        for path in _files(root, names):
            if path not in used and _component(path, component):
                yield component, path


def _other(path: Path, component: str, base: Path) -> Path | None:
    """Find the file of another component for a transformer, but none that is called after another base."""
    for candidate in _candidates(path, component):
        if candidate != path and _fits(candidate, component, base) and _named(candidate, bases.bases()) in {None, base}:
            return candidate
    return None


def _base(path: Path, fitting: list[Path]) -> Path:
    """Tell which of several bases of one shape a transformer belongs to: its name says so, or the files around it."""
    return _named(path, fitting) or max(
        fitting, key=lambda one: sum(_other(path, component, one) is not None for component in (TEXT, VAE))
    )


def _named(path: Path, among: list[Path]) -> Path | None:
    """Give the base that a file is called after; the longest name counts, as one may begin with another's."""
    stem = path.stem.replace("-", "_")
    called = [base for base in among if base.name.replace("-", "_") in stem]
    return max(called, key=lambda base: len(base.name), default=None)


def _candidates(path: Path, component: str) -> Iterator[Path]:
    """Give the files that may hold another component of a transformer's file, the nearest first."""
    # The file may lie deeper: models/diffusion_models/z-image/turbo/x.safetensors
    own = [parent.parent for parent in path.parents if parent.name in FOLDERS[TRANSFORMER]]
    roots = [path.parent.parent, *own, *places()]
    for folder in dict.fromkeys([path.parent, *(root / name for root in roots for name in FOLDERS[component])]):
        found = _files(folder, (".",), deep=folder != path.parent)
        yield from sorted(found, key=lambda file: file.stem not in _USUAL)


def _fits(path: Path, component: str, base: Path) -> bool:
    try:
        found = bases.summary(path)
    except ModelLoadError:
        return False
    return (component, base) in found.fitting and found.usable


def _unusable(path: Path, component: str, base: Path) -> str | None:
    """Name a file that would fit, were it not quantized for ComfyUI's kernels."""
    for candidate in _candidates(path, component):
        try:
            if candidate != path and (component, base) in bases.summary(candidate).fitting:
                return candidate.name
        except ModelLoadError:
            continue
    return None


def _component(path: Path, component: str) -> bool:
    try:
        return any(part == component for part, _ in bases.summary(path).fitting)
    except ModelLoadError:
        return False


def _downloaded(base: Path) -> Path | None:
    """Find a whole download of the same architecture, whose other parts go with a transformer's file."""
    for hub_id in ("Tongyi-MAI/Z-Image-Turbo", "Tongyi-MAI/Z-Image"):
        for snapshot in folders.hub_snapshots(hub_id):
            parts = [path for name in (TEXT, VAE) for path in (snapshot / name).glob("*.safetensors")]
            if base.parent == bases.CONFIGS and parts and not folders.missing(snapshot):
                return snapshot
    return None


def _described(found: header.Header) -> str:
    if found.kind == "a Z-Image transformer":
        return "a Z-Image transformer of a size that is not known here, or only a part of one"
    return found.kind


def _files(root: Path, names: Iterable[str], *, deep: bool = True) -> list[Path]:
    result: list[Path] = []
    for name in names:
        folder = root / name
        try:
            entries = sorted(folder.rglob("*") if deep else folder.iterdir())
            result += [path for path in entries if path.suffix in {header.SAFETENSORS, header.GGUF} and path.is_file()][
                :_MOST_FILES
            ]
        except OSError:
            continue
    return result
