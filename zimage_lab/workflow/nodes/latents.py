"""Nodes that make latents: empty ones, pictures as latents and back, masks on them, and other sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zimage_lab.request import SIZE_MULTIPLE, SIZE_RANGE
from zimage_lab.workflow.node import Input, Node, Output, Within
from zimage_lab.workflow.values import LatentValue

if TYPE_CHECKING:
    from zimage_lab.workflow.running import Run
    from zimage_lab.workflow.values import PartValue, Pictures

FACTOR = 8
MOST_PIXELS = 64 * 2**20
"""Most pixels of a batch."""

_CHANNELS = {"EmptyLatentImage": 4, "EmptySD3LatentImage": 16}
_SIZE = Within(*SIZE_RANGE, 8)
_LATENT, _OUT = Input("samples", "LATENT"), (Output("LATENT", "LATENT"),)
_VAE = Input("vae", "VAE")
_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "bislerp")


def _empty(channels: int, width: int, height: int, batch_size: int) -> tuple[LatentValue]:
    import torch

    return (LatentValue(torch.zeros(batch_size, channels, height // FACTOR, width // FACTOR)),)


def _fits(values: dict[str, Any], _: object = None) -> str | None:
    for name in ("width", "height"):
        if values[name] % SIZE_MULTIPLE:
            below = values[name] - values[name] % SIZE_MULTIPLE
            return f"{name} - {values[name]} is no multiple of {SIZE_MULTIPLE}; use {below} or {below + SIZE_MULTIPLE}."
    if values["width"] * values["height"] * values.get("batch_size", 1) > MOST_PIXELS:
        return f"batch_size - more than {MOST_PIXELS:,} pixels in all; make it smaller."
    return None


def _encode(run: Run, *, pixels: Pictures, vae: PartValue) -> tuple[LatentValue]:
    return (LatentValue(run.family(vae.id).latents_of([_cropped(one) for one in pixels]).cpu()),)


def _cropped(picture: Any) -> Any:  # noqa: ANN401 - PIL's
    """Cut the edges, evenly, so that the sides are what the model takes."""
    width, height = (max(SIZE_MULTIPLE, edge - edge % SIZE_MULTIPLE) for edge in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def _decode(run: Run, *, samples: LatentValue, vae: PartValue) -> tuple[Pictures]:
    family = run.family(vae.id)
    pictures: Pictures = []
    for row in run.with_channels(samples, family).samples.split(1):
        run.breathe()
        pictures += family.decode(row.to(family.device))
    return (pictures,)


def _masked(_: Run, *, samples: LatentValue, mask: Pictures) -> tuple[LatentValue]:
    import numpy as np
    import torch

    rows = [torch.from_numpy(np.asarray(one, np.float32) / 255) for one in mask]
    return (replace(samples, mask=torch.stack(rows).unsqueeze(1)),)


def _scaled(_: Run, *, samples: LatentValue, upscale_method: str, width: int, height: int, crop: str) -> tuple[Any]:
    import torch

    x = samples.samples
    own_height, own_width = x.shape[2:]
    if width == 0 and height == 0:
        return (samples,)
    width = width or max(64, round(own_width * FACTOR * height / (own_height * FACTOR)))
    height = height or max(64, round(own_height * FACTOR * width / (own_width * FACTOR)))
    if crop == "center" and own_width * height != own_height * width:
        ratio, kept = width / height, [own_width, own_height]
        place = 0 if own_width / own_height > ratio else 1
        kept[place] = round(own_height * ratio) if place == 0 else round(own_width / ratio)
        left, top = (own_width - kept[0]) // 2, (own_height - kept[1]) // 2
        x = x[:, :, top : top + kept[1], left : left + kept[0]]
    size = (height // SIZE_MULTIPLE * 2, width // SIZE_MULTIPLE * 2)
    mode = "bicubic" if upscale_method == "bislerp" else upscale_method
    return (replace(samples, samples=torch.nn.functional.interpolate(x, size=size, mode=mode)),)


def _empty_node(name: str, title: str, standard: int) -> Node:
    def run(_: Run, *, width: int, height: int, batch_size: int) -> tuple[LatentValue]:
        return _empty(_CHANNELS[name], width, height, batch_size)

    sizes = [Input(edge, "INT", standard, within=Within(16, SIZE_RANGE[1], 8)) for edge in ("width", "height")]
    return Node(
        name,
        (*sizes, Input("batch_size", "INT", 1, within=Within(1, 4096))),
        _OUT,
        run,
        check=_fits,
        title=title,
        description="Begins with nothing: the size of the picture.",
        category="latent",
    )


NODES = (
    _empty_node("EmptyLatentImage", "Empty Latent Image", 512),
    _empty_node("EmptySD3LatentImage", "EmptySD3LatentImage", 1024),
    Node(
        "VAEEncode",
        (Input("pixels", "IMAGE"), _VAE),
        _OUT,
        _encode,
        title="VAE Encode",
        description="Takes a picture for a beginning; sides are cut to multiples of 16.",
        category="latent",
    ),
    Node(
        "VAEDecode",
        (_LATENT, _VAE),
        (Output("IMAGE", "IMAGE"),),
        _decode,
        title="VAE Decode",
        description="Makes pictures of latents.",
        category="latent",
    ),
    Node(
        "SetLatentNoiseMask",
        (_LATENT, Input("mask", "MASK")),
        _OUT,
        _masked,
        title="Set Latent Noise Mask",
        description="Draws anew where the mask is white.",
        category="latent/inpaint",
    ),
    Node(
        "LatentUpscale",
        (
            _LATENT,
            Input("upscale_method", "COMBO", "nearest-exact", choices=_METHODS),
            Input("width", "INT", 512, within=Within(0, SIZE_RANGE[1], 8)),
            Input("height", "INT", 512, within=Within(0, SIZE_RANGE[1], 8)),
            Input("crop", "COMBO", "disabled", choices=("disabled", "center")),
        ),
        _OUT,
        _scaled,
        title="Upscale Latent",
        description="Gives latents another size; bislerp is bicubic here.",
        category="latent",
    ),
)
