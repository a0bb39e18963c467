"""The tab that makes sweeps, without a browser: rows, estimate, limits, the run, and the ways in and out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from stub_engine import StubEngine

from zimage_lab import models
from zimage_lab.errors import StoreError
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps import Sweep, saved
from zimage_lab.widgets.carry import carry
from zimage_lab.widgets.panel import Panel
from zimage_lab.widgets.sweep_axes import listed
from zimage_lab.widgets.sweep_plan import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zimage_lab.widgets.sweep import SweepTab

PROMPT = "a red cat on the left"
FULL = "The disk of /x is full. Free some space, then try again."
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubEngine]:
    made = StubEngine(tmp_path / "home")
    yield made
    made.stop()


@pytest.fixture
def shown(stub: StubEngine) -> Iterator[Panel]:
    made = Panel(stub, "en")
    made.create.form.prompt.value = PROMPT
    made.create.form.seed.take(42)
    yield made
    close(made)


def close(panel: Panel) -> None:
    panel.close()
    if panel.sweep is not None and panel.sweep.run.board is not None:
        panel.sweep.run.board.close()


def tab(panel: Panel) -> SweepTab:
    """Turn to the tab, as a click does."""
    if panel.tabs.chosen != "sweep":
        panel.tabs.buttons["sweep"].click()
    drawn(panel)
    return panel.sweeping()


def drawn(panel: Panel) -> None:
    with panel.publisher.lock:
        panel.refresh()


def vary(panel: Panel, *rows: tuple[str, str] | tuple[str, str, str], seeds: int = 2) -> SweepTab:
    made = tab(panel)
    made.axes.take([(*row, "") if len(row) == 2 else row for row in rows])  # type: ignore[misc]
    made.seeds.value = seeds
    drawn(panel)
    return made


def under(made: SweepTab, row: int = 0) -> str:
    return str(made.axes.rows[row].row.under.value)


def gone(widget: Any) -> bool:  # noqa: ANN401 - ipywidgets have no types
    return "zl-gone" in widget._dom_classes


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def begun(panel: Panel, made: SweepTab) -> Sweep:
    assert not made.start.disabled
    made.start.click()
    drawn(panel)
    assert made.run.sweep is not None
    return made.run.sweep


# What it starts from and what varies


def test_it_starts_from_the_form(shown: Panel) -> None:
    made = tab(shown)
    assert PROMPT in made.about.value
    assert made.base is not None
    assert (made.base.seed, made.base.width) == (42, 128)
    assert "4 pictures · 0.066 megapixels" in made.told.value
    shown.tabs.buttons["create"].click()
    shown.create.form.prompt.value = "a blue fish"
    assert "a blue fish" in tab(shown).about.value


def test_without_a_prompt_it_says_where_to_write_one(stub: StubEngine) -> None:
    empty = Panel(stub, "en")
    made = tab(empty)
    assert "Write a prompt in Create" in made.about.value
    assert made.start.disabled
    made.start.click()
    assert made.run.sweep is None
    close(empty)


@pytest.mark.parametrize(
    ("rows", "seeds", "count"),
    [
        ([("steps", "4, 6, 8")], 2, 6),
        ([("steps", "1-10 (+2)")], 1, 5),
        ([("steps", "4，6")], 1, 2),
        ([("guidance_scale", "1-3 [5]"), ("steps", "4, 8")], 3, 30),
        ([("size", "128x128, 192 x 128")], 1, 2),
        ([("model", "miniature-turbo, z-image-turbo")], 2, 4),
        ([("replace", 'dog, "fish, big"', "cat")], 2, 6),
        ([("replace", "dog", "cat"), ("replace", "blue, green", "red")], 1, 6),
        ([("prompt", "a red cat | a blue fish, by day | a star")], 1, 3),
        ([], 5, 5),
        ([("steps", "")], 2, 2),
    ],
)
def test_the_estimate_counts(shown: Panel, rows: list[Any], seeds: int, count: int) -> None:
    made = vary(shown, *rows, seeds=seeds)
    assert f"{count} pictures" in made.told.value, (made.told.value, [under(made, n) for n in range(len(rows))])
    assert not made.start.disabled


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (("steps", "4, x"), "is no number"),
        (("steps", "2.5"), "2.5 is not a whole number"),
        (("steps", "0"), "Use 1 to"),
        (("steps", "4, 4"), "stands twice"),
        (("size", "128"), "is no size"),
        (("size", "100x128"), "is not a multiple of"),
        (("model", "nobody/nothing"), "is not a known model"),
        (("replace", "dog", "horse"), "is not there in the prompt"),
        (("replace", "dog", ""), "Write a word of the prompt"),
        (("replace", "", "cat"), "Write the values, such as dog, fish."),
    ],
)
def test_what_is_wrong_is_said_beside_its_row(shown: Panel, row: Any, sentence: str) -> None:  # noqa: ANN401
    made = vary(shown, row)
    assert sentence in under(made).replace("&#x27;", "'")
    assert made.start.disabled
    made.start.click()
    assert made.run.sweep is None
    made.axes.rows[0].remove.click()
    drawn(shown)
    assert not made.start.disabled


def test_nothing_of_what_is_typed_can_act(shown: Panel) -> None:
    shown.create.form.prompt.value = HOSTILE
    made = vary(shown, ("steps", HOSTILE))
    assert "<img" not in made.about.value + under(made) + made.told.value


def test_a_setting_is_varied_once(shown: Panel) -> None:
    made = vary(shown, ("steps", "4"), ("steps", "8"))
    assert "varied above already" in under(made, 1)
    assert made.start.disabled


def test_rows_come_and_go(shown: Panel) -> None:
    made = tab(shown)
    assert [row.name for row in made.axes.rows] == ["steps"]
    made.axes.add.click()
    assert [row.name for row in made.axes.rows] == ["steps", "guidance_scale"]
    assert gone(made.axes.rows[1].needle)
    made.axes.rows[1].field.value = "replace"
    assert not gone(made.axes.rows[1].needle)
    assert made.axes.rows[1].values.description == "Replace with"
    made.axes.rows[0].remove.click()
    assert [row.name for row in made.axes.rows] == ["replace"]
    for _ in range(20):
        made.axes.add.click()
    assert made.axes.add.disabled


def test_seeds_that_cannot_be_are_told_beside_them(shown: Panel) -> None:
    made = vary(shown, seeds=0)
    assert made.seeds_row.sentences
    assert made.start.disabled


def test_a_limit_is_lifted_by_hand(shown: Panel) -> None:
    made = vary(shown, ("steps", "1-50"), seeds=40)
    assert "2,000 cells are more than 1,000" in made.told.value
    assert made.start.disabled
    assert not gone(made.lift)
    made.lift.value = True
    drawn(shown)
    assert "2,000 pictures" in made.told.value
    assert not made.start.disabled
    made.seeds.value = 1_000_000_000
    drawn(shown)
    assert "1000000000 is out of range" in made.seeds_row.under.value
    assert made.start.disabled


def test_another_models_defaults_are_its_own(shown: Panel) -> None:
    base = shown.create.form.first()
    options = asked(base, {"model": ["miniature-turbo", "miniature"]}, 1).options
    assert "steps" not in options
    assert asked(base.replace(steps=6), {"model": ["miniature"]}, 1).options["steps"] == 6
    assert asked(base, {}, 1).options["steps"] == models.find("miniature-turbo").card.defaults.steps


def test_texts_have_commas_inside_of_quotes() -> None:
    assert listed('dog, "a fish, big" ,狗，鱼') == ["dog", "a fish, big", "狗", "鱼"]
    assert listed(" , ") == []


# The run


def test_a_sweep_is_begun_drawn_and_kept(shown: Panel, stub: StubEngine) -> None:
    made = vary(shown, ("steps", "4, 8"), seeds=3)
    sweep = begun(shown, made)
    sweep.wait()
    drawn(shown)
    assert sorted({(one.steps, one.seed) for one in stub.drawn}) == [(s, 42 + n) for s in (4, 8) for n in range(3)]
    assert made.run.board is not None
    assert "6 of 6 · done" in made.run.head.progress.widget.value
    assert made.run.head.pause.disabled
    assert made.run.head.cancel.disabled
    assert made.run.head.resume.disabled
    assert [one.id for one in saved(stub.home)] == [sweep.id]
    assert [label for label, _ in made.saved.widget.options] == ["Open one", f"{sweep.name} · 6"]


def test_a_run_is_paused_resumed_and_cancelled(tmp_path: Path) -> None:
    held = StubEngine(tmp_path / "held", held=True)
    panel = Panel(held, "en")
    panel.create.form.prompt.value = PROMPT
    made = vary(panel, ("steps", "4, 8"))
    sweep = begun(panel, made)
    until(lambda: sweep.counts.get("queued") == 4)
    drawn(panel)
    assert "0 of 4 · being made" in made.run.head.progress.widget.value
    made.run.head.pause.click()
    until(lambda: sweep.state == "paused")
    drawn(panel)
    assert "paused" in made.run.head.progress.widget.value
    assert not made.run.head.resume.disabled
    made.run.head.resume.click()
    until(lambda: sweep.state == "running")
    drawn(panel)
    panel.stop()  # as Escape does
    with Sweeps(held.home) as store:
        until(lambda: {row.state for row in store.cells(sweep.id)} == {"cancelled"})
    held.gate.set()
    until(lambda: sweep.done)
    drawn(panel)
    assert "cancelled" in made.run.head.progress.widget.value
    made.run.head.resume.click()
    until(lambda: sweep.counts.get("succeeded") == 4)
    close(panel)
    held.stop()


def test_a_chosen_cell_is_reused_shown_as_code_and_made_again(shown: Panel, stub: StubEngine) -> None:
    made = vary(shown, ("steps", "4, 8"))
    sweep = begun(shown, made)
    sweep.wait()
    assert made.run.board is not None
    drawn(shown)
    assert made.run.reuse.disabled
    made.run.board.choose((1, 1))
    drawn(shown)
    made.run.show_code.value = True
    assert "steps=8" in made.run.code.value
    made.run.rerun.click()
    until(lambda: len(stub.drawn) == 5 and sweep.done)
    drawn(shown)
    made.run.reuse.click()
    assert shown.tabs.chosen == "create"
    assert shown.create.form.fields["steps"].value == 8
    assert shown.create.form.seed.value == 43


def test_what_failed_is_counted_and_can_be_resumed(shown: Panel, stub: StubEngine) -> None:
    stub.fails = lambda request: request.steps == 8
    made = vary(shown, ("steps", "4, 8"))
    begun(shown, made).wait()
    drawn(shown)
    assert "2 not made" in made.run.head.progress.widget.value
    assert not made.run.head.resume.disabled


def test_choices_in_the_prompt_are_prompts_of_their_own(shown: Panel, stub: StubEngine) -> None:
    shown.create.form.prompt.value = "a {red|blue} {cat|dog}"
    made = vary(shown, ("steps", "4, 8"), seeds=1)
    assert "2 pictures" in made.told.value
    made.wildcards.value = True
    drawn(shown)
    assert "8 pictures" in made.told.value
    begun(shown, made).wait()
    assert {one.prompt for one in stub.drawn} == {f"a {c} {s}" for c in ("red", "blue") for s in ("cat", "dog")}


def test_it_is_saved_under_a_free_name(shown: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = vary(shown, ("steps", "4, 8"))
    sweep = begun(shown, made)
    sweep.wait()
    drawn(shown)
    export = made.run.export
    names = [f"{sweep.name}.png", f"{sweep.name}.html", sweep.name, f"{sweep.name} 2.png"]
    for kind, name in zip(["as_sheet", "as_page", "as_folder", "as_sheet"], names, strict=True):
        export.kind.value = kind
        export.save.click()
        until(lambda at=name: f"Saved {tmp_path / at}: 4 pictures" in export.said.value)
    assert Sweep.load(tmp_path / names[3], home=sweep.home).id == sweep.id
    assert len(list((tmp_path / names[2]).glob("*.png"))) == 4
    monkeypatch.setattr("zimage_lab.sweeps.Sweep.save", _no_room)
    export.save.click()
    until(lambda: "The disk of /x is full" in export.said.value)


def _no_room(*_: object, **__: object) -> None:
    raise StoreError(FULL)


def test_trouble_is_said(shown: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    made = vary(shown, ("steps", "4"))

    def refuse(*_: object, **__: object) -> None:
        raise StoreError(FULL)

    monkeypatch.setattr("zimage_lab.sweeps.start", refuse)
    made.start.click()
    assert "The disk of /x is full" in made.told.value


# The ways in, and back


def test_a_saved_sweep_is_opened_again(shown: Panel, stub: StubEngine) -> None:
    made = vary(shown, ("steps", "4, 8"))
    first = begun(shown, made)
    first.wait()
    begun(shown, vary(shown, ("steps", "2"))).wait()
    made.saved.look(stub.home)
    made.saved.widget.value = first.id
    drawn(shown)
    assert made.run.sweep is not None
    assert made.run.sweep.id == first.id
    assert "4 of 4 · done" in made.run.head.progress.widget.value
    assert made.saved.widget.value == ""
    made.open("nobody")
    assert "is no sweep of this home" in made.told.value


def test_a_shown_picture_and_one_of_the_gallery_are_sent_here(shown: Panel) -> None:
    shown.create.form.seed.take(7)
    shown.create.generate.click()
    until(lambda: shown.engine is not None and all(job.done for job in shown.engine.jobs()))
    drawn(shown)
    shown.create.form.prompt.value = "something else"
    shown.create.sweep.click()
    drawn(shown)
    made = shown.sweeping()
    assert shown.tabs.chosen == "sweep"
    assert made.base is not None
    assert (made.base.prompt, made.base.seed) == (PROMPT, 7)
    made.take.click()
    assert made.base.prompt == "something else"
    shown.tabs.turn("gallery")
    drawn(shown)
    assert shown.gallery is not None
    shown.gallery._clicked(0)
    drawn(shown)
    shown.gallery.viewer.sweep.click()
    assert shown.tabs.chosen == "sweep"
    assert made.base.prompt == PROMPT


def test_a_panel_made_anew_goes_on(shown: Panel, stub: StubEngine) -> None:
    made = vary(shown, ("replace", "dog", "cat"), ("steps", "4"), seeds=3)
    sweep = begun(shown, made)
    sweep.wait()
    again = Panel(stub, "en")
    carry(shown.create, again.create)
    again.go_on_with(shown)
    drawn(again)
    new = again.sweeping()
    assert again.tabs.chosen == "sweep"
    assert new.axes.told() == [("replace", "dog", "cat"), ("steps", "4", "")]
    assert (new.seeds.value, new.run.sweep) == (3, sweep)
    assert new.base == made.base
    close(again)


def test_it_speaks_chinese(stub: StubEngine) -> None:
    panel = Panel(stub, "zh")
    panel.create.form.prompt.value = "左侧一只红色的猫"
    made = vary(panel, ("steps", "4, 8"))
    assert "4 张图片" in made.told.value
    made.axes.rows[0].values.value = "4, x"
    drawn(panel)
    assert "不是数字" in under(made)
    made.axes.rows[0].values.value = "1-50"
    made.seeds.value = 40
    drawn(panel)
    assert "2,000 格超过了 1,000 格" in made.told.value
    close(panel)
