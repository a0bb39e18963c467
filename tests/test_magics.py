"""The magic: a cell's text is a prompt and nothing else, and a wrong option is a typed error of one sentence."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from fake_engine import FakeEngine, bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image
from samples import keep_picture, record
from stub_engine import StubEngine

import zimage_lab
from zimage_lab import magics
from zimage_lab.batch import Batch
from zimage_lab.engine import live
from zimage_lab.engine.job import Job
from zimage_lab.errors import InvalidRequest, JobFailed
from zimage_lab.magics.show import QUIET
from zimage_lab.models import catalog
from zimage_lab.options import SWEEP_OPTIONS
from zimage_lab.prompts import styles
from zimage_lab.result import GeneratedImage
from zimage_lab.sweeps import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Give an engine that draws plain pictures, in a home and a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    fake = FakeEngine(tmp_path / "home")
    monkeypatch.setattr(zimage_lab, "load", fake.load, raising=False)
    return fake


@pytest.fixture
def shell(engine: FakeEngine) -> Iterator[InteractiveShell]:
    """Give a shell with the extension, without history on disk."""
    assert engine is not None
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False  # type: ignore[union-attr]
    magics.load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, cell: str) -> tuple[Any, BaseException | None, str, list[Any]]:
    """Run a cell; gives its result, its error, what was printed, and what was displayed."""
    with capture_output() as captured:
        done = shell.run_cell(cell)
    return (
        done.result,
        done.error_before_exec or done.error_in_exec,
        captured.stdout + captured.stderr,
        captured.outputs,
    )


def test_the_body_is_the_prompt_word_by_word(shell: InteractiveShell, engine: FakeEngine) -> None:
    prompt = "左侧一个红色的圆形，\n  \"a 'blue' cat\" \\n {name} $HOME %d;"
    image, error, _, _ = run(shell, f"%%zimage --seed 7 --steps 2\n{prompt}")
    assert error is None
    assert isinstance(image, GeneratedImage)
    asked = engine.submitted[0].request
    assert (asked.prompt, asked.seed, asked.steps) == (prompt, 7, 2)
    assert repr(image) == "GeneratedImage(seed=7, 128x128, 2 steps, miniature-turbo)"


def test_every_option_reaches_the_request(shell: InteractiveShell, engine: FakeEngine) -> None:
    line = "--width 96 --height=64 --guidance-scale 2 --negative-prompt 'a cat' --shift 4 --name it"
    _, error, _, _ = run(shell, f"%%zimage {line}\na red circle")
    assert error is None
    asked = engine.submitted[0].request
    assert (asked.width, asked.height, asked.guidance_scale) == (96, 64, 2.0)
    assert (asked.negative_prompt, asked.shift) == ("a cat", 4.0)
    assert isinstance(shell.user_ns["it"], GeneratedImage)


BAD = {
    "a command after the options": ("%%zimage --steps 9; !touch x\na cat", "'!touch'"),
    "a command in the option": ("%%zimage --steps 9;\na cat", "steps"),
    "an unbalanced quote": ("%%zimage --negative-prompt 'oh\na cat", "quote"),
    "an unknown flag": ("%%zimage --sede 7\na cat", "'--seed'"),
    "an abbreviated flag": ("%%zimage --ste 7\na cat", "'--steps'"),
    "a flag without its value": ("%%zimage --seed\na cat", "--seed"),
    "a prompt on the first line": ("%%zimage a cat\na cat", "body"),
    "a blank cell": ("%%zimage --seed 7\n\n  \n", "prompt"),
    "an expression for a value": ("%%zimage --seed {__import__('os').system('touch x')}\na cat", "seed"),
    "a variable for a value": ("%%zimage --seed $HOME\na cat", "seed"),
    "nan": ("%%zimage --guidance-scale nan\na cat", "guidance_scale"),
    "a seed too large": (f"%%zimage --seed {2**64}\na cat", "seed"),
    "an unknown model": ("%%zimage --model miniature-trubo\na cat", "miniature-turbo"),
    "no variable's name": ("%%zimage --name a.b\na cat", "--name"),
    "a keyword for a name": ("%%zimage --name class\na cat", "--name"),
    "an unknown command": ("%zimage statsu", "status"),
    "a prompt on a line": ("%zimage a red circle", "%%zimage"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_input_is_a_typed_error_of_one_line(
    case: str, shell: InteractiveShell, engine: FakeEngine, tmp_path: Path
) -> None:
    cell, named = BAD[case]
    result, error, printed, _ = run(shell, cell)
    assert isinstance(error, InvalidRequest)
    assert result is None
    assert named in str(error)
    assert "Traceback" not in printed
    assert len(printed.strip().splitlines()) == 1
    assert not engine.submitted
    assert not (tmp_path / "x").exists()


def test_an_empty_cell_is_an_error(shell: InteractiveShell, engine: FakeEngine) -> None:
    _, error, _, _ = run(shell, "%%zimage --seed 7")
    assert error is not None
    assert not engine.submitted


@pytest.mark.parametrize(
    "body",
    ["{__import__('os').system('touch x')}", "$(touch x)", "`touch x`", "!touch x", "%%bash\ntouch x", "'; touch x"],
)
def test_nothing_in_the_body_is_run(body: str, shell: InteractiveShell, engine: FakeEngine, tmp_path: Path) -> None:
    _, error, _, _ = run(shell, f"%%zimage --steps 1\n{body}")
    assert error is None
    assert engine.submitted[0].request.prompt == body
    assert not (tmp_path / "x").exists()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_first_line_raises_anything_else(shell: InteractiveShell, engine: FakeEngine, line: str) -> None:
    with capture_output():
        try:
            shell.run_cell_magic("zimage", line, "a cat")
        except InvalidRequest as error:
            assert str(error)  # noqa: PT017 - either is fine, anything else is not
    assert engine is not None


def test_the_error_can_be_caught_and_pickled(shell: InteractiveShell) -> None:
    with pytest.raises(InvalidRequest) as caught:
        shell.run_cell_magic("zimage", "--seed -1", "a cat")
    assert caught.value.field == "seed"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


def test_variables_are_looked_up_only_where_asked_for(shell: InteractiveShell, engine: FakeEngine) -> None:
    shell.push({"colour": "red {animal}", "animal": "cat", "count": 3, "size": 1.5})
    body = "{count} {colour} cups, {size} cm, {{braces}}"
    for flags, prompt in (("", body), ("--variables", "3 red {animal} cups, 1.5 cm, {braces}")):
        _, error, _, _ = run(shell, f"%%zimage {flags}\n{body}")
        assert error is None
        assert engine.submitted[-1].request.prompt == prompt


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("a {colr} cat", "'colour'"),
        ("a {colour.__class__} cat", "colour.__class__"),
        ("{__import__('os').system('touch x')}", "__import__"),
        ("{__name__}", "__name__"),
        ("{_} {In} {get_ipython}", "{_}"),
        ("{In}", "{In}"),
        ("a {cat", "position 2"),
        ("a cat}", "position 5"),
        ("{table}", "a list"),
        ("{nothing}", "None"),
        ("{loud}", "RuntimeError"),
        ("{blank}", "prompt"),
    ],
)
def test_a_variable_that_cannot_be_is_a_sentence(
    body: str, told: str, shell: InteractiveShell, engine: FakeEngine, tmp_path: Path
) -> None:
    class Loud:
        def __str__(self) -> str:
            raise RuntimeError

    shell.push({"colour": "red", "table": [1], "nothing": None, "loud": Loud(), "blank": " "})
    _, error, printed, _ = run(shell, f"%%zimage --variables\n{body}")
    assert isinstance(error, InvalidRequest)
    assert told in str(error)
    assert len(printed.strip().splitlines()) == 1
    assert not engine.submitted
    assert not (tmp_path / "x").exists()


def test_the_progress_leaves_the_same_output_every_time(shell: InteractiveShell, engine: FakeEngine) -> None:
    engine.step_seconds = 0.06
    _, _, _, outputs = run(shell, "%%zimage --seed 7\na cat")
    shown = [output.data for output in outputs if output.metadata is not None]
    notes, progress = shown[0], shown[1:]
    assert notes["text/html"] == "<p>A note about &lt;this&gt;.</p>"
    assert any("denoising" in data.get("text/html", "") for data in progress)
    assert any("data:image/jpeg" in data.get("text/html", "") for data in progress)
    assert progress[0] == QUIET
    assert QUIET in progress[-2:]


def test_a_failed_job_is_one_line_too(shell: InteractiveShell, engine: FakeEngine) -> None:
    engine.fail = "The weights are damaged."
    _, error, printed, _ = run(shell, "%%zimage --name it\na cat")
    assert isinstance(error, JobFailed)
    assert "Traceback" not in printed
    assert "it" not in shell.user_ns


def test_an_interrupt_cancels_the_job(
    shell: InteractiveShell, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.step_seconds = 0.05

    def interrupt(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(live, "progress", interrupt)
    _, error, _, _ = run(shell, "%%zimage --steps 50\na cat")
    assert isinstance(error, KeyboardInterrupt)
    assert engine.submitted[0].cancelled


def test_status_starts_no_engine(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zimage_lab.engine.door._known", {})
    for line in ("%zimage", "%zimage status"):
        result, error, _, _ = run(shell, line)
        assert error is None
        assert repr(result) == "state          not started"


def test_status_of_an_engine(shell: InteractiveShell, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zimage_lab.engine.door._known", {("home", "cpu"): engine})
    result, _, _, _ = run(shell, "%zimage status")
    assert "idle" in repr(result)
    assert "miniature-turbo" in repr(result)


def test_rows_make_a_picture_each(shell: InteractiveShell, engine: FakeEngine, tmp_path: Path) -> None:
    rows = [{"animal": "cat", "colour": "red"}, {"animal": "狗", "colour": "blue"}]
    (tmp_path / "rows.csv").write_text("animal,colour\ncat,red\n狗,blue\n", encoding="utf-8")
    shell.push({"rows": rows, "frame": pd.DataFrame(rows), "size": "big"})
    for name in ("rows", "frame", "rows.csv"):
        engine.submitted.clear()
        batch, error, _, _ = run(
            shell, f"%%zimage --variables {name} --seed 5 --pictures 2 --name made\n{{size}} {{animal}}"
        )
        assert error is None
        assert [job.request.prompt for job in engine.submitted] == ["big cat", "big cat", "big 狗", "big 狗"]
        assert [job.request.seed for job in engine.submitted] == [5, 6, 5, 6]
        assert isinstance(batch, Batch)
        assert batch.done
        assert shell.user_ns["made"] is batch


def test_wildcards_and_styles_only_where_asked_for(shell: InteractiveShell, engine: FakeEngine) -> None:
    styles.save(styles.Style("poster", "poster of {prompt}", "blurry"))
    run(shell, "%%zimage --style poster --negative-prompt dark\n{a|b}")
    assert engine.submitted[-1].request.prompt == "poster of {a|b}"
    assert engine.submitted[-1].request.negative_prompt == "dark, blurry"
    run(shell, "%%zimage --wildcards\n{a|b} cat")
    assert [job.request.prompt for job in engine.submitted[-2:]] == ["a cat", "b cat"]
    before = len(engine.submitted)
    batch, _, _, shown = run(shell, "%%zimage --wildcards --draws 3 --seed 1\n{a|b|c|d} cat")
    assert sum("Batch(3 pictures" in str(one.data) for one in shown) <= 1, "once, as the cell's result"
    assert len(engine.submitted) == before + 3
    assert len(batch.frame()) == 3


def test_no_wait_gives_the_job(shell: InteractiveShell, engine: FakeEngine) -> None:
    engine.step_seconds = 0.05
    job, error, _, _ = run(shell, "%%zimage --no-wait --name going\na cat")
    assert error is None
    assert isinstance(job, Job)
    assert shell.user_ns["going"] is job
    job.cancel()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--variables nobody", "'nobody'"),
        ("--variables none.csv", "none.csv"),
        ("--variables number", "no table"),
        ("--draws 3", "--wildcards"),
        ("--wildcards --draws 0", "--draws"),
        ("--pictures 0", "--pictures"),
        ("--pictures x", "--pictures"),
        ("--style nobody", "'nobody'"),
        ("--wait --no-wait", "--wait"),
    ],
)
def test_what_cannot_be_many_is_a_sentence(line: str, told: str, shell: InteractiveShell, engine: FakeEngine) -> None:
    shell.push({"number": 7})
    _, error, printed, _ = run(shell, f"%%zimage {line}\na cat")
    assert isinstance(error, InvalidRequest)
    assert told in str(error)
    assert "Traceback" not in printed
    assert not engine.submitted


def test_lines_load_cancel_and_find(
    shell: InteractiveShell, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("zimage_lab.engine.door._known", {("home", "cpu"): engine})
    result, error, _, _ = run(shell, "%zimage load miniature-turbo")
    assert (error, "idle" in repr(result)) == (None, True)
    (tmp_path / "home").mkdir(exist_ok=True)
    keep_picture(tmp_path / "home", Image.new("RGB", (16, 16)), record("a red cat"))
    engine.step_seconds = 0.05
    job, _, _, _ = run(shell, "%%zimage --no-wait --steps 50\na dog")
    result, _, _, _ = run(shell, "%zimage cancel")
    assert "cancelled      1" in repr(result)
    assert job.cancelled
    frame, _, _, _ = run(shell, "%zimage history red cat --limit 5")
    assert list(frame["prompt"]) == ["a red cat"]
    result, error, _, _ = run(shell, "%zimage unload")
    assert (error, "state" in repr(result)) == (None, True)


@pytest.mark.parametrize(
    "line",
    ["history --limit x", "history --limit 0", "history --since never", "cancel nobody", "load a b", "unload --x"],
)
def test_a_line_that_cannot_be_is_a_sentence(
    line: str, shell: InteractiveShell, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zimage_lab.engine.door._known", {("home", "cpu"): engine})
    _, error, printed, _ = run(shell, f"%zimage {line}")
    assert isinstance(error, InvalidRequest)
    assert len(printed.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%zimage ", "history"),
        ("%zimage load ", "miniature-turbo"),
        ("%%zimage --s", "--seed"),
        ("%%zimage --seed 7 --w", "--wildcards"),
        ("%%zimage --model mini", "miniature-turbo"),
        ("%%zimage --style ", '"paper cut"'),
    ],
)
def test_tab_offers_what_may_come(shell: InteractiveShell, engine: FakeEngine, line: str, offered: str) -> None:
    assert engine is not None
    styles.save(styles.Style("paper cut", "paper cut"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # IPython's own way in, for shells without a kernel
        _, found = shell.complete("", line, len(line))
    assert offered in found


@pytest.mark.parametrize("line", ["%zimage --help", "%%zimage -h\na red cat"])
def test_help_lists_examples_and_options_and_draws_nothing(
    line: str, shell: InteractiveShell, engine: FakeEngine
) -> None:
    result, error, printed, _ = run(shell, line)
    assert (result, error, engine.submitted) == (None, None, [])
    assert "%zimage history cat" in printed
    assert "--wildcards" in printed


def test_unload_takes_the_magic_away(shell: InteractiveShell) -> None:
    magics.unload_ipython_extension(shell)
    assert shell.find_cell_magic("zimage") is None
    assert shell.find_line_magic("zimage") is None
    magics.unload_ipython_extension(shell)


@pytest.fixture
def stub(shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubEngine]:
    """Give an engine with the real queue, in the shell's place of one."""
    assert shell is not None
    made = StubEngine(tmp_path / "home")
    monkeypatch.setattr(zimage_lab, "load", lambda *_, **__: made, raising=False)
    yield made
    made.stop()


