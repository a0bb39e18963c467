"""The board of a sweep without a browser: where cells stand, what hands do, what is sent, and what is said."""

from __future__ import annotations

import io
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from stub_engine import StubEngine

from zimage_lab.engine.job import Progress
from zimage_lab.errors import InvalidRequest
from zimage_lab.store.marks import Marks
from zimage_lab.sweeps import Sweep, start
from zimage_lab.sweeps import board as room
from zimage_lab.sweeps.axis import Axis
from zimage_lab.sweeps.board import Board, glue
from zimage_lab.sweeps.board.atlas import cell_size
from zimage_lab.sweeps.board.camera import Camera
from zimage_lab.sweeps.board.colours import DARK, LIGHT, colours
from zimage_lab.sweeps.board.drawing import cut, length
from zimage_lab.sweeps.board.layout import every, layout
from zimage_lab.sweeps.board.texts import TEXTS, Texts
from zimage_lab.sweeps.cluster import WorkerLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMPT = "a red cat on the left"
SMALL: dict[str, Any] = {"model": "miniature-turbo", "width": 64, "height": 64}


class Sent:
    """Keeps what a board sends to the page: the number of messages, and the names of the commands."""

    def __init__(self, board: Board) -> None:
        self.commands: list[Any] = []
        board.painter.ink._manager.send = self._take  # type: ignore[method-assign]

    def _take(self, _: object, buffers: list[Any] | None = None) -> None:
        import json

        self.commands += json.loads(bytes(memoryview((buffers or [])[0])))

    def texts(self) -> list[str]:
        from ipycanvas.canvas import COMMANDS

        return [one[1][0] for one in self.commands if one[0] == COMMANDS["fillText"]]

    def number(self, name: str) -> int:
        from ipycanvas.canvas import COMMANDS

        return sum(one[0] == COMMANDS[name] for one in self.commands)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubEngine]:
    made = StubEngine(tmp_path / "home")
    yield made
    made.stop()


@pytest.fixture
def sweep(stub: StubEngine) -> Sweep:
    return start(stub, PROMPT, seeds=[5, 6, 7], steps=[4, 8], **SMALL).wait()


@pytest.fixture
def board(sweep: Sweep) -> Iterator[Board]:
    made = Board(sweep, language="en")
    until(lambda: len(made.painter.atlas.tiles) == 6)
    yield made
    made.close()


def rest(board: Board) -> None:
    """Draw what was asked for until now."""
    board.painter.draw()


def axes(*lengths: int) -> tuple[Axis, ...]:
    return tuple(Axis(f"a{number}", "field", tuple(range(length))) for number, length in enumerate(lengths))


# Where cells stand


def test_the_last_axis_runs_across_the_one_before_down_and_the_others_are_pages() -> None:
    seen = layout(axes(2, 3, 4, 5))
    assert (seen.across, seen.down, seen.pages) == (5, 4, 6)
    assert seen.index(1, 2) == (0, 0, 1, 2)
    turned = seen.turn(4)
    assert turned.index(1, 2) == (1, 1, 1, 2)
    assert turned.page == 4
    assert turned.place((1, 1, 3, 4)) == (3, 4)
    assert turned.place((0, 1, 3, 4)) is None, "another page"
    assert seen.turn(-1).page == 5
    assert [index for _, index in every(layout(axes(2, 2)))] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_single_axis_goes_on_in_the_next_row() -> None:
    seen = layout(axes(20))
    assert seen.wraps
    assert seen.across * seen.down >= 20
    assert seen.across > seen.down
    for number in range(20):
        place = seen.place((number,))
        assert place is not None
        assert seen.index(*place) == (number,)
    assert seen.index(seen.down - 1, seen.across - 1) in {None, (19,)}
    assert seen.row_label(1) == str(seen.across)
    assert not layout(axes(8)).wraps
    assert layout(()).index(0, 0) == ()


