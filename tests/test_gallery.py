"""The gallery without a browser: a real store, real files, and the buttons that a person presses."""

from __future__ import annotations

import base64
import io
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from samples import keep_picture, record

from zimage_lab.runs import Search, find
from zimage_lab.store.marks import Marks
from zimage_lab.widgets.found import FoundRecipe
from zimage_lab.widgets.gallery import Gallery
from zimage_lab.widgets.publisher import Publisher
from zimage_lab.widgets.tiles import PAGE
from zimage_lab.widgets.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.picture_recipe import PictureRecipe
    from zimage_lab.request import GenerationRequest

HOSTILE = "<img src=x onerror=alert(1)>"


def make(home: Path, number: int, prompt: str = "a cat") -> list[str]:
    """Put pictures into a home, the oldest first; gives their ids."""
    pictures = (Image.new("RGB", (32, 16), (seed % 256, 9, 9)) for seed in range(number))
    return [keep_picture(home, one, record(f"{prompt} {seed}", seed=seed)).id for seed, one in enumerate(pictures)]


class Shown:
    """A gallery whose publisher draws when the test says so."""

    def __init__(self, home: Path, language: str = "en") -> None:
        self.reused: list[GenerationRequest] = []
        self.publisher = Publisher(lambda: None)
        self.gallery = Gallery(Words(language), self.publisher, lambda: home, self.reused.append)  # type: ignore[arg-type]
        self.gallery.refresh()

    def click(self, tile: int) -> None:
        self.gallery.tiles.widget.children[tile].children[0].click()
        self.gallery.refresh()

    def press(self, button: object) -> None:
        button.click()  # type: ignore[attr-defined]
        self.gallery.refresh()

    @property
    def tips(self) -> list[str]:
        tiles = self.gallery.tiles.widget.children
        return [tile.children[0].tooltip for tile in tiles if "zl-gone" not in tile._dom_classes]


