"""The validator's second half: what only a model's card can say about a request, without torch.

Errors stop a request before it is queued; warnings travel with it, and every face shows the same sentences.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.home import home
from zimage_lab.models import loras, tokens
from zimage_lab.models.catalog import DEFAULT_MODEL, Model, find
from zimage_lab.request import GenerationRequest
from zimage_lab.store import inputs

if TYPE_CHECKING:
    import os
    from pathlib import Path

_WORDS_SHOWN = 8
_ABSENT = "The weights of {} are not on this machine yet: it cannot draw before they are."
_FAR = 1024  # px; the miniature's positions end there, far beyond what it learned at
_SEED_BITS = 64


def check(request: GenerationRequest, model: Model | str | None = None, *, place: Path | None = None) -> list[str]:
    """Hold a request against the card of its model.

    Parameters
    ----------
    request
        The request; its types and absolute ranges were checked when it was made.
    model
        The model of the request where the caller has it already; None looks it up.
    place
        The home folder; None takes the usual one.

    Returns
    -------
    list[str]
        Sentences about what will be drawn but perhaps not as wished; empty where there is nothing to say.

    Raises
    ------
    InvalidRequest
        When the model is unknown (then an UnknownModel), a size or the number of steps is outside what the model
        takes, a prompt has more tokens than it reads and `truncate` is off, or a LoRA cannot be used.
    """
    entry = model if isinstance(model, Model) else find(request.model if model is None else model, place)
    if request.workflow is not None:  # its nodes were held against the card one by one
        return [] if entry.path is not None else [_ABSENT.format(entry.id)]
    _ranges(request, entry)
    _method(request, entry)
    warnings = _tokens(request, entry)
    if entry.path is None:
        warnings.insert(0, _ABSENT.format(entry.id))
    for field, digest in inputs.named(request):
        inputs.path(digest, home() if place is None else place, field)
    _references(request, entry)
    if request.init_image is not None and entry.card.family != "z_image":
        field, what = "init_image", f"{entry.id} is of a family that begins with noise only here"
        raise InvalidRequest(field, request.init_image, what, "Choose a Z-Image model.")
    if request.loras:
        warnings += loras.check(request.loras, entry, home() if place is None else place)
    return warnings + _effects(request, entry) + _miniature(request, entry)


def build(
    prompt: str,
    model: str | os.PathLike[str] | None = None,
    *,
    place: Path | None = None,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> GenerationRequest:
    """Make a request from as little as a prompt: the card fills what is not said, and a seed is drawn.

    Parameters
    ----------
    prompt
        What the picture shows.
    model
        An id, a hub id or a folder; None takes the bundled model.
    place
        The home folder; None takes the usual one.
    **options
        Fields of GenerationRequest; None leaves one to the card.

    Returns
    -------
    GenerationRequest
        Types and ranges checked; `check` holds it against the card.

    Raises
    ------
    InvalidRequest
        For an unknown model, an unknown option or a wrong value.
    """
    entry = find(DEFAULT_MODEL if model is None else model, place)
    defaults = entry.card.defaults
    begun = any(options.get(field) is not None for field in inputs.FIELDS)
    where = home() if begun and place is None else place
    if begun and where is not None:
        options = inputs.taken(options, where)
    values: dict[str, Any] = {
        "steps": defaults.steps,
        "guidance_scale": defaults.guidance_scale,
        "width": defaults.width,
        "height": defaults.height,
    }
    first = options.get("init_image") or next(iter(options.get(inputs.SEVERAL) or ()), None)
    if first is not None and where is not None:
        values |= size_of(_pixels(inputs.path(first, where)), entry)
    # None means "not said" for a field that exists; an unknown one must still be refused by its name.
    given = {name: value for name, value in options.items() if not _unsaid(name, value)}
    if options.get("seed") is None:
        given["seed"] = secrets.randbits(_SEED_BITS)
    return GenerationRequest(**{**values, **given, "prompt": prompt, "model": entry.id})


def size_of(size: tuple[int, int], model: Model) -> dict[str, int]:
    """Give the size in which a model draws from a picture: scaled into its range with the proportions, then rounded.

    Parameters
    ----------
    size
        Width and height of the picture in pixels.
    model
        The model.

    Returns
    -------
    Width and height by the names of the request's fields.
    """
    (width, height), ranges, step = size, model.card.ranges, model.card.multiple
    shrink = min(1.0, ranges.width[1] / width, ranges.height[1] / height)
    scale = max(shrink, ranges.width[0] / width, ranges.height[0] / height)
    sizes = {"width": (width, ranges.width), "height": (height, ranges.height)}
    return {
        name: min(high - high % step, max(low + -low % step, round(edge * scale / step) * step))
        for name, (edge, (low, high)) in sizes.items()
    }


def _pixels(path: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as picture:
        return picture.size


def _unsaid(name: str, value: object) -> bool:
    return value is None and name in GenerationRequest.model_fields


def _ranges(request: GenerationRequest, model: Model) -> None:
    card = model.card
    for field in ("width", "height", "steps"):
        value, (low, high) = getattr(request, field), getattr(card.ranges, field)
        if card.miniature and card.family == "z_image" and field != "steps" and high < value <= _FAR:
            high = _FAR  # graphs ask for a real model's size; that it is far is a warning
        if not low <= value <= high:
            unit = "" if field == "steps" else f", a multiple of {card.multiple}"
            what = f"{value} is outside what {model.id} takes"
            raise InvalidRequest(field, value, what, f"Use {low} to {high}{unit}.")
        if field != "steps" and value % card.multiple:
            below = max(low, value - value % card.multiple)
            what = f"{value} is not a multiple of {card.multiple}"
            raise InvalidRequest(field, value, what, f"Use {below} or {below + card.multiple}.")


def _method(request: GenerationRequest, model: Model) -> None:
    if model.card.family == "stable_diffusion":
        for field, only in (("sampler", "euler"), ("scheduler", "simple")):
            if (value := getattr(request, field)) != only:
                what = f"{model.id} has a sampler of its own, and knows no {shown(value)}"
                raise InvalidRequest(field, value, what, f"Leave it at {only!r}, or choose a Z-Image model.")


def _references(request: GenerationRequest, model: Model) -> None:
    field, (low, high) = inputs.SEVERAL, model.card.reference_images
    given = len(request.reference_images)
    if given and not high:
        what, fix = f"{model.id} does not edit pictures", "Choose an edit model, such as miniature-edit."
        raise InvalidRequest(field, request.reference_images, what, fix)
    if not low <= given <= high:
        what = f"{model.id} wants {low} to {high}" if low < high else f"{model.id} wants {low}"
        raise InvalidRequest(field, request.reference_images, f"{what}, not {given}", "Give the picture to change.")


def _tokens(request: GenerationRequest, model: Model) -> list[str]:
    warnings: list[str] = []
    limit = model.card.max_tokens
    fields = {"prompt": request.prompt}
    if request.guidance_scale > 0 and request.negative_prompt:
        fields["negative_prompt"] = request.negative_prompt
    for field, text in fields.items():
        number = tokens.count(model, text)
        if number is None or number <= limit:
            continue
        if not request.truncate:
            what = f"{number} tokens are more than the {limit} that {model.id} reads"
            raise InvalidRequest(field, text, what, "Shorten it, or pass truncate=True to have the rest cut off.")
        name = field.replace("_", " ")
        warnings.append(f"The {name} has {number} tokens; what comes after the first {limit} is cut off.")
    return warnings


def _effects(request: GenerationRequest, model: Model) -> list[str]:
    warnings = []
    if request.negative_prompt.strip() and request.guidance_scale == 0:
        warnings.append("The negative prompt does nothing while the guidance is 0.")
    if request.guidance_scale > 0 and not model.card.guided:
        warnings.append(
            f"{model.id} was distilled to draw without guidance; {request.guidance_scale:g} doubles the time and "
            "mostly spoils the picture. Use 0."
        )
    return warnings


def _miniature(request: GenerationRequest, model: Model) -> list[str]:
    card = model.card
    if not card.miniature:
        return []
    warnings = []
    unknown = tokens.unknown_words(model, request.prompt)
    if unknown:
        listed = ", ".join(repr(word[:40]) for word in unknown[:_WORDS_SHOWN])
        more = f" and {len(unknown) - _WORDS_SHOWN} more" if len(unknown) > _WORDS_SHOWN else ""
        warnings.append(f"{model.id} is a miniature and never met {listed}{more}: expect something else there.")
    if tokens.lacks_quotes(model, unknown):
        warnings.append("Text on a sign goes in quotation marks.")
    if card.trained_size is not None and (request.width, request.height) != card.trained_size:
        width, height = card.trained_size
        warnings.append(
            f"{model.id} learned at {width}x{height}; at {request.width}x{request.height} things may double or break."
        )
    return warnings