def test_rows_and_columns_hide_but_not_the_last() -> None:
    seen = layout(axes(2, 3)).hide(1, 1)
    assert [seen.index(0, column) for column in range(3)] == [(0, 0), (0, 2), None]
    assert seen.place((0, 1)) is None
    only = seen.hide(1, 0).hide(1, 2)
    assert only.across == 1
    assert seen.show_all().across == 3
    assert seen.with_axes(0, 1).down == 2, "an axis keeps what is hidden of it"


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (40, 25), (1, 1000), (1000, 1)])
def test_what_is_seen_of_a_whole_board_is_all_of_it(size: tuple[int, int]) -> None:
    camera = Camera((60, 40), size, (50, 20, 900, 500)).fitted(224)
    rows, columns = camera.seen
    large = max(camera.cell) * camera.scale > 6.0001
    if large:
        assert (len(columns), len(rows)) == size
        last = camera.rectangle((size[1] - 1, size[0] - 1))
        assert last[0] + last[2] <= 950.001
        assert last[1] + last[3] <= 520.001
    assert max(camera.cell) * camera.scale <= 224.001


def test_zooming_keeps_the_point_under_the_pointer() -> None:
    camera = Camera((60, 60), (40, 25), (50, 20, 900, 500)).fitted().zoomed(4, (500, 250))
    at = (420.0, 260.0)
    closer = camera.zoomed(1.5, at)
    before = camera.x + (at[0] - 50) / camera.scale, camera.y + (at[1] - 20) / camera.scale
    after = closer.x + (at[0] - 50) / closer.scale, closer.y + (at[1] - 20) / closer.scale
    assert before == pytest.approx(after)
    assert camera.at(*at) == closer.at(*at)


def test_a_cell_is_found_where_it_is_drawn_and_revealed_where_it_is_not() -> None:
    camera = Camera((60, 60), (40, 25), (50, 20, 900, 500)).fitted().zoomed(8, (50, 20))
    for place in ((0, 0), (24, 39), (12, 20)):
        seen = camera.revealing(place)
        x, y, width, height = seen.rectangle(place)
        assert seen.at(x + width / 2, y + height / 2) == place
        large = camera.onto(place)
        assert large.at(500, 270) == place
        assert large.rectangle(place)[3] == pytest.approx(470)
    assert camera.at(10, 10) is None, "the labels are no cells"
    assert camera.moved(1e6, 1e6).x == 0
    assert camera.revealing((0, 0)) == camera


def test_small_pictures_fit_what_a_browser_holds() -> None:
    assert cell_size(1.0, 1000) == (60, 60)
    assert cell_size(0.5, 10) == (30, 60)
    for number in (5_000, 100_000):
        edge = cell_size(1.0, number)[0] + 4
        assert edge * edge * number <= 20_000_000


# What hands do


def test_keys_choose_open_zoom_and_show_all(board: Board) -> None:
    heard: list[object] = []
    board.on_choose(heard.append)
    press = lambda key: board.hands.key(key, False, False, False)  # noqa: E731, FBT003 - ipycanvas' order
    press("ArrowDown")
    assert board.chosen is not None
    assert board.chosen.index == (0, 0), "the first one where none was chosen"
    press("ArrowDown")
    press("ArrowRight")
    press("ArrowRight")
    press("ArrowRight")
    assert board.chosen.index == (1, 2), "the edge holds"
    assert len(heard) == 5
    whole = board.painter.camera
    press("+")
    assert board.painter.camera.scale > whole.scale
    press("Enter")
    assert board.painter.large
    place = board.painter.camera.at(*middle(board))
    assert place == (1, 2)
    press("ArrowLeft")
    assert board.painter.camera.at(*middle(board)) == (1, 1), "an open picture is walked from"
    press("0")
    assert board.painter.camera == whole
    board.hands.key("f", False, True, False)  # noqa: FBT003 - Ctrl+F is the page's
    assert not favourites(board)


def middle(board: Board) -> tuple[float, float]:
    left, top, width, height = board.painter.camera.window
    return left + width / 2, top + height / 2


def favourites(board: Board) -> list[bool]:
    board.painter.pictures.look()
    return [True for index in ((0, 0), (1, 2)) if board.painter.pictures.end(index).get("favourite")]


