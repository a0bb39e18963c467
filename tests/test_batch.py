"""Batches: every row accounted for, nothing made twice, nothing lost, whatever comes in between."""

from __future__ import annotations

import asyncio
import csv
import json
import threading
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from fake_engine import bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyed_engine import KeyedEngine
from PIL import Image

from zimage_lab import batch
from zimage_lab.batch import work
from zimage_lab.batch.folder import Folder
from zimage_lab.engine.pace import Pace, span
from zimage_lab.errors import EngineStopped, InvalidRequest, StoreError, ZImageError
from zimage_lab.models import catalog
from zimage_lab.prompts.table import BadRows
from zimage_lab.store.images import pixels_sha256, read_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine import Engine

ROWS = [{"sku": f"A{number}", "product": product} for number, product in enumerate(["cup", "hat", "shoe"], 1)]
TEMPLATE = "a {product}, white background"


@pytest.fixture(autouse=True)
def _bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "engine" not in request.fixturenames:  # the real engine has the real bundle
        monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))


@pytest.fixture
def fake(tmp_path: Path) -> KeyedEngine:
    return KeyedEngine(tmp_path / "home")


def start(engine: Any, source: object = ROWS, template: str | None = TEMPLATE, **options: Any) -> batch.Batch:  # noqa: ANN401
    return batch.start(engine, source, template, **options)


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.png"))


def test_every_row_and_seed_has_a_picture_and_a_line(fake: KeyedEngine, tmp_path: Path) -> None:
    out = tmp_path / "out" / "deep"
    made = start(fake, seeds=2, seed=7, output_dir=out, name="{sku}_{seed}", steps=3).wait()
    assert pictures(out) == [f"A{row}_{seed}.png" for row in (1, 2, 3) for seed in (7, 8)]
    frame = made.frame()
    assert list(frame.columns) == ["row", "line", "prompt", "seed", "state", "path", "seconds", "error", "record_id"]
    assert list(frame.seed) == [7, 8] * 3
    assert set(frame.state) == {"succeeded"}
    for row in frame.itertuples():
        record = read_recipe(row.path)
        assert (record.request.prompt, record.request.seed, record.request.steps) == (row.prompt, row.seed, 3)
        assert record.id == row.record_id
    lines = results(out)
    assert [(line["row"], line["seed"], line["path"]) for line in lines][:2] == [
        ("1", "7", "A1_7.png"),
        ("1", "8", "A1_8.png"),
    ]
    assert [line["sku"] for line in lines] == ["A1", "A1", "A2", "A2", "A3", "A3"], "their own columns are there, too"
    assert repr(made) == "Batch(6 pictures: 6 succeeded)"


def test_rows_override_options_and_choose_their_seed(fake: KeyedEngine) -> None:
    rows = [
        {"prompt": "a", "Seed": "18446744073709551614", "steps": "4", "width": 96.0},
        {"prompt": "b", "Seed": "", "steps": None, "width": float("nan"), "negative prompt": "c", "note": "x"},
    ]
    made = start(fake, rows, None, seeds=2, seed=5, steps=2, height=64, shift=None).wait()
    asked = sorted(fake.drawn, key=lambda request: (request.prompt, request.seed))
    assert [(one.prompt, one.seed, one.steps, one.width, one.height) for one in asked] == [
        ("a", 2**64 - 2, 4, 96, 64),
        ("a", 2**64 - 1, 4, 96, 64),
        ("b", 5, 2, 128, 64),
        ("b", 6, 2, 128, 64),
    ]
    assert asked[-1].negative_prompt == "c"
    assert made.results is None
    assert all(str(path).startswith(str(fake.home)) for path in made.frame().path)
    listed = start(fake, rows, None, seeds=[1, 9]).wait()
    assert [int(seed) for seed in listed.frame().seed] == [2**64 - 2, 1, 9]


def test_a_prompt_column_is_a_variable_of_a_template(fake: KeyedEngine) -> None:
    start(fake, [{"prompt": "a cup"}], "{prompt}, red").wait()
    assert fake.drawn[0].prompt == "a cup, red"


