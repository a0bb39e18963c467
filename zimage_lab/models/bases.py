"""Which architecture weight files belong to: their tensors' shapes are held against the configs that we have.

A base is a folder in diffusers' layout whose configs and tokenizer are used with weights from elsewhere: the shipped
configs of the real models, and the bundled miniatures. So a miniature's files in ComfyUI's layout need no code of
their own.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.models import folders, header, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zimage_lab.models.header import Header

CONFIGS = Path(__file__).with_name("configs")
BUNDLED = Path(__file__).parent.parent / "miniature" / "weights"

TRANSFORMER, TEXT, VAE = "transformer", "text_encoder", "vae"
COMPONENTS = (TRANSFORMER, TEXT, VAE)

_ENDINGS = {
    TRANSFORMER: "cap_embedder.1.weight",
    TEXT: "embed_tokens.weight",
    VAE: "decoder.conv_in.weight",
}
"""A tensor that only this component has; what stands before its name is the component's prefix in the file."""

_LAYER = re.compile(r"layers\.(\d+)\.")


class Figures(NamedTuple):
    """What tells architectures apart: two sizes and a count of layers, or a third size."""

    first: int
    second: int
    third: int


def bases() -> list[Path]:
    """List the folders whose configs weights may belong to."""
    return [CONFIGS / "z-image", *sorted(path.parent for path in BUNDLED.glob("*/model_index.json"))]


def components(found: Header) -> dict[str, str]:
    """Give the components of the Z-Image family that a file holds, each with its prefix."""
    prefixes = {name: found.prefix(ending) for name, ending in _ENDINGS.items()}
    return {name: prefix for name, prefix in prefixes.items() if prefix is not None}


def fits(found: Header, component: str, base: Path) -> bool:
    """Whether a file's component has the shapes of a base's config."""
    prefix = components(found).get(component)
    return prefix is not None and _of_file(found, component, prefix) == _of_config(base, component)


def fitting(found: Header, component: str) -> list[Path]:
    """List the bases to which a file's component belongs."""
    return [base for base in bases() if fits(found, component, base)]


class Summary(NamedTuple):
    """What a search asks of a file, small enough to be remembered for every file of a full ComfyUI."""

    fitting: tuple[tuple[str, Path], ...]
    """Components that it holds, each with a base to which they belong."""
    usable: bool
    """Whether it is not quantized in a way that only ComfyUI's kernels read."""


def summary(path: Path) -> Summary:
    """Tell what a file is good for; an unchanged file is read once.

    Raises
    ------
    ModelLoadError
        It cannot be read, or is no weights.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        header.read(path)  # says why not
        raise
    return _summary(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _summary(path: Path, _size: int, _modified: int) -> Summary:
    found = header.read(path)
    return Summary(
        tuple((part, base) for part in components(found) for base in fitting(found, part)), scaled.usable(found)
    )


def count(found: Header, component: str) -> int:
    """Count the numbers of a component in a file."""
    return sum(math.prod(found.shapes[name]) for _, name in named(found, component))


def named(found: Header, component: str) -> Iterator[tuple[str, str]]:
    """Give the tensors of a component: their names without the prefix, and in the file."""
    prefixes = components(found)
    prefix = prefixes.pop(component)
    # Where a component has no prefix of its own, the others' names begin with it, too.
    others = tuple(other for other in prefixes.values() if len(other) > len(prefix))
    for name in found.shapes:
        if name.startswith(prefix) and not name.startswith(others):
            yield name.removeprefix(prefix), name


def _of_file(found: Header, component: str, prefix: str) -> Figures | None:
    shapes = found.shapes
    try:
        first, second = shapes[prefix + _ENDINGS[component]][:2]
        third = shapes[f"{prefix}encoder.conv_in.weight"][0] if component == VAE else _layers(found, prefix)
    except (KeyError, ValueError, IndexError):  # a tensor is missing or has other dimensions
        return None
    return Figures(first, second, third)


def _of_config(base: Path, component: str) -> Figures | None:
    config = folders.read_json(base / component / "config.json")
    try:
        if component == TRANSFORMER:
            return Figures(config["dim"], config["cap_feat_dim"], config["n_layers"])
        if component == TEXT:
            return Figures(config["vocab_size"], config["hidden_size"], config["num_hidden_layers"])
        channels = config["block_out_channels"]
        return Figures(channels[-1], config["latent_channels"], channels[0])
    except (KeyError, TypeError, IndexError):
        return None


def _layers(found: Header, prefix: str) -> int:
    numbers = [int(match[1]) for name in found.shapes if (match := _LAYER.match(name.removeprefix(prefix)))]
    return max(numbers, default=-1) + 1