def test_the_mouse_chooses_moves_zooms_and_opens(board: Board) -> None:
    canvas = board.painter.canvas
    tell = canvas._handle_frontend_event
    x, y, width, height = board.painter.camera.rectangle((1, 1))
    at = {"x": x + width / 2, "y": y + height / 2}
    tell(None, {"event": "mouse_move", **at}, [])
    sent = Sent(board)
    rest(board)
    assert {"steps: 8", "seed: 6"} <= set(sent.texts()), "the recipe is beside the pointer"
    tell(None, {"event": "mouse_down", **at}, [])
    tell(None, {"event": "mouse_up", **at}, [])
    assert board.chosen is not None
    assert board.chosen.index == (1, 1)
    scale = board.painter.camera.scale
    tell(None, {"event": "mouse_wheel", "x": 0, "y": -400}, [])
    tell(None, {"event": "mouse_wheel", "x": 0, "y": -400}, [])
    assert board.painter.camera.scale > scale * 2
    before = board.painter.camera.x
    tell(None, {"event": "mouse_down", **at}, [])
    tell(None, {"event": "mouse_move", "x": at["x"] - 30, "y": at["y"]}, [])
    tell(None, {"event": "mouse_up", "x": at["x"] - 30, "y": at["y"]}, [])
    assert board.painter.camera.x > before
    assert board.chosen.index == (1, 1), "a drag is no click"
    board.fit()
    for _ in range(2):
        tell(None, {"event": "mouse_down", **at}, [])
        tell(None, {"event": "mouse_up", **at}, [])
    assert board.painter.large


def test_fingers_move_and_zoom(board: Board) -> None:
    tell = board.painter.canvas._handle_frontend_event
    touch = lambda kind, *points: tell(  # noqa: E731
        None, {"event": f"touch_{kind}", "touches": [{"x": x, "y": y} for x, y in points]}, []
    )
    scale = board.painter.camera.scale
    touch("start", (300, 100), (400, 100))
    touch("move", (250, 100), (450, 100))
    assert board.painter.camera.scale == pytest.approx(min(scale * 2, board.painter.camera.scale))
    assert board.painter.camera.scale > scale
    touch("end")
    board.fit()
    x, y, width, _ = board.painter.camera.rectangle((0, 2))
    touch("start", (x + width / 2, y + 9))
    touch("end")
    assert board.chosen is not None
    assert board.chosen.index == (0, 2)


def test_a_favourite_is_the_gallerys_too(board: Board, sweep: Sweep) -> None:
    assert board.tools.buttons["favourite"].disabled
    board.choose((1, 2))
    rest(board)
    board.tools.buttons["favourite"].click()
    rest(board)
    assert sweep.frame().favourite.sum() == 1
    assert "favourite" in board.caption.value
    assert "mod-active" in board.tools.buttons["favourite"]._dom_classes
    sent = Sent(board)
    rest(board)
    assert sent.number("fillPolygons") >= 1
    board.star()
    assert sweep.frame().favourite.sum() == 0