def test_a_sweep_on_a_line_shows_its_sheet_and_can_be_assigned(shell: InteractiveShell, stub: StubEngine) -> None:
    line = '%zimage sweep "a red cat" --seeds 2 --steps "4, 6" --replace "cat=dog" --width 64 --height 64 --name cats'
    sweep, error, _, outputs = run(shell, f"mine = {line}\nmine")
    assert error is None
    assert isinstance(sweep, Sweep)
    assert shell.user_ns["mine"] is shell.user_ns["cats"] is sweep
    assert (sweep.shape, sweep.counts) == ((2, 2, 2), {"succeeded": 8})
    assert len(stub.drawn) == 8
    (shown,) = [one.data for one in outputs if "image/jpeg" in one.data]
    assert shown["text/plain"] == "Contact sheet of cats"
    words = " ".join(one.data.get("text/plain", "") for one in outputs)
    assert "8 pictures (2 steps x 2 cat x 2 seed)" in words
    again, error, _, _ = run(shell, line)
    assert error is None
    assert again.id == sweep.id
    assert len(stub.drawn) == 8, "the same line makes only what is missing"


def test_a_sweep_takes_the_cell_word_by_word(shell: InteractiveShell, stub: StubEngine, tmp_path: Path) -> None:
    prompt = "左边一只猫, {red|blue} $HOME\n!touch x"
    sweep, error, _, outputs = run(shell, f"%%zimage sweep --seeds 2 --width 64 --height 64 --no-sheet\n{prompt}")
    assert error is None
    assert {cell.request.prompt for cell in sweep.cells} == {prompt}
    assert len(stub.drawn) == 2
    assert not any("image/jpeg" in one.data for one in outputs)
    assert not (tmp_path / "x").exists()


