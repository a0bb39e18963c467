"""What every face shows: a stable line, a PNG, and the code that makes it again."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageStat
from samples import record

from zimage_lab.errors import InvalidRequest, StoreError
from zimage_lab.labels import parameters_of, read_labels
from zimage_lab.recipe import ImageFile, RunRecord
from zimage_lab.result import GeneratedImage
from zimage_lab.store.images import pixels_sha256, read_recipe, save_png

if TYPE_CHECKING:
    from pathlib import Path

LINE = "GeneratedImage(seed=42, 128x128, 8 steps, miniature-turbo)"
PIXELS = Image.new("RGB", (128, 128), (200, 30, 30))


@pytest.fixture
def saved(tmp_path: Path) -> RunRecord:
    made = record(size=128, seed=42)
    path, sha256, pixels = save_png(PIXELS, made, tmp_path)
    return made.replace(
        image=ImageFile(path=path.relative_to(tmp_path).as_posix(), sha256=sha256, pixels_sha256=pixels)
    )


def test_text_is_the_same_from_run_to_run(saved: RunRecord, tmp_path: Path) -> None:
    result = GeneratedImage.from_record(saved, tmp_path)
    assert repr(result) == LINE
    assert result._repr_mimebundle_()["text/plain"] == LINE
    assert result.seed == 42


def test_bundle_is_the_file_with_its_recipe(saved: RunRecord, tmp_path: Path) -> None:
    result = GeneratedImage.from_record(saved, tmp_path)
    bundle = result._repr_mimebundle_()
    data = base64.b64decode(bundle["image/png"])
    assert result.path is not None
    assert data == result.path.read_bytes()
    assert set(result._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(result._repr_mimebundle_(exclude={"text/plain"})) == {"image/png"}


def test_image_is_read_when_asked_for(saved: RunRecord, tmp_path: Path) -> None:
    result = GeneratedImage.from_record(saved, tmp_path)
    assert result.image.mode == "RGB"
    assert result.image is result.image
    assert saved.image is not None
    assert pixels_sha256(result.image) == saved.image.pixels_sha256


def test_missing_file_is_a_line_of_text(saved: RunRecord, tmp_path: Path) -> None:
    result = GeneratedImage.from_record(saved, tmp_path)
    assert result.path is not None
    result.path.unlink()
    bundle = result._repr_mimebundle_()
    assert "image/png" not in bundle
    assert "cannot be read" in bundle["text/plain"]
    with pytest.raises(StoreError, match=r"code\(\) makes it again"):
        _ = result.image


def test_damaged_file_is_a_sentence(saved: RunRecord, tmp_path: Path) -> None:
    result = GeneratedImage.from_record(saved, tmp_path)
    assert result.path is not None
    result.path.write_bytes(result.path.read_bytes()[:-60])
    with pytest.raises(StoreError):
        _ = result.image


def test_pixels_at_hand_outlive_the_file(saved: RunRecord, tmp_path: Path) -> None:
    result = GeneratedImage(saved, tmp_path / "gone.png", PIXELS)
    data = base64.b64decode(result._repr_mimebundle_()["image/png"])
    with Image.open(io.BytesIO(data)) as image:
        assert pixels_sha256(image) == pixels_sha256(PIXELS)
    inside = read_recipe(result.save(tmp_path / "copy.png"))
    assert inside.request == saved.request
    assert inside.image is not None
    assert inside.image.sha256 is None


def test_save_is_a_copy_with_the_recipe(saved: RunRecord, tmp_path: Path) -> None:
    result = GeneratedImage.from_record(saved, tmp_path)
    copy = result.save(tmp_path / "copy.PNG")
    assert read_recipe(copy).request == saved.request
    (tmp_path / "copy.PNG").write_bytes(b"old")
    assert result.save(str(copy)) == copy
    assert result.path is not None
    assert copy.read_bytes() == result.exported() != result.path.read_bytes()
    assert result.save(copy, labels=()).read_bytes() == result.path.read_bytes()


@pytest.mark.parametrize("name", ["a.jpg", "b.JPEG", "c.webp"])
def test_other_formats_keep_recipe_and_labels(saved: RunRecord, tmp_path: Path, name: str) -> None:
    result = GeneratedImage.from_record(saved, tmp_path)
    copy = result.save(tmp_path / name)
    with Image.open(copy) as opened:
        assert opened.size == result.image.size
        told = parameters_of(opened)
        lost = ImageStat.Stat(ImageChops.difference(opened.convert("RGB"), result.image)).mean
    assert max(lost) < 8  # of 255: the pixels are near, not equal
    assert told is not None
    assert told.startswith(saved.request.prompt)
    assert f"Seed: {saved.request.seed}" in told
    assert read_labels(copy).says_ai
    assert not read_labels(result.save(copy, labels=())).says_ai


def test_a_recipe_too_long_for_exif_is_left_out(saved: RunRecord, tmp_path: Path) -> None:
    long = saved.replace(request=saved.request.replace(prompt="猫" * 20_000, negative_prompt="x" * 15_000))
    with Image.open(GeneratedImage(long, None, PIXELS).save(tmp_path / "x.jpg")) as opened:
        assert parameters_of(opened) is None


@pytest.mark.parametrize("name", ["x.gif", "x", "", "nowhere/x.png", "folder.png"])
def test_save_refuses(saved: RunRecord, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InvalidRequest, match=r"^path: "):
        GeneratedImage.from_record(saved, tmp_path).save(tmp_path / name)


def test_save_refuses_a_home_that_is_nobodys(saved: RunRecord, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"^path: .* full path"):
        GeneratedImage.from_record(saved, tmp_path).save("~nobody-of-this-name/x.png")


def test_code_is_the_cell(saved: RunRecord, tmp_path: Path) -> None:
    code = GeneratedImage.from_record(saved, tmp_path).code()
    assert code.endswith('engine.generate("a red circle", seed=42, width=128, height=128, steps=8, guidance_scale=0.0)')


def test_record_without_a_picture(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no picture"):
        GeneratedImage.from_record(record().replace(state="failed"), tmp_path)
    with pytest.raises(StoreError, match="has no picture"):
        _ = GeneratedImage(record(), None).image


def test_forged_path_is_not_followed(tmp_path: Path) -> None:
    forged = record().replace(image=ImageFile(path="../secret.png", sha256=None, pixels_sha256=""))
    with pytest.raises(StoreError, match="outside"):
        GeneratedImage.from_record(forged, tmp_path)
