"""A sweep as a picture, a folder and a page: what stands in them, what does not, and what a stranger's does to us."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import bundle
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from stub_engine import StubEngine

from zimage_lab.errors import InvalidRequest
from zimage_lab.labels import read_labels
from zimage_lab.models import catalog
from zimage_lab.request import Lora
from zimage_lab.store.images import read_recipe
from zimage_lab.sweeps import Axis, Sweep, fonts, inside, saving, sheet
from zimage_lab.sweeps import grid as grids
from zimage_lab.sweeps import page as pages
from zimage_lab.sweeps.grid import Grid
from zimage_lab.sweeps.layout import lay_out
from zimage_lab.sweeps.results import public_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "<img src=x onerror=alert(1)> </script><script>alert(2)</script> & \" ' \u202e<!-- 左边的猫"
PROMPT = "a red cat on the left, white background"


@pytest.fixture
def engine(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubEngine]:
    """Give an engine that draws plain pictures at once, and an empty working folder."""
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    own_home.mkdir()
    made = StubEngine(own_home)
    yield made
    made.stop()


def swept(engine: StubEngine, prompt: str = PROMPT, **options: Any) -> Sweep:  # noqa: ANN401
    return Sweep.load(engine.sweep(prompt, **{"width": 64, "height": 64, **options}).wait(60).id, engine=engine)


def other_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "elsewhere"))


# --- where the axes go


def test_the_last_axis_goes_across_and_the_one_before_it_down(engine: StubEngine) -> None:
    axes = swept(engine, steps=[2, 4], prompt_replace={"cat": ["fish"]}, seeds=range(3)).axes
    layout = lay_out(axes)
    assert (layout.columns, layout.rows, layout.further) == (2, 1, (0,))
    assert [layout.index(block, 1, 2) for block in layout.blocks] == [(0, 1, 2), (1, 1, 2)]
    turned = lay_out(axes, columns="steps", rows="seeds")
    assert (turned.columns, turned.rows, turned.further) == (0, 2, (1,))
    for wrong in ({"columns": "stps"}, {"columns": "seed", "rows": "seed"}):
        with pytest.raises(InvalidRequest):
            lay_out(axes, **wrong)


def test_a_long_axis_goes_down(engine: StubEngine) -> None:
    axes = swept(engine, steps=[1, 2], seeds=30).axes
    assert (lay_out(axes).columns, lay_out(axes).rows) == (0, 1)


def test_an_axis_of_one_value_takes_no_room(engine: StubEngine) -> None:
    layout = lay_out(swept(engine, steps=[2], shift=[2.0, 3.0], seeds=[7]).axes)
    assert (layout.columns, layout.rows) == (1, None)


# --- the sheet


def test_every_picture_is_on_the_sheet(engine: StubEngine) -> None:
    sweep = swept(engine, steps=[2, 4], seeds=[10, 90, 200])
    drawn = sweep.sheet()
    assert drawn.mode == "RGB"
    for seed in (10, 90, 200):
        pixels = sum(count for count, colour in drawn.getcolors(2**24) or [] if colour == (seed, 40, 90))
        assert pixels == 2 * 64 * 64, "both of this seed, pixel by pixel"


def test_what_failed_stays_blank_with_a_mark(engine: StubEngine) -> None:
    engine.fails = lambda request: request.seed == 90
    sweep = swept(engine, seeds=[10, 90])
    colours = {colour for _, colour in sweep.sheet().getcolors(2**24) or []}
    from zimage_lab.sweeps.sheet_block import BLANK, MARK

    assert {BLANK, MARK, (10, 40, 90)} <= colours
    assert (90, 40, 90) not in colours


def test_a_picture_that_is_gone_stays_blank(engine: StubEngine) -> None:
    sweep = swept(engine, seeds=[10, 90])
    path = sweep.cell(0).path
    assert path is not None
    path.unlink()
    assert (10, 40, 90) not in {colour for _, colour in sweep.sheet().getcolors(2**24) or []}
    assert sweep.save("sheet.png").pictures == 2
    assert len(list(csv.DictReader(io.StringIO(folder_table(sweep))))) == 2


def folder_table(sweep: Sweep) -> str:
    sweep.save("folder/")
    return Path("folder/sweep.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("axes", [{"seeds": 1000}, {"seeds": 100, "steps": list(range(1, 11))}])
def test_a_thousand_pictures_fit(axes: dict[str, Any], engine: StubEngine) -> None:
    engine.gate.clear()
    sweep = engine.sweep(PROMPT, **axes, width=256, height=256)
    drawn = sweep.sheet(thumbnail=1024)
    assert drawn.width * drawn.height <= sheet.PIXELS
    assert max(drawn.size) <= sheet.EDGE
    sweep.cancel()
    engine.gate.set()
    sweep.wait(60)


def test_too_many_are_refused_with_a_way_out(engine: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "PIXELS", 1000)
    with pytest.raises(InvalidRequest, match="page"):
        swept(engine, seeds=4).sheet()


@pytest.mark.parametrize(
    "text", ["", "猫" * 300, "word " * 300, "x" * 5000, HOSTILE, "\ud800half", "a\u0000b", "😀🎉", "مرحبا"]
)
def test_any_label_can_be_drawn(text: str) -> None:
    lines = fonts.wrapped(text, 15, 100, 3)
    assert len(lines) <= 3
    assert all(fonts.width(line, 15) <= 100 for line in lines)


def test_chinese_breaks_between_letters_and_english_between_words() -> None:
    room = fonts.width("aaa bbb ", 15)
    assert fonts.wrapped("aaa bbb ccc", 15, room, 3) == ["aaa bbb", "ccc"]
    assert len(fonts.wrapped("左边一只红色的猫", 15, 50, 9)) > 1


def test_without_a_font_for_them_labels_are_numbered(engine: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from zimage_lab.sweeps import sheet_block

    sweep = swept(engine, prompt_replace={"cat": ["灯笼"]})
    monkeypatch.setattr(fonts, "KNOWN", ())
    for cache in (fonts._font, fonts._font_of):
        cache.cache_clear()
    try:
        assert fonts.undrawable("灯笼")
        assert sheet_block._labels(sweep, 0) == ["1. cat", "2. 灯笼"]
        assert sweep.sheet().width > 0
    finally:
        for cache in (fonts._font, fonts._font_of):
            cache.cache_clear()


# --- the axes inside


def test_the_axes_are_inside_and_found_again(
    engine: StubEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = swept(engine, steps=[2, 4], prompt_replace={"cat": ["fish"]}, seeds=[1, 2**64 - 1], name="cats")
    saved = sweep.save("sheet.png")
    assert saved.pictures == 8
    assert str(saved).startswith("sheet.png: 8 pictures, ")
    here = Sweep.load("sheet.png")
    assert (here.id, here.counts) == (sweep.id, {"succeeded": 8})
    other_home(tmp_path, monkeypatch)
    there = Sweep.load(saved)
    assert (there.axes, there.name, there.counts) == (sweep.axes, "cats", {"waiting": 8})
    assert [cell.request for cell in there.cells] == [cell.request for cell in sweep.cells]
    assert Sweep.load("sheet.png").id == there.id, "not one more each time"
    elsewhere = StubEngine(there.home)
    try:
        again = Sweep.load("sheet.png", engine=elsewhere)
        assert not elsewhere.drawn
        assert again.resume().wait(60).counts == {"succeeded": 8}
    finally:
        elsewhere.stop()


def test_a_name_that_is_taken_gets_a_number(
    engine: StubEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(engine, seeds=2, name="cats").save("a.png")
    other_home(tmp_path, monkeypatch)
    elsewhere = StubEngine(Path(tmp_path / "elsewhere"))
    try:
        elsewhere.sweep(PROMPT, seeds=2, name="cats", width=64, height=64).wait(60)
        assert Sweep.load("a.png").name == "cats 2"
    finally:
        elsewhere.stop()


def test_a_sheet_names_nobody(engine: StubEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    own, at_home = str(tmp_path / "person" / "models" / "mine"), str(engine.home / "models" / "ours")
    grid = swept(engine, steps=[2, 4])._grid
    loras = ((Lora(name=f"{own}.safetensors", weight=0.5),), ())
    grounds = tuple(grid.grounds[0].replace(model=model, loras=loras[0]) for model in (own, at_home))
    axes = (Axis("model", "field", (own, at_home)), Axis("loras", "field", loras))
    told = grids.write(inside.public_grid(Grid(axes, grounds), engine.home))
    assert str(tmp_path) not in told
    assert "~/models/mine.safetensors" in told
    assert public_labels(axes[0], engine.home) == ("~/models/mine", "ours")
    sweep = swept(engine, steps=[2, 4])
    for name in ("sheet.png", "page.html", "all/"):
        sweep.save(name)
    for path in [Path("sheet.png"), Path("page.html"), *Path("all").iterdir()]:
        assert str(tmp_path).encode() not in path.read_bytes(), path


BROKEN: dict[str, Any] = {
    "no JSON": "{",
    "a list": [],
    "no id": {"id": None},
    "an id that is a path": {"id": "../../x"},
    "no name": {"name": ""},
    "no axes": {"grid": {"axes": None}},
    "a field that there is not": {"axis": {"name": "user"}},
    "a seed as a field": {"axis": {"name": "seed", "kind": "field", "values": [1]}},
    "a value that cannot be": {"axis": {"values": [0]}},
    "a value of another kind": {"axis": {"values": ["4"]}},
    "nested values": {"axis": {"values": [[[[4]]]]}},
    "an endless range": {"axis": {"range": True, "values": [0, 10**30, 1]}},
    "a range of nothing": {"axis": {"range": True, "values": [0, 10, 0]}},
    "no ground": {"grid": {"grounds": []}},
    "a ground too many": {"grid": {"grounds": ["{}", "{}"]}},
    "a million and one": {"axis": {"name": "seed", "kind": "seed", "range": True, "values": [0, 10**6 + 1, 1]}},
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_strangers_sheet_is_a_sentence(
    case: str, engine: StubEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(inside.text(swept(engine, steps=[2, 4])))
    told["id"] = str(uuid.uuid4())
    change = BROKEN[case]
    if isinstance(change, dict) and "axis" in change:
        told["grid"]["axes"][0].update(change["axis"])
    elif isinstance(change, dict) and "grid" in change:
        told["grid"].update(change["grid"])
    elif isinstance(change, dict):
        told.update(change)
    else:
        told = change
    info = PngInfo()
    info.add_text(inside.CHUNK, told if isinstance(told, str) else json.dumps(told))
    Image.new("RGB", (8, 8)).save("strange.png", pnginfo=info)
    other_home(tmp_path, monkeypatch)
    with pytest.raises(InvalidRequest, match=r"strange\.png"):
        Sweep.load("strange.png")


def test_other_pictures_hold_no_sweep(engine: StubEngine) -> None:
    Image.new("RGB", (8, 8)).save("plain.png")
    Path("text.png").write_text("no picture", encoding="utf-8")
    for name in ("plain.png", "text.png"):
        with pytest.raises(InvalidRequest, match=name):
            Sweep.load(name, engine=engine)
    with pytest.raises(InvalidRequest, match="no sweep"):
        Sweep.load("missing.png", engine=engine)


# --- files


@pytest.mark.parametrize("name", ["s.png", "s.webp", "s.jpg", "s.JPEG"])
def test_a_sheet_bears_its_labels(name: str, engine: StubEngine) -> None:
    swept(engine, seeds=2).save(name)
    with Image.open(name) as image:
        image.load()
    assert "made by AI" in str(read_labels(name))
    swept(engine, seeds=2).save(name, labels=())
    assert "made by AI" not in str(read_labels(name))


def test_a_folder_has_telling_names_and_a_table(engine: StubEngine) -> None:
    engine.fails = lambda request: request.seed == 8 and "fish" in request.prompt
    sweep = swept(engine, prompt_replace={"cat": ["fish", "a/../b"]}, steps=[4], seeds=[7, 8])
    saved = sweep.save("out/")
    names = {path.name for path in Path("out").iterdir()}
    assert names == {
        "sweep.csv",
        "cat_seed-7.png",
        "cat_seed-8.png",
        "fish_seed-7.png",
        "a-..-b_seed-7.png",
        "a-..-b_seed-8.png",
    }
    assert saved.pictures == 5
    rows = list(csv.DictReader(io.StringIO(Path("out/sweep.csv").read_text(encoding="utf-8-sig"))))
    assert [(row["file"], row["state"], row["seed"]) for row in rows[2:4]] == [
        ("fish_seed-7.png", "succeeded", "7"),
        ("", "failed", "8"),
    ]
    assert rows[3]["error"] == "It cannot be drawn."
    recipe = read_recipe("out/fish_seed-7.png")
    assert (recipe.id, recipe.user) == (rows[2]["record_id"], None)
    sweep.save("out/")
    assert {path.name for path in Path("out").iterdir()} == names, "the same names again"


def test_a_folder_spares_the_files_of_others(engine: StubEngine) -> None:
    Path("out").mkdir()
    Path("out/seed-7.png").write_text("mine", encoding="utf-8")
    swept(engine, seeds=[7, 8]).save("out")
    assert Path("out/seed-7.png").read_text(encoding="utf-8") == "mine"
    assert Path("out/seed-7_2.png").is_file()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sheet.txt", "neither a picture's name nor a page's"),
        ("nowhere/sheet.png", "no folder"),
        ("", "no file name"),
        ("a\0b.png", "no file name"),
        ("noending", "neither"),
    ],
)
def test_a_name_that_cannot_be_is_a_sentence(name: str, told: str, engine: StubEngine) -> None:
    with pytest.raises(InvalidRequest, match=told):
        swept(engine, seeds=2).save(name)


def test_an_option_of_another_kind_is_refused(engine: StubEngine) -> None:
    with pytest.raises(InvalidRequest, match="thumbnail"):
        swept(engine, seeds=2).save("page.html", thumbnail=64)
    with pytest.raises(InvalidRequest, match="columns"):
        swept(engine, seeds=2).save("out/", columns="seed")


# --- the page


class Elements(HTMLParser):
    """Collects what a browser would take for elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.data: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} {name}"
            if name in {"src", "href", "action", "data", "srcset"}:
                self.links.append(str(value))

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.data.append(data)


