"""What a model says about itself: the ``card.json`` beside its weights, read without torch.

The validator, the panel, the shell and the engine all read their defaults and limits here, so that a new model needs
a card and no code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from zimage_lab.errors import ModelLoadError, shown

if TYPE_CHECKING:
    from pathlib import Path

CARD = "card.json"
Pair = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class _Part(BaseModel):
    # A card written by a later version may hold more than we know: what we do not know is left alone.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, protected_namespaces=())


class Defaults(_Part):
    """What a request takes where the person says nothing."""

    steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0)
    width: int = Field(ge=16)
    height: int = Field(ge=16)
    shift: float = Field(default=3.0, gt=0)


class Ranges(_Part):
    """Lowest and highest values that the model takes, both included."""

    width: Pair
    height: Pair
    steps: Pair

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("width", "height", "steps"):
            low, high = getattr(self, name)
            if low > high:
                message = f"{name}: {low} is above {high}"
                raise ValueError(message)
        return self


class PreviewMap(_Part):
    """The fitted linear map from one latent pixel to a block of RGB pixels in -1..1."""

    block: int = Field(ge=1)
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    @model_validator(mode="after")
    def _shaped(self) -> Self:
        width = 3 * self.block * self.block
        if not self.weights or len(self.bias) != width or any(len(row) != width for row in self.weights):
            message = f"each row of weights, and bias, must hold {width} numbers"
            raise ValueError(message)
        return self


class ModelCard(_Part):
    """What a model is, what it takes, and how good it is known to be.

    Parameters
    ----------
    id
        The name by which a request names it.
    family
        Which code runs it: "z_image".
    miniature
        Whether it is one of the small bundled models that know only a drawn picture world.
    trained_size
        Width and height of the pictures it was trained on, where that matters.
    reference_images
        Least and most pictures that an edit is given; (0, 0) where the model does not edit.
    sizes
        Width and height of the presets that a face offers, the default first.
    vocabulary
        Every word a miniature knows, by language ("en", "zh"); None where the model knows language at large.
    examples
        Prompts to try, each in several languages.
    preview
        How latents become a small picture while it forms; None shows none.
    sha256
        Hash of each file of the folder, by its path relative to it.
    """

    id: str = Field(min_length=1, max_length=1024)
    family: str = Field(min_length=1)
    title: str = ""
    summary: str = ""
    miniature: bool = False
    trained_size: Pair | None = None
    defaults: Defaults
    ranges: Ranges
    multiple: int = Field(default=16, ge=1)
    max_tokens: int = Field(default=512, ge=1)
    reference_images: tuple[int, int] = (0, 0)
    sizes: tuple[Pair, ...] = ()
    hub_id: str | None = None
    revision: str | None = None
    download_bytes: int | None = Field(default=None, ge=0)
    memory_bytes: int | None = Field(default=None, ge=0)
    licence: str = ""
    vocabulary: dict[str, tuple[str, ...]] | None = None
    examples: tuple[dict[str, str], ...] = ()
    preview: PreviewMap | None = None
    evaluation: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    sha256: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        # Defaults that the model's own ranges refuse would make every bare prompt fail.
        for name in ("width", "height", "steps"):
            value, (low, high) = getattr(self.defaults, name), getattr(self.ranges, name)
            if not low <= value <= high:
                message = f"the default {name} {value} is outside {low}..{high}"
                raise ValueError(message)
        return self

    @property
    def guided(self) -> bool:
        """Whether the model is made for classifier-free guidance; a Turbo model is distilled without."""
        return self.defaults.guidance_scale > 0


def read_card(path: Path) -> ModelCard:
    """Read a card file; an unchanged file is parsed once.

    Parameters
    ----------
    path
        The ``card.json``.

    Raises
    ------
    ModelLoadError
        When the file is missing, unreadable, or not a card.
    """
    try:
        status = path.stat()
        return _parsed(path, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError) as error:  # ValueError: also bytes that are no UTF-8, and pydantic's complaints
        message = f"The model card {path} cannot be read ({reason(error)}). Mend it, or get the model again."
        raise ModelLoadError(message) from error


def reason(error: Exception) -> str:
    """Say in a few words why a file could not be read."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else first["msg"]
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return shown(str(error))


@lru_cache(maxsize=64)
def _parsed(path: Path, _modified: int, _size: int) -> ModelCard:
    return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