def test_all_bad_rows_are_named_before_anything_runs(fake: KeyedEngine, tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_text(
        "prompt,steps,model,seed\n"
        "a,8,,1\n"
        ",8,,1\n"
        "b,900,,1\n"
        "c,8\n"
        "d,eight,,1\n"
        "e,8,miniature-trubo,1\n"
        "f,8,,18446744073709551615\n"
        '"g\x1b",9.5,,\n',
        encoding="utf-8",
    )
    with pytest.raises(BadRows) as caught:
        start(fake, path, None, seeds=2, output_dir=tmp_path / "out")
    lines = caught.value.lines()
    assert len(lines) == 8
    for line, words in zip(
        lines,
        [
            "line 3, column prompt: is empty",
            "line 4, column steps: 900",
            "line 5: 2 values for 4",
            "line 6, column steps",
            "line 7, column model",
            "line 8, column seed",
            "line 9, column prompt",
            "line 9, column steps: '9.5'",
        ],
        strict=True,
    ):
        assert line.startswith(words)
        assert line.endswith(".")
        assert line.isprintable()
    assert "miniature-turbo" in lines[4]
    assert "rename" in lines[4]
    assert "7 rows" in str(caught.value)
    assert not fake.submitted
    assert not (tmp_path / "out").exists()
    made = start(fake, path, None, seeds=2, output_dir=tmp_path / "out", skip_bad=True).wait()
    assert made.counts == {"succeeded": 2, "skipped": 7}
    lines_there = results(tmp_path / "out")
    assert [line["state"] for line in lines_there] == ["succeeded"] * 2 + ["skipped"] * 7
    assert "column steps" in lines_there[3]["error"]
    assert list(made.frame().row) == [1, 1, 2, 3, 4, 5, 6, 7, 8]


def test_a_row_without_a_value_for_the_template_is_named(fake: KeyedEngine, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"product": "cup"}\n{"n": 1}\n{"product": null, "n": 2}\n')
    with pytest.raises(BadRows) as caught:
        start(fake, path)
    assert caught.value.lines() == ["line 2: this row has no 'product'. Give it a value; null leaves its place empty."]
    assert start(fake, path, skip_bad=True).wait().counts == {"succeeded": 2, "skipped": 1}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an option of all rows": ({"steps": 900}, "steps: 900"),
    "an unknown option": ({"stepz": 3}, "stepz"),
    "an unknown name": ({"template": "{prodct}"}, "'product'"),
    "a broken template": ({"template": "{product"}, "template"),
    "no template and no prompt": ({"template": None}, "'product'"),
    "an unknown name in a file's name": ({"name": "{skuu}", "output_dir": "out"}, "'sku'"),
    "a separator in a file's name": ({"name": "../{sku}", "output_dir": "out"}, "name"),
    "a name without a folder": ({"name": "{sku}"}, "output_dir"),
    "no seeds": ({"seeds": 0}, "seeds"),
    "a list of no seeds": ({"seeds": []}, "seeds"),
    "a seed twice": ({"seeds": [1, 2, 1]}, "twice"),
    "seeds in words": ({"seeds": "four"}, "seeds"),
    "a list and a first seed": ({"seeds": [1], "seed": 2}, "seed"),
    "too many seeds": ({"seeds": 10**9}, "seeds"),
    "seeds past the last": ({"seeds": 2, "seed": 2**64 - 1}, "seed"),
    "a prompt beside the table": ({"prompt": "a"}, "template"),
    "an unknown model": ({"model": "miniature-trubo"}, "miniature-turbo"),
    "a folder that is a file": ({"output_dir": __file__}, "output_dir"),
    "a folder of NUL": ({"output_dir": "a\0"}, "output_dir"),
    "a folder that is none": ({"output_dir": ""}, "output_dir"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_told_before_anything_runs(
    case: str, fake: KeyedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options, told = WRONG[case]
    with pytest.raises(InvalidRequest) as caught:
        start(fake, **{"template": TEMPLATE, **options})
    assert told in str(caught.value)
    assert not fake.submitted
    assert not (tmp_path / "out").exists()


def test_a_second_start_makes_only_what_is_missing(fake: KeyedEngine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fake.fails = lambda request: "hat" in request.prompt
    first = start(fake, seeds=2, output_dir=out, name="{sku}").wait()
    assert first.counts == {"succeeded": 4, "failed": 2}
    assert [line["error"] for line in results(out)][2:4] == ["It cannot be drawn."] * 2
    (out / "A1.png").unlink()
    fake.fails = lambda _: False
    fake.drawn.clear()
    again = start(fake, seeds=2, output_dir=out, name="{sku}").wait()
    assert again.counts == {"succeeded": 6}
    assert list(again.frame().seed) == list(first.frame().seed), "drawn once, and remembered"
    assert [request.prompt for request in fake.drawn] == ["a hat, white background"] * 2
    assert pictures(out) == ["A1.png", "A1_2.png", "A2.png", "A2_2.png", "A3.png", "A3_2.png"]
    assert again.id == first.id
    third = start(fake, seeds=2, output_dir=out, name="{sku}").wait()
    assert (third.counts, len(fake.drawn)) == ({"succeeded": 6}, 2)
    assert [cell.image.record.id for cell in third if cell.image] == list(again.frame().record_id)


def test_what_was_made_and_removed_everywhere_is_made_anew(fake: KeyedEngine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = start(fake, output_dir=out).wait()
    for path in [*fake.home.rglob("*.png"), *out.glob("*.png")]:
        path.unlink()
    again = start(fake, output_dir=out).wait()
    assert again.counts == {"succeeded": 3}
    assert len(fake.drawn) == 6
    assert set(again.frame().path) == set(first.frame().path)


def test_a_killed_start_leaves_nothing_to_make_twice(fake: KeyedEngine, tmp_path: Path) -> None:
    out, total = tmp_path / "out", 9
    fake.step_seconds = 0.002
    killed = start(fake, seeds=3, seed=1, output_dir=out)
    running = iter(killed)
    for _ in range(4):
        next(running)
    left = fake.die()
    known = len(left)
    for _ in range(known - 4):
        next(running)
    second = KeyedEngine(fake.home, left)
    (out / ".zimage-lab-batch.lock").unlink()  # the kill would have let it go
    # One more was drawn, but the kill came before its copy, before its line, or into the middle of its line.
    text = (out / "results.csv").read_bytes()
    (out / "results.csv").write_bytes(text[: -len(text.splitlines()[-1]) // 2])
    made = start(second, seeds=3, seed=1, output_dir=out).wait()
    assert made.counts == {"succeeded": total}
    assert len(pictures(out)) == len(results(out)) == total
    assert len(second.drawn) == total - known
    fake.gate.set()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 700), lost=st.sets(st.integers(0, 3)))
def test_a_table_torn_anywhere_is_made_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: int, lost: set[int]
) -> None:
    home = tmp_path_factory.mktemp("torn")
    engine = KeyedEngine(home / "home")
    rows = [{"prompt": 'a "quoted",\ncup', "n": number} for number in range(4)]
    first = start(engine, rows, None, seed=3, output_dir=home / "out", name="{n}").wait()
    table = home / "out" / "results.csv"
    head = len(table.read_bytes().split(b"\n")[0]) + 1
    table.write_bytes(table.read_bytes()[: head + cut])
    for number in lost:
        (home / "out" / f"{number}.png").unlink()
    again = start(engine, rows, None, output_dir=home / "out", name="{n}").wait()
    assert again.counts == {"succeeded": 4}
    assert len(engine.drawn) == 4, "the queue knows what it made"
    assert pictures(home / "out") == ["0.png", "1.png", "2.png", "3.png"]
    assert list(again.frame().record_id) == list(first.frame().record_id)
    assert len(results(home / "out")) == 4


def test_cancel_keeps_what_is_done_and_accounts_for_the_rest(fake: KeyedEngine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fake.step_seconds = 0.01
    running = start(fake, seeds=4, output_dir=out)
    next(iter(running))
    running.cancel()
    running.wait()
    running.cancel()
    counts = running.counts
    assert counts["succeeded"] + counts["cancelled"] == 12
    assert counts["succeeded"] >= 1
    assert len(pictures(out)) == counts["succeeded"]
    assert [line["state"] for line in results(out)].count("cancelled") == counts["cancelled"]
    fake.step_seconds = 0.0
    again = start(fake, seeds=4, output_dir=out).wait()
    assert again.counts == {"succeeded": 12}
    done = [request for request, job in zip(fake.drawn, fake.submitted, strict=False) if job.state == "succeeded"]
    assert len(pictures(out)) == 12
    assert len(done) <= len(fake.drawn)


def test_an_interrupt_cancels(fake: KeyedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.step_seconds = 0.01
    running = start(fake, seeds=4)
    wait = running._work.done.wait
    calls = iter([KeyboardInterrupt()])

    def interrupted(timeout: float | None = None) -> bool:
        for error in calls:
            raise error
        return wait(timeout)

    monkeypatch.setattr(running._work.done, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        running.wait()
    assert sum(running.counts.values()) == 12
    assert running.done
    assert running.counts["cancelled"] > 0


def test_the_queue_never_holds_more_than_the_window(fake: KeyedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "WINDOW", 5)
    made = start(fake, [f"picture {number}" for number in range(40)], None, steps=1).wait()
    assert made.counts == {"succeeded": 40}
    assert fake.most_waiting <= 5


def test_a_full_queue_is_asked_again(fake: KeyedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullError(ZImageError):
        retry_after = 0.01

    refusals = iter([FullError("full"), FullError("full")])
    submit = fake.submit

    def crowded(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        for error in refusals:
            raise error
        return submit(*arguments, **options)

    monkeypatch.setattr(fake, "submit", crowded)
    monkeypatch.setattr(work.inspect, "signature", lambda _, real=work.inspect.signature: real(submit))
    assert start(fake).wait().counts == {"succeeded": 3}


def test_an_engine_that_stops_ends_the_batch_with_its_sentence(
    fake: KeyedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "This engine was stopped."

    def refuse(*_: object, **__: object) -> object:
        raise EngineStopped(message)

    monkeypatch.setattr(fake, "submit", refuse)
    ended = start(fake, output_dir=tmp_path / "out")
    with pytest.raises(EngineStopped, match=message):
        ended.wait()
    assert ended.counts == {"cancelled": 3}
    assert message in results(tmp_path / "out")[0]["error"]
    with pytest.raises(EngineStopped):
        list(ended)


def test_a_folder_that_goes_away_ends_the_batch_and_loses_nothing(fake: KeyedEngine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fake.gate.clear()
    running = start(fake, seed=1, output_dir=out)
    for path in out.iterdir():
        path.unlink()
    out.rmdir()
    fake.gate.set()
    with pytest.raises((InvalidRequest, StoreError), match=r"folder|written"):
        running.wait()
    assert start(fake, seed=1, output_dir=out).wait().counts == {"succeeded": 3}


def test_no_file_of_somebody_else_is_written_over(fake: KeyedEngine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "A1.png").write_bytes(b"somebody else's")
    made = start(fake, output_dir=out, name="{sku}").wait()
    assert (out / "A1.png").read_bytes() == b"somebody else's"
    assert [str(path).rpartition("/")[2] for path in made.frame().path] == ["A1_2.png", "A2.png", "A3.png"]


def test_another_table_in_the_same_folder_leaves_the_first_pictures(fake: KeyedEngine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    start(fake, seed=1, output_dir=out, name="{sku}").wait()
    more = start(fake, [*ROWS[1:], {"sku": "A1", "product": "pen"}], seed=1, output_dir=out, name="{sku}").wait()
    assert len(fake.drawn) == 4, "rows that stayed are not made again"
    assert [line["state"] for line in results(out)] == ["succeeded"] * 3 + ["earlier"]
    assert pictures(out) == ["A1.png", "A1_2.png", "A2.png", "A3.png"]
    assert len(more.frame()) == 3
    back = start(fake, seed=1, output_dir=out, name="{sku}").wait()
    assert (back.counts, len(fake.drawn)) == ({"succeeded": 3}, 4)


def test_a_row_that_stands_twice_is_made_twice(fake: KeyedEngine, tmp_path: Path) -> None:
    made = start(fake, [ROWS[0], ROWS[0]], seed=1, output_dir=tmp_path, name="{sku}").wait()
    assert len(set(made.frame().record_id)) == 2


def test_one_batch_at_a_time_in_a_folder(fake: KeyedEngine, tmp_path: Path) -> None:
    fake.gate.clear()
    running = start(fake, output_dir=tmp_path / "out")
    with pytest.raises(InvalidRequest, match="another batch"):
        start(fake, output_dir=tmp_path / "out")
    fake.gate.set()
    running.wait()
    assert start(fake, output_dir=tmp_path / "out").wait().counts == {"succeeded": 3}


@pytest.mark.parametrize("text", ["", "{}", '{"id": 7, "seed": null}', "[]", '{"id": "x", "seed": "1"}'])
def test_a_damaged_memory_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / ".zimage-lab-batch.json").write_text(text)
    with pytest.raises(InvalidRequest, match="remove that file"):
        Folder(tmp_path)


def test_a_strange_results_table_is_left_alone(fake: KeyedEngine, tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidRequest, match="results table"):
        start(fake, output_dir=tmp_path)
    assert (tmp_path / "results.csv").read_text() == "a,b\n1,2\n"
    (tmp_path / "results.csv").unlink()
    start(fake, output_dir=tmp_path).wait()


def test_cells_come_as_they_end_and_the_frame_is_valid_at_any_time(fake: KeyedEngine) -> None:
    fake.gate.clear()
    running = start(fake, pd.DataFrame(ROWS))
    with pytest.raises(TimeoutError):
        running.wait(0.05)
    frame = running.frame()
    assert set(frame.state) <= {"waiting", "queued", "running"}
    assert frame.path.isna().all()
    assert running.progress.stage == "0 of 3 pictures"
    fake.gate.set()
    ended = [(cell.row, cell.state) for cell in running]
    assert ended == [(1, "succeeded"), (2, "succeeded"), (3, "succeeded")]
    assert running.progress.stage == "3 of 3 pictures"


def test_await_gives_the_batch(fake: KeyedEngine) -> None:
    running = start(fake)
    assert sum(running.counts.values()) == 3

    async def wait() -> batch.Batch:
        return await running

    assert asyncio.run(wait()) is running

    async def through() -> list[str]:
        return [cell.state async for cell in running]

    assert asyncio.run(through()) == ["succeeded"] * len(running.cells)


def test_awaiting_in_vain_cancels(fake: KeyedEngine) -> None:
    fake.gate.clear()
    running = start(fake)

    async def wait() -> None:
        await asyncio.wait_for(running, 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    fake.gate.set()
    assert set(running.wait().counts) == {"cancelled"}


def test_the_page_escapes_what_comes_from_the_table(fake: KeyedEngine, tmp_path: Path) -> None:
    fake.fails = lambda request: "hat" in request.prompt
    evil = "<img src=x onerror=alert(1)>"
    made = start(fake, [{"product": evil}, {"product": "hat"}], output_dir=tmp_path / evil.replace("/", "")).wait()
    page = made._repr_mimebundle_()["text/html"]
    assert "<img src=x" not in page
    assert "It cannot be drawn." in page
    assert "data:image/jpeg" in page


def test_callbacks_are_called_once(fake: KeyedEngine) -> None:
    told: list[int] = []
    ended = threading.Event()
    made = start(fake)
    made.add_done_callback(ended.set)
    assert ended.wait(10)
    made.add_done_callback(lambda: told.append(1))
    assert told == [1]


def test_pace_and_spans() -> None:
    pace = Pace()
    assert pace.left(10) is None
    pace.ended(10, 5.0, now=100.0)
    assert pace.left(20) == 10.0
    pace.ended(10, 5.0, now=101.0)
    assert pace.left(20) == 2.0
    assert [span(seconds) for seconds in (0.4, 61, 3600 + 300)] == ["0 s", "1 min 01 s", "1 h 05 min"]


def test_the_plan_tells_the_cost(tmp_path: Path) -> None:
    made = batch.plan(ROWS, TEMPLATE, seeds=4, steps=2, output_dir=tmp_path / "out", begin=False)
    assert (len(made.missing), made.cost) == (12, 12 * 128 * 128 * 2)
    assert not (tmp_path / "out").exists()


def test_the_memory_holds_the_first_seed_as_text(fake: KeyedEngine, tmp_path: Path) -> None:
    start(fake, seed=2**64 - 1, output_dir=tmp_path).wait()
    assert json.loads((tmp_path / ".zimage-lab-batch.json").read_text())["seed"] == str(2**64 - 1)


def test_a_batch_draws_what_single_requests_draw(engine: Engine, tmp_path: Path) -> None:
    made = start(
        engine, [{"c": "red"}, {"c": "blue"}], "a {c} circle", seeds=[3, 4], steps=1, output_dir=tmp_path / "o"
    )
    for cell in made:
        alone = engine.generate(cell.prompt, seed=cell.seed, steps=1)
        assert cell.path is not None
        with Image.open(cell.path) as image:
            assert pixels_sha256(image) == alone.record.image.pixels_sha256  # type: ignore[union-attr]
    assert made.counts == {"succeeded": 4}
    assert made.frame().seconds.gt(0).all()
