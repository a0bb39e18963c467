"""A picture to begin with and a mask painted over it: what the request holds, and what every button does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from zimage_lab import models
from zimage_lab.store import inputs
from zimage_lab.widgets.form import Form
from zimage_lab.widgets.painter import SIZES, MaskPainter
from zimage_lab.widgets.words import Words

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = Image.new("RGB", (200, 100), (250, 240, 220))


@pytest.fixture
def form(tmp_path: Path) -> Form:
    """Give a form for the bundled model, in a home of its own."""
    made = Form(Words("en"))
    for part in (made.reference, made.beginning.picture, made.writing):
        part.place = lambda: tmp_path
    made.use(models.find("miniature-turbo"))
    made.prompt.value = "a red cat"
    return made


@pytest.fixture
def painter() -> MaskPainter:
    """Give a painter over a picture, and count its changes."""
    made = MaskPainter(Words("en"), lambda: None)
    made.begin(PICTURE)
    return made


def stroke(painter: MaskPainter, *points: tuple[float, float]) -> None:
    painter._down(*points[0])
    for point in points[1:]:
        painter._move(*point)
    painter._up()


def press(painter: MaskPainter, key: str, *, control: bool = False) -> None:
    shift = meta = False
    painter._key(key, shift, control, meta)


def painted(painter: MaskPainter) -> np.ndarray:
    assert painter.mask is not None
    return np.asarray(painter.mask) > 0


def test_the_request_says_what_it_begins_with(form: Form, tmp_path: Path) -> None:
    assert form.requests()[0].init_image is None
    assert form.beginning.picture.choose(_file(tmp_path))
    made = form.requests()[0]
    assert (made.width, made.height) == (192, 96)  # the picture's own, as the model takes it
    assert made.strength == 0.6
    assert made.mask is None
    assert "one is chosen" in form.beginning.fold.head.description
    form.beginning.strength.value = 0
    assert "would leave the picture as it is" in form.beginning.row.under.value
    form.beginning.strength.value = 0.5
    assert form.beginning.row.under.value == ""
    form.beginning.picture.clear.click()
    assert form.requests()[0].init_image is None


def test_a_mask_is_painted_and_comes_back_with_reuse(form: Form, tmp_path: Path) -> None:
    beginning = form.beginning
    beginning.picture.choose(_file(tmp_path))
    beginning.paint.value = True
    assert beginning.painter is not None
    assert form.requests()[0].mask is None  # nothing painted
    stroke(beginning.painter, (20, 20), (60, 60))
    made = form.requests()[0]
    assert made.mask is not None
    assert np.asarray(inputs.opened(made.mask, tmp_path, "mask"))[40, 40] == 255
    beginning.paint.value = False
    assert form.requests()[0].mask is None
    again = Form(Words("en"))
    for part in (again.reference, again.beginning.picture, again.writing):
        part.place = lambda: tmp_path
    again.use(models.find("miniature-turbo"))
    again.fill(made)
    assert again.requests()[0].replace(seed=made.seed) == made


def test_what_is_no_picture_is_a_sentence(form: Form) -> None:
    assert not form.beginning.picture.choose(b"nothing")
    assert "zl-error" in form.beginning.picture.row.under.value
    form.beginning.picture.take.click()
    assert "no finished picture" in form.beginning.picture.row.under.value


def test_brush_and_eraser(painter: MaskPainter) -> None:
    assert painter.mask is None
    painter.size.value = 10
    stroke(painter, (20, 50), (80, 50))
    assert painted(painter)[50, 20:80].all()
    assert not painted(painter)[70].any()
    painter.eraser.value = True
    stroke(painter, (50, 50))
    assert not painted(painter)[50, 50]
    assert painted(painter)[50, 30]


def test_invert_undo_and_clear(painter: MaskPainter) -> None:
    stroke(painter, (20, 50))
    before = painted(painter)
    painter.invert.click()
    assert (painted(painter) != before).all()
    painter.undo.click()
    assert (painted(painter) == before).all()
    painter.wipe.click()
    assert painter.mask is None
    painter.undo.click()
    assert (painted(painter) == before).all()
    painter.undo.click()
    painter.undo.click()  # nothing more to take back
    assert painter.mask is None


def test_the_keyboard_does_the_same(painter: MaskPainter) -> None:
    for _ in range(40):
        press(painter, "]")
    assert painter.size.value == SIZES[1]
    press(painter, "[")
    assert painter.size.value == SIZES[1] - 4
    press(painter, "e")
    assert painter.eraser.value
    press(painter, "i")
    assert painted(painter).all()
    press(painter, "z", control=True)
    assert painter.mask is None
    press(painter, "x")


def test_moves_without_a_press_paint_nothing(painter: MaskPainter) -> None:
    painter._move(10, 10)
    painter._up()
    assert painter.mask is None
    painter.begin(None)
    stroke(painter, (10, 10))
    painter.invert.click()
    painter.wipe.click()
    assert painter.mask is None


def test_a_large_picture_is_painted_small(painter: MaskPainter) -> None:
    painter.begin(Image.new("RGB", (2000, 1000)))
    assert (painter.canvas.width, painter.canvas.height) == (384, 192)


def _file(folder: Path) -> Path:
    path = folder / "begin.png"
    PICTURE.save(path)
    return path