def test_trouble_with_the_store_is_said(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        field = "disk"
        raise InvalidRequest(field, None, "is full", "Free some space.")

    board.choose((0, 0))
    monkeypatch.setattr(Marks, "favourite", refuse)
    board.star()
    rest(board)
    assert "could not be kept: disk: is full" in board.caption.value


def test_several_workers_have_a_line_each(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    assert board.crew.widget.value == ""  # one engine made it all
    lines = [WorkerLine("host 0", "cuda:0", "drawing", 3, 12.5, "a <cat>"), WorkerLine("host 1", "cuda:1", "lost", 1)]
    monkeypatch.setattr(Sweep, "workers", property(lambda _: lines))
    board.painter.mark()
    until(lambda: board.crew.widget.value)
    assert "<div>host 0 · cuda:0 · drawing · 3 made · 12.5 a minute · a &lt;cat&gt;</div>" in board.crew.widget.value
    assert "<div>host 1 · cuda:1 · lost · 1 made</div>" in board.crew.widget.value
    lines[0] = WorkerLine("host 0", "cuda:0", "ready", 4)
    until(lambda: "host 0 · cuda:0 · ready · 4 made" in board.crew.widget.value)  # it looks again by itself


def test_rows_and_columns_are_hidden_by_buttons_and_come_back(board: Board) -> None:
    board.choose((1, 1))
    rest(board)
    board.tools.buttons["hide_column"].click()
    assert board.chosen is None, "what is hidden is not chosen"
    rest(board)
    assert len(board.painter.atlas.tiles) == 4
    assert board.tools.buttons["show_hidden"].description == "Show 1 hidden"
    board.tools.buttons["show_hidden"].click()
    rest(board)
    assert len(board.painter.atlas.tiles) == 6


def test_axes_change_places_and_the_others_are_pages(stub: StubEngine) -> None:
    made = start(stub, PROMPT, seeds=2, steps=[4, 8], shift=[2.0, 3.0, 4.0], **SMALL).wait()
    board = Board(made, language="en")
    try:
        rest(board)
        assert "steps 4 · page 1 of 2" in board.tools._page.value
        board.tools.buttons["next"].click()
        rest(board)
        assert "steps 8 · page 2 of 2" in board.tools._page.value
        assert board.seen.index(0, 0) == (1, 0, 0)
        board.tools.columns.value = 0
        rest(board)
        assert (board.seen.columns, board.seen.rows, board.seen.pages) == (0, 1, 2)
        board.tools.rows.value = 0
        assert (board.seen.columns, board.seen.rows) == (1, 0), "two lists with one axis change it"
        board.tools.rows.value = None
        assert (board.seen.rows, board.seen.pages) == (None, 4)
        rest(board)
    finally:
        board.close()


# What is sent to the page


def test_pictures_are_sent_once_and_a_new_page_gets_them_again(board: Board) -> None:
    until(lambda: not board.painter._blurred)
    sent = Sent(board)
    rest(board)
    assert sent.number("putImageData") == 0
    assert sent.number("fillText") >= 5
    board.painter.canvas._handle_frontend_event(None, {"event": "client_ready"}, [])
    until(lambda: sent.number("putImageData"))
    first = sent.commands[0]
    assert len(first[1]) == 1, "each message says first which canvas it is about"


def test_a_thousand_cells_are_a_few_strokes(stub: StubEngine) -> None:
    stub.pictures = False
    made = start(stub, PROMPT, seeds=40, steps=range(1, 26), **SMALL)
    board = Board(made, language="en")
    try:
        sent = Sent(board)
        rest(board)
        assert 0 < len(sent.commands) < 200
    finally:
        board.close()
        made.cancel()


def test_cells_fill_as_they_come(tmp_path: Path) -> None:
    held = StubEngine(tmp_path / "held", held=True)
    try:
        made = start(held, PROMPT, seeds=3, **SMALL)
        board = Board(made, language="en")
        rest(board)
        assert board.painter.atlas.tiles == {}
        until(lambda: made.cells[0].job is not None)
        job: Any = made.cells[0].job
        job.progress, job.preview = Progress("denoising", 2, 8), Image.new("RGB", (32, 32), (200, 0, 0))
        made._ledger.put((0,), "running")
        sent = Sent(board)
        rest(board)
        assert board.painter.atlas.tiles[0, 0].getpixel((5, 5)) == (200, 0, 0), "a preview"
        assert sent.number("strokeRect") >= 1
        board.choose((0,))
        rest(board)
        assert "being made, step 2 of 8" in board.caption.value
        made._ledger.put((0,), "queued")
        held.gate.set()
        made.wait()
        until(lambda: len(board.painter.atlas.tiles) == 3)
        until(lambda: board.painter.atlas.tiles[0, 0].getpixel((5, 5))[1:] == (40, 90))
        board.close()
    finally:
        held.stop()


def test_a_cell_that_failed_is_blank_and_says_why(stub: StubEngine) -> None:
    stub.fails = lambda request: request.steps == 8
    made = start(stub, PROMPT, seeds=2, steps=[4, 8], **SMALL).wait()
    board = Board(made, language="en")
    try:
        until(lambda: len(board.painter.atlas.tiles) == 2)
        sent = Sent(board)
        x, y, width, height = board.painter.camera.rectangle((1, 0))
        board.hover((x + width / 2, y + height / 2))
        rest(board)
        assert "It cannot be drawn." in sent.texts()
        assert "not made" in sent.texts()
        assert sent.number("strokeRects") >= 1
        board.choose((1, 0))
        rest(board)
        assert "It cannot be drawn." in board.caption.value
        assert board.tools.buttons["favourite"].disabled
    finally:
        board.close()


def test_a_lost_file_leaves_its_cell_blank(sweep: Sweep) -> None:
    path = sweep.cells[0].path
    assert path is not None
    path.unlink()
    board = Board(sweep, language="en")
    try:
        until(lambda: len(board.painter.atlas.tiles) == 5 and not board.painter.pictures._wanted)
        rest(board)
        assert (0, 0) not in board.painter.atlas.tiles
    finally:
        board.close()


def test_a_longer_axis_is_seen(board: Board, sweep: Sweep) -> None:
    sweep.extend(steps=[12]).wait()
    until(lambda: len(board.painter.atlas.tiles) == 9)
    assert board.seen.down == 3


def test_a_cell_that_is_made_again_shows_its_new_picture(board: Board, sweep: Sweep) -> None:
    before = board.painter.pictures.end((0, 0))["record_id"]
    sweep.cells[0].rerun()
    sweep.wait()
    until(lambda: board.painter.pictures.end((0, 0)).get("record_id") not in {None, before})
    until(lambda: (0, 0) in board.painter.atlas.tiles)


def test_a_close_look_is_sharp_once_it_rests(board: Board) -> None:
    board.choose((0, 1))
    board.open_large()
    sent = Sent(board)
    until(lambda: sent.number("putImageData"))
    until(lambda: not board.painter._blurred)


# What the page tells, and what people read


def test_the_page_tells_its_width_its_pixels_and_its_colours(board: Board) -> None:
    told = {
        "width": 500,
        "height": 700,
        "ratio": 2,
        "light": False,
        "ground": "#101010",
        "accent": "rgba(1, 2, 3, 0.5)",
    }
    import json

    board._told.value = json.dumps(told)
    assert (board.painter.canvas.width, board.hands.ratio) == (1000, 2.0)
    chosen = colours("auto", board.painter.page)
    assert (chosen.ground, chosen.accent, chosen.text) == ("#101010", "rgba(1, 2, 3, 0.5)", DARK.text)
    assert board.painter.canvas.height <= 2 * 0.62 * 700 + 1
    rest(board)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "nothing", '{"width": "wide", "ratio": NaN, "light": 1}', '{"width": -5}', '{"ground": "url(x)"}'],
)
def test_what_no_page_can_have_told_does_no_harm(board: Board, text: str) -> None:
    found = glue.read(text)
    assert set(found) <= {"width", "ground"}
    assert found.get("width", 160) == 160
    assert colours("auto", found) == LIGHT
    board._hear_page(text)
    rest(board)


