"""The recipe inside anybody's picture: one of ours is read whole, those of other programs as far as they carry over.

ComfyUI's, Automatic1111's, Fooocus', InvokeAI's and NovelAI's are read by the `sd-parsers` library; this module alone
knows it. A picture may come from anybody: nothing is run, no pixel is decoded, and what is found is only shown until
somebody takes it.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.labels import parameters_of
from zimage_lab.recipe import RunRecord
from zimage_lab.request import GUIDANCE_RANGE, PROMPT_CHARACTERS, SEED_RANGE, STEPS_RANGE, GenerationRequest
from zimage_lab.store.images import PIXEL_CAP
from zimage_lab.store.public import RECIPE
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    import os

    from PIL.Image import Image

TEXT_CHARACTERS = 2_000_000
"""Most letters of a text that is handed to the library: far above any real graph."""

FORMATS = ("PNG", "JPEG", "WEBP")
OURS = "zimage_lab"
_TITLES = {"AUTOMATIC1111": "Automatic1111"}
_LINKS = dict.fromkeys(("positive", "negative", "conditioning"), "CONDITIONING") | {"latent_image": "LATENT"}
_LORA = re.compile(r"<lora:([^:<>]{1,200}):(-?[0-9.]{1,8})(?::[^<>]*)?>")
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


@dataclass(frozen=True)
class PictureRecipe:
    """What a picture says of how it was made.

    Attributes
    ----------
    program
        Who wrote it: "zimage_lab", "ComfyUI", "Automatic1111", "Fooocus", "InvokeAI" or "NovelAI".
    values
        Fields of a request by name, those that could be read. `cfg` is the other programs' guidance: 1 turns it off.
    request
        The whole request; only of our own pictures.
    notes
        Sentences about what does not carry over.
    """

    program: str
    values: dict[str, Any] = field(default_factory=dict)
    request: GenerationRequest | None = None
    notes: tuple[str, ...] = ()

    def guidance_scale(self, family: str) -> float | None:
        """Give the guidance as a family counts it: Z-Image from 0, Stable Diffusion from 1 as `cfg` does."""
        cfg = self.values.get("cfg")
        if cfg is None:
            return None
        return float(cfg) if family == "stable_diffusion" else max(0.0, round(float(cfg) - 1, 9))


def read(picture: str | os.PathLike[str] | bytes, name: str | None = None) -> PictureRecipe:
    """Read the recipe of a picture.

    Parameters
    ----------
    picture
        A PNG, JPEG or WebP file of anybody: its path, or what is in it.
    name
        How sentences call it; None is the path's last part.

    Raises
    ------
    InvalidRequest
        When it cannot be opened as a picture, or holds no recipe.
    """
    from PIL import Image as pillow  # noqa: N813 - a module with a class's name

    field, source = "picture", io.BytesIO(picture) if isinstance(picture, bytes) else Path(picture)
    told = shown(name or (source.name if isinstance(source, Path) else field))
    try:
        with pillow.open(source, formats=FORMATS) as image:
            ours = image.info.get(RECIPE) if image.format == "PNG" else None
            fits = image.width * image.height <= PIXEL_CAP
            found = None if isinstance(ours, str) or not fits else _theirs(image)
    except Exception as error:  # whatever a stranger's file does to Pillow, it cannot be read
        what, fix = f"{told} cannot be read as a picture", "Give a PNG, JPEG or WebP file."
        raise InvalidRequest(field, name, what, fix) from error
    if isinstance(ours, str):
        request = RunRecord.from_json(str(ours)).request
        return PictureRecipe(OURS, dict(request), request)
    if found is None:
        what = f"{told} holds no recipe: it may be a photo, or a copy that some program saved anew"
        raise InvalidRequest(field, name, what, "Look for the file that the program wrote.")
    return found


def _theirs(image: Image) -> PictureRecipe | None:
    from sd_parsers import ParserManager

    texts = [text for text in image.info.values() if isinstance(text, str)]
    if sum(map(len, texts)) > TEXT_CHARACTERS:
        return None
    comment = parameters_of(image)
    if comment is not None:
        image.info.setdefault("parameters", comment)
    if "prompt" in image.info:
        image.info.setdefault("workflow", _canvas(image.info["prompt"]))
    try:
        told = ParserManager().parse(image)
    except Exception:  # noqa: BLE001 - a stranger's text, made to break a reader: there is nothing to take from it
        return None
    if told is None or not told.samplers:
        return None
    program = str(told.generator.value)
    notes: list[str] = []
    if len(told.samplers) > 1:
        notes.append(f"It was made in {len(told.samplers)} passes, of which the first is read.")
    first = told.samplers[0]
    raw: dict[str, Any] = {
        "prompt": "\n".join(str(one.value) for one in first.prompts),
        "negative_prompt": "\n".join(str(one.value) for one in first.negative_prompts),
        **{name: first.parameters.get(name) for name in ("steps", "seed")},
        "cfg": first.parameters.get("cfg_scale"),
        **_size(told.metadata),
        "shift": first.model.metadata.get("shift") if first.model is not None else None,
    }
    loras = [f"{name} ({weight})" for name, weight in _LORA.findall(raw["prompt"])]
    if loras:
        raw["prompt"] = re.sub(r" {2,}", " ", _LORA.sub("", raw["prompt"])).strip()
        notes.append(f"It used LoRAs, to be chosen by hand: {', '.join(loras)}.")
    model = _model(first.model, told.metadata)
    if model:
        notes.append(f"It was made with {shown(model)}.")
    values = {name: value for name, text in raw.items() if (value := _value(name, text)) is not None}
    return PictureRecipe(_TITLES.get(program, program), values, None, tuple(notes)) if "prompt" in values else None


def _canvas(graph: str) -> str:
    """Give the links of a graph that was sent without its canvas, which the library looks for."""
    import json

    try:
        nodes = json.loads(graph)
        links = [
            [0, value[0], value[1], number, 0, _LINKS.get(name, name.upper())]
            for number, node in nodes.items()
            for name, value in node["inputs"].items()
            if isinstance(value, list) and len(value) == 2  # noqa: PLR2004 - a node and its slot
        ]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return "{}"
    return json.dumps({"links": links})


def _value(name: str, told: object) -> Any:  # noqa: ANN401 - text or number, by the name
    """Give a value as a request takes it; None where it says nothing, or nothing that can be."""
    if name in {"prompt", "negative_prompt"}:
        try:
            return checked_text(name, told, limit=PROMPT_CHARACTERS)
        except InvalidRequest:
            return None
    try:
        number = float(str(told))
        whole = int(str(told)) if name == "seed" else int(number)
    except (ValueError, OverflowError):
        return None
    if name in {"cfg", "shift"}:
        return number if math.isfinite(number) and 0 <= number <= GUIDANCE_RANGE[1] else None
    low, high = SEED_RANGE if name == "seed" else STEPS_RANGE if name == "steps" else (1, 2**16)
    return whole if low <= whole <= high else None


def _size(metadata: dict[Any, Any]) -> dict[str, object]:
    """Find width and height: a text, or a node that has both."""
    for value in metadata.values():
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is not None:
            return {"width": match[1], "height": match[2]}
        for node in value if isinstance(value, list) else ():
            if isinstance(node, dict) and all(isinstance(node.get(name), int) for name in ("width", "height")):
                return {"width": node["width"], "height": node["height"]}
    if all(isinstance(metadata.get(name), int) for name in ("width", "height")):
        return {"width": metadata["width"], "height": metadata["height"]}
    return {}


def _model(model: Any, metadata: dict[Any, Any]) -> str | None:  # noqa: ANN401 - the library's
    name = None if model is None else model.name
    if isinstance(name, str):
        return name
    for kind, key in (("UNETLoader", "unet_name"), ("CheckpointLoaderSimple", "ckpt_name")):
        for node in metadata.get(kind, ()):
            if isinstance(node, dict) and isinstance(node.get(key), str):
                return str(node[key])
    return None
