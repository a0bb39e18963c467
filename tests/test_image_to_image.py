"""Pictures that begin with a picture: taken however they come, drawn as diffusers draws them, pasted without a seam."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from zimage_lab import models
from zimage_lab.engine import pictures
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import InvalidRequest
from zimage_lab.graph import api_graph, request_from_graph
from zimage_lab.request import GenerationRequest
from zimage_lab.store import inputs

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine import Engine

PROMPT = "a blue cat on the left, white background"
MINIATURE = models.find("miniature-turbo")


def gradient(width: int = 128, height: int = 128) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], -1).astype(np.uint8))


def half(width: int = 128, height: int = 128) -> Image.Image:
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (0, 0, width // 2, height))
    return mask


@pytest.fixture(scope="module")
def family() -> ZImage:
    return ZImage.load(MINIATURE, "cpu")


@pytest.mark.parametrize(("strength", "guidance"), [(0.6, 0.0), (1.0, 0.0), (0.3, 1.5)])
def test_pixels_equal_those_of_diffusers(family: ZImage, strength: float, guidance: float) -> None:
    from diffusers import ZImageImg2ImgPipeline

    pipeline = ZImageImg2ImgPipeline.from_pretrained(MINIATURE.folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    wanted = pipeline(
        PROMPT,
        image=gradient(),
        strength=strength,
        num_inference_steps=8,
        guidance_scale=guidance,
        generator=torch.Generator("cpu").manual_seed(3),
        output_type="latent",
    ).images
    request = models.build(PROMPT, seed=3, guidance_scale=guidance).replace(init_image="0" * 64, strength=strength)
    start = family.begin(pictures.Source(gradient(), None), [request])
    ours = family.denoise([request], family.encode([request]), start.latents, lambda *_: None, start)
    assert (ours - wanted).abs().max() < 1e-4 * wanted.abs().max() + 1e-4


def test_inpainting_equals_that_of_diffusers(family: ZImage) -> None:
    from diffusers import ZImageInpaintPipeline

    pipeline = ZImageInpaintPipeline.from_pretrained(MINIATURE.folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    wanted = pipeline(
        PROMPT,
        image=gradient(),
        mask_image=half(),
        strength=0.75,
        num_inference_steps=8,
        guidance_scale=0.0,
        generator=torch.Generator("cpu").manual_seed(4),
        output_type="latent",
    ).images
    request = models.build(PROMPT, seed=4).replace(init_image="0" * 64, mask="1" * 64, strength=0.75)
    start = family.begin(pictures.Source(gradient(), half()), [request])
    ours = family.denoise([request], family.encode([request]), start.latents, lambda *_: None, start)
    assert (ours - wanted).abs().max() < 1e-4 * wanted.abs().max() + 1e-4


def test_a_picture_from_a_picture(engine: Engine, tmp_path: Path) -> None:
    first = engine.generate("a red cat on the left, white background", seed=1)
    weak, strong = (engine.generate(PROMPT, seed=2, init_image=first, strength=strength) for strength in (0.2, 0.95))
    near, far = (np.abs(np.asarray(one.image, float) - np.asarray(first.image, float)).mean() for one in (weak, strong))
    assert near < far
    request = weak.record.request
    assert (request.width, request.height, request.denoising_steps) == (128, 128, 2)
    assert inputs.path(str(request.init_image), engine.home).is_file()
    again = engine.generate(request)
    assert np.array_equal(np.asarray(again.image), np.asarray(weak.image)), "the recipe makes it again"
    assert str(tmp_path) not in weak.record.to_json()


def test_what_is_masked_out_stays(engine: Engine) -> None:
    base = engine.generate("a red cat on the right, white background", seed=1)
    image = engine.generate(
        "a green tree on the left, white background", seed=5, init_image=base, mask=half(), strength=0.9
    )
    before, after = np.asarray(base.image, float), np.asarray(image.image, float)
    kept = slice(64 + 4 * pictures.EDGE, None)
    assert np.array_equal(before[:, kept], after[:, kept]), "pixel for pixel"
    assert np.abs(before[:, :60] - after[:, :60]).mean() > 3


def test_seeds_of_one_picture_go_together(engine: Engine) -> None:
    engine._queue.pause()
    jobs = [engine.submit(PROMPT, seed=seed, init_image=gradient(), strength=0.5) for seed in range(3)]
    engine._queue.resume()
    engine._worker.wake()
    made = [job.result(60) for job in jobs]
    assert [one.record.batch.size for one in made] == [3, 3, 3]
    alone = engine.generate(made[1].record.request)
    assert np.abs(np.asarray(alone.image, float) - np.asarray(made[1].image, float)).max() <= 1


def test_pictures_come_in_many_ways(tmp_path: Path) -> None:
    picture = gradient(40, 30)
    file, jpeg, data = tmp_path / "in.png", tmp_path / "in.jpg", io.BytesIO()
    picture.save(file)
    picture.save(data, "PNG")
    digests = {inputs.put(value, tmp_path) for value in (picture, file, str(file), data.getvalue())}
    assert len(digests) == 1, "one picture is kept once"
    (digest,) = digests
    assert inputs.put(digest, tmp_path) == digest
    assert np.array_equal(np.asarray(inputs.opened(digest, tmp_path)), np.asarray(picture))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "my name and my street"
    picture.save(jpeg, exif=exif)
    turned = inputs.put(jpeg, tmp_path)
    assert inputs.opened(turned, tmp_path).size == (30, 40), "upright, as the camera meant it"
    assert b"street" not in inputs.path(turned, tmp_path).read_bytes(), "nothing but its pixels"
    assert inputs.opened(inputs.put(half(), tmp_path, "mask"), tmp_path).mode == "L"
    assert len(list((tmp_path / inputs.INPUTS).iterdir())) == 3


def bomb() -> bytes:
    """Give a PNG of 60000 x 60000 pixels in a hundred bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    svg = tmp_path / "x.svg"
    svg.write_text("<svg onload='alert(1)'/>")
    cut = io.BytesIO()
    gradient().save(cut, "PNG")
    gif = io.BytesIO()
    gradient().save(gif, "GIF")
    for value, words in (
        (svg, "no picture that can be read"),
        (tmp_path / "none.png", "cannot be read"),
        (tmp_path, "cannot be read"),
        ("a\0b", "cannot be read"),
        (b"", "no picture that can be read"),
        (cut.getvalue()[: len(cut.getvalue()) // 2], "no picture that can be read"),
        (gif.getvalue(), "no picture that can be read"),
        (bomb(), "60000x60000 pixels are too many|no picture"),
        (7, "7 is no picture"),
        (Image.new("RGB", (0, 5)), "has no pixels"),
        ("ab" * 32, "there is no stored picture"),
    ):
        with pytest.raises(InvalidRequest, match=words) as told:
            inputs.put(value, tmp_path)
        assert told.value.field == "init_image"


def test_a_stored_picture_that_was_changed_is_refused(engine: Engine) -> None:
    digest = inputs.put(gradient(48, 48), engine.home)
    inputs.path(digest, engine.home).write_bytes(b"other")
    with pytest.raises(InvalidRequest, match="was changed"):
        inputs.opened(digest, engine.home)
    inputs.path(digest, engine.home).unlink()
    with pytest.raises(InvalidRequest, match="there is no stored picture"):
        engine.submit(PROMPT, init_image=digest)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mask": "picture"}, "mask: is of no use without an init_image"),
        ({"strength": 0.5}, "strength: is of no use without an init_image"),
        ({"init_image": "picture", "strength": 0}, "0 would leave the picture as it is"),
        ({"init_image": "picture", "strength": 1.1}, "out of range"),
        ({"init_image": "picture", "strength": "much"}, "not a number"),
    ],
)
def test_wrong_wishes(engine: Engine, options: dict[str, Any], words: str) -> None:
    given = {name: gradient() if value == "picture" else value for name, value in options.items()}
    with pytest.raises(InvalidRequest, match=words):
        engine.submit(PROMPT, **given)