def test_the_theme_is_followed_or_set() -> None:
    assert colours("auto", {"light": False}) == DARK
    assert colours("light", {"light": False, "ground": "#000000"}) == LIGHT
    assert colours("dark", {}) == DARK


def test_what_cannot_be_is_refused(sweep: Sweep) -> None:
    with pytest.raises(InvalidRequest, match=r"columns: 'stepz' is no axis.*Use one of steps, seed"):
        sweep.grid(columns="stepz")
    with pytest.raises(InvalidRequest, match="rows: is the same axis as columns"):
        sweep.grid(columns="steps", rows="steps")
    with pytest.raises(InvalidRequest, match="is no theme"):
        sweep.grid(theme="blue")  # type: ignore[arg-type]


def test_axes_can_be_chosen_from_a_cell(sweep: Sweep) -> None:
    board = sweep.grid(columns="steps", language="zh")
    try:
        rest(board)
        assert (board.seen.columns, board.seen.rows) == (0, 1)
        assert "种子" in [name for name, _ in board.tools.columns.options]
        assert "点击" in board.caption.value
    finally:
        board.close()


def test_a_viewer_without_widgets_shows_the_contact_sheet(board: Board) -> None:
    bundle = board._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    with Image.open(io.BytesIO(bundle["image/jpeg"])) as picture:
        assert max(picture.size) <= 1600
    assert "Board of Sweep(" in bundle["text/plain"]


@pytest.mark.parametrize("key", TEXTS)
def test_every_word_is_in_both_languages(key: str) -> None:
    english, chinese = TEXTS[key]
    holes = re.compile(r"\{(\w+)\}")
    assert set(holes.findall(english)) == set(holes.findall(chinese))
    assert re.search(r"[㐀-鿿]", chinese) or key == "repr"
    assert not re.search(r"[㐀-鿿]", english)
    code = "".join(path.read_text(encoding="utf-8") for path in Path(room.__file__).parent.glob("*.py"))
    assert len(re.findall(rf"[\"']{key}[\"']", code)) > 1 or key.startswith("state_"), "nobody says it"


def test_words_are_cut_to_their_room() -> None:
    assert cut("a\nb", 100) == "a b"
    assert cut("x" * 100, 100).endswith("…")
    assert length(cut("一" * 50, 100)) <= 100
    assert cut("wide", 3) == ""
    assert Texts("zh_CN").language == "zh"
    assert math.isclose(length("一"), 12)
