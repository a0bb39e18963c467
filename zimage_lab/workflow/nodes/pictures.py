"""Nodes of pictures: loaded, scaled, saved, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.request import SIZE_RANGE
from zimage_lab.workflow import prefixes
from zimage_lab.workflow.node import Input, Node, Output, Within

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.workflow.running import Run
    from zimage_lab.workflow.values import Pictures

_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")


def _load(run: Run, *, image: str) -> tuple[Pictures, Pictures]:
    """Give the picture on black, and as its mask what is transparent: black where nothing is."""
    from PIL import Image, ImageOps

    given = run.pictures.opened(image)
    seen = "A" not in given.getbands()
    mask = Image.new("L", given.size, 0) if seen else ImageOps.invert(given.getchannel("A"))
    return [given.convert("RGB")], [mask]


def _there(values: dict[str, Any], pictures: Any) -> str | None:  # noqa: ANN401 - running.Named
    return (
        None if pictures.find(values["image"]) is not None else f"image - Invalid image file: {values['image'][:200]}"
    )


def _stored(home: Path | None) -> list[str]:
    from zimage_lab.workflow.given import listed

    return listed(home)


def _scale(_: Run, *, image: Pictures, upscale_method: str, width: int, height: int, crop: str) -> tuple[Pictures]:
    from PIL import Image

    methods = {
        "nearest-exact": Image.Resampling.NEAREST,
        "bilinear": Image.Resampling.BILINEAR,
        "area": Image.Resampling.BOX,
        "bicubic": Image.Resampling.BICUBIC,
        "lanczos": Image.Resampling.LANCZOS,
    }
    scaled = []
    for one in image:
        size = (
            width or max(1, round(one.width * height / one.height)),
            height or max(1, round(one.height * width / one.width)),
        )
        if width == height == 0:
            size = one.size
        scaled.append((_middle(one, size) if crop == "center" else one).resize(size, methods[upscale_method]))
    return (scaled,)


def _middle(picture: Any, size: tuple[int, int]) -> Any:  # noqa: ANN401 - PIL's
    """Cut the middle of a picture that has the proportions of a size."""
    width = min(picture.width, round(picture.height * size[0] / size[1]))
    height = min(picture.height, round(picture.width * size[1] / size[0]))
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def _save(run: Run, *, images: Pictures, filename_prefix: str = "ComfyUI") -> tuple[()]:
    run.keep(images, prefixes.expanded(filename_prefix, run.graph, images[0].size if images else (0, 0)), "output")
    return ()


def _show(run: Run, *, images: Pictures) -> tuple[()]:
    run.keep(images, "ComfyUI_temp", "temp")
    return ()


NODES = (
    Node(
        "LoadImage",
        (Input("image", "COMBO", choices=_stored, accepts=lambda *_: True, upload=True),),
        (Output("IMAGE", "IMAGE"), Output("MASK", "MASK")),
        _load,
        check=_there,
        title="Load Image",
        description="Takes a picture that was given or uploaded; its mask is what is transparent.",
        category="image",
    ),
    Node(
        "ImageScale",
        (
            Input("image", "IMAGE"),
            Input("upscale_method", "COMBO", "nearest-exact", choices=_METHODS),
            Input("width", "INT", 512, within=Within(0, SIZE_RANGE[1], 1)),
            Input("height", "INT", 512, within=Within(0, SIZE_RANGE[1], 1)),
            Input("crop", "COMBO", "disabled", choices=("disabled", "center")),
        ),
        (Output("IMAGE", "IMAGE"),),
        _scale,
        title="Upscale Image",
        description="Gives pictures another size; 0 keeps the proportions.",
        category="image/upscaling",
    ),
    Node(
        "SaveImage",
        (Input("images", "IMAGE"), Input("filename_prefix", "STRING", "ComfyUI")),
        (),
        _save,
        output_node=True,
        check=lambda values, _: prefixes.wrong(values["filename_prefix"]),
        title="Save Image",
        description="Saves pictures with all that made them.",
        category="image",
    ),
    Node(
        "PreviewImage",
        (Input("images", "IMAGE"),),
        (),
        _show,
        output_node=True,
        title="Preview Image",
        description="Shows pictures.",
        category="image",
    ),
)