def read_page(path: str = "page.html") -> tuple[Elements, dict[str, Any], str]:
    text = Path(path).read_text(encoding="utf-8")
    found = Elements()
    found.feed(text)
    return found, json.loads(found.data[0]), text


def test_whatever_was_written_is_text_in_the_page(engine: StubEngine) -> None:
    sweep = swept(
        engine, f"{HOSTILE} cat", prompt_replace={"cat": [HOSTILE]}, seeds=2, name=HOSTILE.replace("\u202e", "")
    )
    engine.fails = lambda _: True
    sweep.save("page.html")
    found, data, text = read_page()
    assert found.tags.count("script") == 2
    assert "img" not in found.tags
    assert not found.links, "nothing is asked of anybody"
    assert data["prompt"] == f"{HOSTILE} cat"
    assert data["axes"][0]["labels"][1] == HOSTILE
    assert not re.search(r"https?://(?!ns\.|www\.w3|iptc|cv\.iptc)", text.split('id="data"')[0])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]


def test_the_page_holds_every_picture_and_what_differs_of_its_recipe(engine: StubEngine) -> None:
    engine.fails = lambda request: request.seed == 2**64 - 1 and request.steps == 4
    sweep = swept(engine, steps=[2, 4], seeds=[7, 2**64 - 1])
    saved = sweep.save("page.html")
    _, data, _ = read_page()
    assert saved.size == Path("page.html").stat().st_size
    assert data["base"]["seed"] == "7"
    assert [cell["state"] for cell in data["cells"]] == ["succeeded"] * 3 + ["failed"]
    assert data["cells"][3]["recipe"] == {"steps": "4", "seed": str(2**64 - 1)}
    assert data["cells"][3]["error"] == "It cannot be drawn."
    assert "image" not in data["cells"][3]
    assert data["cells"][0]["image"].startswith("UklGR"), "a WebP"


def test_a_large_page_says_so(
    engine: StubEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pages.writing, "LARGE", 1000)
    saved = swept(engine, seeds=2).save("page.html", pixels=64)
    assert "pixels=32" in str(saved)
    assert "page.html" in caplog.text


def test_sizes_are_told_as_people_read_them() -> None:
    assert [saving.size_told(size) for size in (999, 1500, 2_340_000, 5 * 10**9)] == [
        "999 B",
        "1.5 kB",
        "2.3 MB",
        "5.0 GB",
    ]
