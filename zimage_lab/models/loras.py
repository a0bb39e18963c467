"""LoRA adapters: found by name or path, held against the model, switched and weighed without reading anything twice.

The adapters are peft's, put in by diffusers; this file brings every spelling to theirs first.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, ModelLoadError, shown, suggestion
from zimage_lab.models import comfyui, folders, header, lora_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from zimage_lab.models.catalog import Model
    from zimage_lab.request import Lora

FOLDER = "loras"
"""In the home, and below ComfyUI's `models`."""

KEPT = 8
"""Adapters that stay in memory; the one that was not used longest goes first."""

_FIELD = "loras"
_HALVES = ("down", "up")


def find(name: str, place: Path) -> Path:
    """Find a LoRA file.

    Parameters
    ----------
    name
        A path, or the name of a file in the home's `loras` or in ComfyUI's, with or without its ending.
    place
        The home folder.

    Raises
    ------
    InvalidRequest
        There is none; the message names close ones.
    """
    path = Path(name).expanduser()
    if path.is_absolute() or path.parent != Path():
        if path.is_file():
            return path.absolute()
        raise InvalidRequest(_FIELD, name, f"there is no file {shown(name)}", "Check the path.")
    every = known(place)
    for spelling in (name, f"{name}{header.SAFETENSORS}"):
        if spelling in every:
            return every[spelling]
    what = f"there is no LoRA {shown(name)} in {FOLDER}/ of the home, nor in ComfyUI's"
    raise InvalidRequest(_FIELD, name, what, suggestion(name, every))


def known(place: Path) -> dict[str, Path]:
    """List the LoRA files of the home and of ComfyUI, by their file names."""
    found: dict[str, Path] = {}
    for root in (place / FOLDER, *(models / FOLDER for models in comfyui.places())):
        try:
            for path in sorted(root.rglob(f"*{header.SAFETENSORS}")):
                found.setdefault(path.name, path)
        except OSError:
            continue
    return found


def check(asked: Sequence[Lora], model: Model, place: Path) -> list[str]:
    """Hold LoRAs against a model, without torch.

    Parameters
    ----------
    asked
        As the request has them.
    model
        The model; where its weights are not here, only the files are looked for.
    place
        The home folder.

    Returns
    -------
    list of str
        A sentence with figures for each that belongs to the model only in part.

    Raises
    ------
    InvalidRequest
        A file is missing, damaged or no LoRA, or nothing of it belongs to the model.
    """
    sentences = []
    for one in asked:
        path = find(one.name, place)
        if model.path is None:
            continue
        if model.card.family != "z_image":
            what = f"{model.id} is of another family; LoRAs are taken by Z-Image models"
            raise InvalidRequest(_FIELD, one.name, what, "Leave it out, or choose a Z-Image model.")
        covered = _cover(path, model)
        if not covered.places:
            what = f"nothing of {path.name} belongs to {model.id}: none of its {covered.of} tensors, such as "
            what += shown(covered.strange[0]) if covered.strange else "none at all"
            raise InvalidRequest(_FIELD, one.name, what, "Take a LoRA that was trained on this model.")
        if covered.strange:
            sentences.append(
                f"Of {path.name} {len(covered.places)} of {covered.of} tensors belong to {model.id}; the others, such "
                f"as {shown(covered.strange[0])}, do nothing."
            )
    return sentences


def paths(asked: Sequence[Lora], place: Path) -> list[tuple[Path, float]]:
    """Give the files of LoRAs with their weights."""
    return [(find(one.name, place), one.weight) for one in asked]


def hashes(asked: Sequence[Lora], place: Path) -> dict[str, str]:
    """Give the SHA-256 of the files, by `loras/<file name>`, for the record."""
    from zimage_lab.models.hashes import sha256_of

    return {f"{FOLDER}/{path.name}": sha256_of(path, place) for path, _ in paths(asked, place)}


def _cover(path: Path, model: Model) -> lora_names.Coverage:
    try:
        found = header.read(path)
    except ModelLoadError as error:
        raise InvalidRequest(_FIELD, path.name, str(error).rstrip("."), "Give a .safetensors LoRA.") from error
    config = folders.read_json(model.folder / "transformer" / "config.json")
    return lora_names.cover(found.shapes, lora_names.modules_of(config))


