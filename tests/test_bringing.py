"""Pictures that JupyterLab hands to the panel: found, shown, and taken over only when somebody says so."""

from __future__ import annotations

import base64
import io
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from samples import keep_picture, record
from test_widgets import StillEngine

from zimage_lab.errors import InvalidRequest
from zimage_lab.widgets import bring, drop, panel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.widgets.create import Create


@pytest.fixture
def create() -> Iterator[Create]:
    """Give the tab of the panel that was made last."""
    owner = panel(StillEngine(), "en").owner
    yield owner.create
    owner.close()


def written(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def test_a_dropped_picture_is_shown_and_changes_nothing(create: Create, tmp_path: Path) -> None:
    made = keep_picture(tmp_path, Image.new("RGB", (64, 64)), record("a blue fish"))
    assert made.image is not None
    file = tmp_path / made.image.path
    create.form.prompt.value = "my own"
    drop("fish.png", written(file.read_bytes()))
    assert "a blue fish" in create.found.listed.value
    assert create.found.fold.opened
    assert create.form.prompt.value == "my own"
    create.found.apply.click()
    assert create.form.prompt.value == "a blue fish"
    bring(str(file))
    assert create.found.recipe is not None
    bring(str(file), "init_image")
    assert create.form.beginning.picture.digest is not None


def test_what_is_no_picture_is_a_sentence(create: Create, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    create.form.prompt.value = "my own"
    for data, said in ((b"", "cannot be read"), (b"Dear", "cannot be read"), (buffer.getvalue(), "holds no recipe")):
        drop("<b>it</b>.png", written(data))
        (sentence,) = create.found.row.sentences.values()
        assert said in sentence
        assert "<b>" not in create.found.row.under.value
        assert create.found.recipe is None
    assert create.form.prompt.value == "my own"
    with pytest.raises(InvalidRequest, match="not known"):
        bring(str(tmp_path), "mask")
    with pytest.raises(InvalidRequest, match="there is no file"):
        bring(str(tmp_path / "gone.png"))


def test_without_a_panel_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["zimage_lab.widgets.panel"], "_live", [])
    with pytest.raises(InvalidRequest, match=r"panel\(\) first"):
        drop("a.png", "")