@pytest.mark.parametrize(
    ("size", "drawn"),
    [
        ((128, 128), (128, 128)),
        ((100, 130), (96, 128)),
        ((4000, 2000), (256, 128)),
        ((20, 20), (64, 64)),
        ((3000, 10), (256, 64)),
    ],
)
def test_the_size_is_the_picture_s(size: tuple[int, int], drawn: tuple[int, int], tmp_path: Path) -> None:
    request = models.build(PROMPT, place=tmp_path, init_image=gradient(*size))
    assert (request.width, request.height) == drawn
    assert pictures.fitted(gradient(*size), drawn).size == drawn
    assert models.build(PROMPT, place=tmp_path, init_image=gradient(*size), width=80).width == 80


@pytest.mark.parametrize(
    ("steps", "strength", "taken"), [(8, 0.6, 5), (8, 1.0, 8), (8, 0.01, 1), (1, 0.1, 1), (50, 0.5, 25)]
)
def test_steps_that_are_taken(steps: int, strength: float, taken: int) -> None:
    request = models.build(PROMPT, seed=1, steps=steps).replace(init_image="0" * 64, strength=strength)
    assert request.denoising_steps == taken
    assert request.cost == 128 * 128 * taken


def test_a_plain_request_is_the_text_that_it_was() -> None:
    plain = models.build(PROMPT, seed=1)
    assert not {"init_image", "mask", "strength"} & set(json.loads(plain.canonical_json()))
    begun = plain.replace(init_image="ab" * 32, mask="cd" * 32, strength=0.5)
    assert GenerationRequest.from_json(begun.canonical_json()) == begun
    assert request_from_graph(api_graph(begun)) == begun


def test_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from zimage_lab.cli import main

    gradient(64, 64).save(tmp_path / "in.png")
    out = tmp_path / "out.png"
    home = str(tmp_path / "home")
    command = ["generate", PROMPT, "--init-image", str(tmp_path / "in.png"), "--strength", "0.5", "--home", home]
    try:
        assert main([*command, "--output", str(out)]) == 0
    finally:
        main(["engines", "stop", "--home", home])
    with Image.open(out) as drawn:
        assert drawn.size == (64, 64)
    assert main([*command[:2], "--init-image", str(tmp_path / "none.png"), "--home", home]) == 2
    assert "init_image" in capsys.readouterr().err