def gone(widget: object) -> bool:
    return "zl-gone" in widget._dom_classes  # type: ignore[attr-defined]


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_empty_gallery_says_what_will_be_there(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    assert "No pictures yet" in shown.gallery.empty.value
    assert gone(shown.gallery.pager)
    shown.gallery.search.text.value = "x"
    shown.gallery.refresh()
    assert "No picture fits" in shown.gallery.empty.value
    shown.press(shown.gallery.clear)
    assert "No pictures yet" in shown.gallery.empty.value


def test_pages_turn_and_thumbnails_follow(tmp_path: Path) -> None:
    make(tmp_path, PAGE + 3)
    shown = Shown(tmp_path)
    assert shown.gallery.line.value == f"1 to {PAGE} of {PAGE + 3}"
    assert shown.tips[0] == f"a cat {PAGE + 2} · {PAGE + 2}"
    tiles = shown.gallery.tiles.widget.children
    until(lambda: all(tile.children[1].value for tile in tiles))
    with Image.open(io.BytesIO(tiles[0].children[1].value)) as picture:
        assert picture.format == "WEBP"
    shown.press(shown.gallery.older)
    assert shown.gallery.line.value == f"{PAGE + 1} to {PAGE + 3} of {PAGE + 3}"
    assert shown.tips == ["a cat 2 · 2", "a cat 1 · 1", "a cat 0 · 0"]
    assert shown.gallery.older.disabled
    assert len(shown.gallery.tiles.widget.children) == PAGE  # the same ones, filled anew


def test_the_search_narrows(tmp_path: Path) -> None:
    ids = make(tmp_path, 3)
    make(tmp_path, 2, "一只猫")
    with Marks(tmp_path) as marks:
        marks.tag(ids[:1], "shop")
    shown = Shown(tmp_path)
    search = shown.gallery.search
    assert [value for _, value in search.tag.options] == ["", "shop"]
    assert [value for _, value in search.model.options] == ["", "miniature-turbo"]
    for field, value, number in (
        (search.text, "猫", 2),
        (search.seed, "1", 2),
        (search.seed, "x", 5),
        (search.tag, "shop", 1),
        (search.model, "miniature-turbo", 5),
        (search.favourites, True, 0),
        (search.when, "24h", 5),
    ):
        field.value = value
        shown.gallery.refresh()
        assert len(shown.tips) == number, (field, value)
        assert ("whole number" in search.narrow.under.value) == (value == "x")
        search.clear()


def test_one_picture_large_and_its_neighbours(tmp_path: Path) -> None:
    make(tmp_path, 3)
    shown = Shown(tmp_path)
    viewer = shown.gallery.viewer
    shown.click(0)
    assert gone(shown.gallery.list)
    assert viewer.newer.disabled
    assert "a cat 2" in viewer.summary.value
    assert bytes(viewer.frame.image.value).startswith(b"\x89PNG")
    shown.press(viewer.older)
    shown.press(viewer.older)
    assert viewer.older.disabled
    viewer.show_code.value = True
    assert "seed=0" in viewer.code.value
    shown.press(viewer.reuse)
    assert shown.reused[0].prompt == "a cat 0"
    shown.press(viewer.back)
    assert not gone(shown.gallery.list)


def test_a_picture_gets_favourite_and_tags(tmp_path: Path) -> None:
    ids = make(tmp_path, 1)
    shown = Shown(tmp_path)
    viewer = shown.gallery.viewer
    shown.click(0)
    viewer.favourite.value = True
    viewer.tags.value = "shop， Window,"
    shown.gallery.refresh()
    assert find(Search(favourite=True), home=tmp_path)[0]["tags"] == ["shop", "Window"]
    viewer.tags.value = "window"
    shown.gallery.refresh()
    assert find(Search(favourite=True), home=tmp_path)[0]["tags"] == ["Window"]
    viewer.tags.value = "x" * 51
    assert "Use at most 50" in viewer.tag_row.under.value
    shown.press(viewer.back)
    assert "zl-star" in shown.gallery.tiles.widget.children[0]._dom_classes
    assert find(Search(), home=tmp_path)[0]["record_id"] == ids[0]


def test_deleting_names_what_goes_and_can_be_undone(tmp_path: Path) -> None:
    make(tmp_path, 3)
    shown = Shown(tmp_path)
    gallery = shown.gallery
    shown.click(0)
    shown.press(gallery.viewer.delete)
    assert "Deleted “a cat 2”." in gallery.note.value
    assert "a cat 1" in gallery.viewer.summary.value  # the next one takes its place
    shown.press(gallery.undo)
    assert gone(gallery.undo_row)
    shown.press(gallery.viewer.back)
    gallery.select.value = True
    shown.click(0)
    shown.click(2)
    assert "2 selected" in gallery.count.value
    shown.press(gallery.delete)
    assert "Deleted 2 pictures." in gallery.note.value
    assert shown.tips == ["a cat 1 · 1"]
    shown.press(gallery.undo)
    assert len(shown.tips) == 3


def test_many_are_marked_at_once(tmp_path: Path) -> None:
    make(tmp_path, 3)
    shown = Shown(tmp_path)
    gallery = shown.gallery
    gallery.select.value = True
    gallery.refresh()
    assert gallery.delete.disabled
    shown.click(0)
    shown.click(1)
    shown.click(1)
    shown.press(gallery.favourite)
    gallery.tag.value = "  "
    shown.press(gallery.add_tag)
    assert "blank" in gallery.chosen_row.under.value
    gallery.tag.value = "best"
    shown.press(gallery.add_tag)
    assert gallery.tag.value == ""
    assert [row["seed"] for row in find(Search(tag="best", favourite=True), home=tmp_path)] == ["2"]


@pytest.mark.parametrize(("chosen", "magic"), [("PNG", b"\x89PNG"), ("JPEG", b"\xff\xd8"), ("WebP", b"RIFF")])
def test_an_export_is_a_file_to_save(tmp_path: Path, chosen: str, magic: bytes) -> None:
    make(tmp_path, 1)
    shown = Shown(tmp_path)
    shown.click(0)
    viewer = shown.gallery.viewer
    viewer.format.value = chosen
    shown.press(viewer.export)
    link = re.search(r'download="([^"]+)" href="data:image/\w+;base64,([^"]+)"', viewer.saved.value)
    assert link is not None
    assert base64.b64decode(link[2]).startswith(magic)
    viewer.format.value = "PNG" if chosen != "PNG" else "JPEG"
    assert viewer.saved.value == ""


def test_hostile_prompts_are_text(tmp_path: Path) -> None:
    make(tmp_path, 1, HOSTILE)
    shown = Shown(tmp_path)
    shown.click(0)
    viewer = shown.gallery.viewer
    assert "<img" not in viewer.summary.value + viewer.recipe_text.value
    shown.press(viewer.delete)
    assert "<img" not in shown.gallery.note.value
    assert "&lt;img" in shown.gallery.note.value


def test_a_picture_whose_file_is_gone(tmp_path: Path) -> None:
    make(tmp_path, 1)
    next(tmp_path.glob("images/*/*.png")).unlink()
    shown = Shown(tmp_path)
    shown.click(0)
    assert "file is gone" in shown.gallery.viewer.frame.caption.value
    shown.press(shown.gallery.viewer.export)
    assert "zl-error" in shown.gallery.viewer.saved.value


def test_a_recipe_is_shown_and_then_applied(tmp_path: Path) -> None:
    make(tmp_path, 1, HOSTILE)
    taken: list[PictureRecipe] = []
    found = FoundRecipe(Words("en"), taken.append)
    data = next(tmp_path.glob("images/*/*.png")).read_bytes()
    sent = {
        "name": "a.png",
        "type": "image/png",
        "size": len(data),
        "content": data,
        "last_modified": datetime.now(UTC),
    }
    found.upload.value = (sent,)
    assert "written by zimage_lab" in found.listed.value
    assert "<img" not in found.listed.value
    assert taken == []
    found.apply.click()
    assert taken[0].values["prompt"] == f"{HOSTILE} 0"
    found.read("b.png", b"nothing")
    assert "cannot be read as a picture" in found.row.under.value
    assert gone(found.apply_row)


def test_it_speaks_chinese(tmp_path: Path) -> None:
    shown = Shown(tmp_path, "zh")
    assert "还没有图片" in shown.gallery.empty.value