def test_what_a_sweep_line_names_is_written(shell: InteractiveShell, stub: StubEngine, tmp_path: Path) -> None:
    line = "--seeds 2 --width 64 --height 64 --page p.html --folder all --sheet s.png"
    _, error, _, _ = run(shell, f"%%zimage sweep {line}\na cat")
    assert error is None
    assert {path.name for path in tmp_path.iterdir()} >= {"p.html", "all", "s.png"}
    assert len(stub.drawn) == 2


def test_sweeps_are_listed_and_steered_on_a_line(shell: InteractiveShell, stub: StubEngine) -> None:
    stub.gate.clear()
    running, error, _, _ = run(shell, '%zimage sweep "a cat" --seeds 9 --width 64 --height 64 --name cats --no-wait')
    assert error is None
    assert running.state == "running"
    run(shell, "%zimage sweep pause cats")
    assert running.state == "paused"
    run(shell, "%zimage sweep cancel cats")
    stub.gate.set()
    running.wait(60)
    shown, _, _, _ = run(shell, "%zimage sweep show cats")
    assert shown.id == running.id
    resumed, _, _, _ = run(shell, "%zimage sweep resume cats --no-sheet")
    assert resumed.counts == {"succeeded": 9}
    table, _, _, _ = run(shell, "%zimage sweep list")
    assert table.to_dict("records") == [
        {"name": "cats", "state": "done", "pictures": 9, "axes": "9 seed", "states": "9 succeeded"}
    ]