class Loras:
    """The adapters of one loaded transformer.

    Parameters
    ----------
    model
        Whose they are.
    transformer
        diffusers' `ZImageTransformer2DModel`.
    """

    def __init__(self, model: Model, transformer: Any) -> None:  # noqa: ANN401 - a module
        self._model, self._transformer = model, transformer
        self._loaded: OrderedDict[tuple[Path, int, int], str] = OrderedDict()
        self._active: tuple[tuple[str, float], ...] | None = ()
        self._number = 0

    def use(self, asked: Sequence[tuple[Path, float]]) -> None:
        """Have exactly these adapters take part, each with its weight; none gives the plain model again.

        Raises
        ------
        ModelLoadError
            A file cannot be used with this model.
        """
        wanted = tuple((self._name(path), weight) for path, weight in asked)
        if wanted == self._active:
            return
        if wanted:
            self._transformer.enable_lora()
            self._transformer.set_adapters([name for name, _ in wanted], weights=[weight for _, weight in wanted])
        else:
            self._transformer.disable_lora()
        self._active = wanted
        used = {name for name, _ in wanted}
        for key, name in list(self._loaded.items()):
            if len(self._loaded) > KEPT and name not in used:
                self._transformer.delete_adapters(name)
                del self._loaded[key]

    def _name(self, path: Path) -> str:
        """Give the adapter of a file, read where it is new or has changed."""
        status = path.stat()
        key = (path, status.st_mtime_ns, status.st_size)
        if key not in self._loaded:
            self._number += 1
            name = f"lora_{self._number}"
            self._read(path, name)
            self._loaded[key] = name
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def _read(self, path: Path, name: str) -> None:
        from safetensors.torch import load_file

        # Several adapters in one model are what is meant here.
        warnings.filterwarnings("ignore", message="Already found a `peft_config` attribute")
        # What fails is taken out again, and then some other adapter is active: `use` says which.
        warnings.filterwarnings("ignore", message=r"Adapter \w+ was active which is now deleted")
        covered = _cover(path, self._model)
        try:
            tensors = load_file(path)
            own = {place: tensors[key].float() for key, place in covered.places.items()}
            names = lora_names.modules_of(self._transformer.config)
            halves = _spelled(own, names)
            self._active = None  # a new adapter is switched on as it comes, and another where it fails
            self._transformer.load_lora_adapter(halves, prefix=None, adapter_name=name)
        except (MemoryError, ModelLoadError):
            raise
        except Exception as error:  # peft and diffusers have errors of their own for shapes that do not fit
            message = f"{path.name} cannot be used with {self._model.id}: {error}. Take one that was trained on it."
            raise ModelLoadError(message) from error


def _spelled(own: dict[lora_names.Place, torch.Tensor], names: dict[str, str]) -> dict[str, torch.Tensor]:
    """Bring tensors to peft's names, with alpha folded in and what is fused taken apart."""
    result: dict[str, torch.Tensor] = {}
    for module in dict.fromkeys(place.module for place in own):
        parts = {place.part: tensor for place, tensor in own.items() if place.module == module}
        target = names[module]
        if not set(_HALVES) <= set(parts):
            result |= _kronecker(parts, target)
            continue
        down, up = parts["down"], parts["up"]
        if "alpha" in parts:
            up = up * (float(parts["alpha"]) / down.shape[0])
        targets = [(target, up)]
        if target.endswith(lora_names.FUSED):
            block = target.removesuffix("qkv")
            targets = [(f"{block}to_{part}", rows) for part, rows in zip("qkv", up.chunk(3), strict=True)]
        for spelled, rows in targets:
            result[f"{spelled}.lora_A.weight"] = down
            result[f"{spelled}.lora_B.weight"] = rows.contiguous()
    return result


def _kronecker(parts: dict[str, torch.Tensor], target: str) -> dict[str, torch.Tensor]:
    """Fold alpha into a LoKr: with two factors it weighs by alpha over the rank, whole matrices weigh one."""
    if target.endswith(lora_names.FUSED):
        message = f"a LoKr of the fused {target} cannot be taken apart"
        raise ModelLoadError(message)
    factors = {name: tensor for name, tensor in parts.items() if name != "alpha"}
    split = next((name for name in ("lokr_w2_b", "lokr_w1_b") if name in factors), None)
    if "alpha" in parts and split is not None:
        factors[split] = factors[split] * (float(parts["alpha"]) / factors[split].shape[0])
    return {f"{target}.{name}": tensor for name, tensor in factors.items()}