BAD_SWEEPS = {
    "no prompt": ("%zimage sweep --seeds 4", "PROMPT"),
    "an empty cell": ("%%zimage sweep --seeds 4\n  \n", "prompt"),
    "a prompt on a cell's line": ("%%zimage sweep a cat --seeds 4\na cat", "quotes"),
    "an unknown option": ('%zimage sweep "a cat" --sedes 4', "'--seeds'"),
    "too many": ('%zimage sweep "a cat" --seeds 2000', "--no-limit"),
    "a billion": ('%zimage sweep "a cat" --seeds 1-1000000000', "more than"),
    "words without quotes": ("%zimage sweep a red cat", "quotes"),
    "an unknown sweep": ("%zimage sweep show dogs", "no sweep"),
    "a verb without a name": ("%zimage sweep show", "NAME"),
    "an open quote": ('%zimage sweep "a cat --seeds 4', "quote"),
    "an expression": ("%%zimage sweep --steps {__import__('os').system('touch x')}\na cat", "steps"),
    "nothing to write yet": ("%%zimage sweep --seeds 2 --no-wait --page x.html\na cat", "--no-wait"),
}


@pytest.mark.parametrize("case", BAD_SWEEPS)
def test_a_wrong_sweep_is_a_typed_error_of_one_line(
    case: str, shell: InteractiveShell, stub: StubEngine, tmp_path: Path
) -> None:
    cell, named = BAD_SWEEPS[case]
    result, error, printed, _ = run(shell, cell)
    assert isinstance(error, InvalidRequest)
    assert result is None
    assert named in str(error)
    assert len(printed.strip().splitlines()) == 1
    assert not stub.drawn
    assert not (tmp_path / "x").exists()


def test_a_sweep_is_completed_and_explained(shell: InteractiveShell, stub: StubEngine) -> None:
    stub.sweep("a cat", seeds=2, width=64, height=64, name="two cats").wait(60)

    def offered(line: str) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)  # as above
            return list(shell.complete("", line, len(line))[1])

    assert {"sweep"} <= set(offered("%zimage sw"))
    assert {"list", "resume", "--seeds", "--replace", "--steps"} <= set(offered("%zimage sweep "))
    assert "list" not in offered("%%zimage sweep ")
    assert '"two cats"' in offered("%zimage sweep resume ")
    assert "--page" in offered("%zimage sweep show x --")
    assert "miniature-turbo" in offered('%zimage sweep "a cat" --model ')
    _, error, printed, _ = run(shell, "%zimage sweep --help")
    assert error is None
    assert all(option.flag in printed for option in SWEEP_OPTIONS)
