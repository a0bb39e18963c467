"""`zimage-lab sweep`: what it says before, while and after, its exit codes, and what Ctrl-C leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import bundle
from stub_engine import StubEngine

import zimage_lab
from zimage_lab.cli import main, waiting
from zimage_lab.errors import InvalidRequest
from zimage_lab.models import catalog
from zimage_lab.options import SWEEP_AXES, SWEEP_OPTIONS, SWEEP_VERBS
from zimage_lab.request import GenerationRequest
from zimage_lab.sweeps import Sweep, inside, saved, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

CAT = "a red cat on the left"


@pytest.fixture
def engine(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubEngine]:
    """Give an engine that draws plain pictures at once, and an empty working folder."""
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    own_home.mkdir()
    made = StubEngine(own_home)
    stop = made.stop
    monkeypatch.setattr(made, "stop", lambda: None)  # each command ends its engine; this one serves several
    monkeypatch.setattr(zimage_lab, "load", lambda *_, **__: made, raising=False)
    yield made
    stop()


def sweep(*arguments: str) -> int:
    return main(["sweep", *arguments])


SMALL = ("--width", "64", "--height", "64")


def test_it_tells_the_count_first_and_leaves_a_sheet(engine: StubEngine, capsys: pytest.CaptureFixture[str]) -> None:
    code = sweep(CAT, "--seeds", "2", "--steps", "4, 6", "--replace", "cat=dog,fish", "--name", "cats", *SMALL)
    printed = capsys.readouterr()
    assert code == 0
    assert printed.out == f"{Path('cats.png').absolute()}\n"
    told = printed.err.splitlines()
    counted = next(line for line in told if "pictures (" in line)
    assert counted.startswith("12 pictures (2 steps x 3 cat x 2 seed), 0.0 megapixels")
    assert told[-2].startswith("cats.png: 12 pictures, ")
    assert told[-1].startswith("cats: 12 succeeded, in ")
    assert len(engine.drawn) == 12
    assert inside.read("cats.png").name == "cats"
    assert sweep(CAT, "--seeds", "2", "--steps", "4, 6", "--replace", "cat=dog,fish", "--name", "cats", *SMALL) == 0
    assert len(engine.drawn) == 12, "the same line makes only what is missing"
    assert [path.name for path in Path().iterdir()] == ["cats.png"], "its own sheet is drawn anew"


def test_a_file_of_somebody_else_is_spared(engine: StubEngine) -> None:
    Path("cats.png").write_bytes(b"mine")
    assert sweep(CAT, "--seeds", "2", "--name", "cats", *SMALL) == 0
    assert Path("cats.png").read_bytes() == b"mine"
    assert inside.read("cats_2.png").name == "cats"
    assert len(engine.drawn) == 2


def test_every_output_is_written_and_printed(engine: StubEngine, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = ["--sheet", "a.webp", "--page", "b.html", "--folder", "c", "--columns", "steps"]
    assert sweep(CAT, "--seeds", "2", "--steps", "2,3", *SMALL, *outputs) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in paths] == ["a.webp", "b.html", "c"]
    assert len(list(paths[2].iterdir())) == 5
    assert len(engine.drawn) == 4


def test_json_says_what_came_of_it(engine: StubEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.fails = lambda request: request.seed == 8
    assert sweep(CAT, "--seeds", "7,8", "--json", "--no-sheet", *SMALL) == 1
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert facts["states"] == {"succeeded": 1, "failed": 1}
    assert facts["axes"] == {"seed": ["7", "8"]}
    assert facts["saved"] == []
    assert "seed 8: It cannot be drawn." in printed.err
    assert "zimage-lab sweep resume 'sweep 1'" in printed.err
    engine.fails = lambda _: False
    assert sweep("resume", "sweep 1", "--no-sheet") == 0
    assert Sweep.load("sweep 1").counts == {"succeeded": 2}
    assert len(engine.drawn) == 3


def test_a_dry_run_makes_nothing(engine: StubEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(CAT, "--seeds", "4", "--dry-run") == 0
    assert "Nothing was made." in capsys.readouterr().err
    assert not engine.drawn
    assert saved() == []


WRONG = {
    "no prompt": (["--seeds", "4"], "PROMPT"),
    "an unknown option": ([CAT, "--seds", "4"], "'--seeds'"),
    "no such field's value": ([CAT, "--steps", "0"], "steps"),
    "a notation that cannot be": ([CAT, "--steps", "8-"], "steps"),
    "a needle that is not there": ([CAT, "--replace", "dog=fish"], "--replace: 'dog'"),
    "nothing to replace": ([CAT, "--replace", "dog"], "--replace"),
    "too many": ([CAT, "--seeds", "2000"], "--no-limit"),
    "a billion": ([CAT, "--seeds", "1-1000000000"], "more than"),
    "a billion of two axes": ([CAT, "--seeds", "1-40000", "--steps", "1-30000", "--no-limit"], "more than"),
    "a prompt without quotes": (["a", "red", "cat"], "quotes"),
    "a mistyped verb": (["lits"], "'list'"),
    "an unknown sweep": (["show", "dogs"], "no sweep"),
    "a sheet that is a page": ([CAT, "--sheet", "x.html"], "--sheet"),
    "a page that is a sheet": ([CAT, "--page", "x.png"], "--page"),
    "nowhere": ([CAT, "--sheet", "no/where.png"], "no folder"),
    "an unknown axis": ([CAT, "--model", "miniature-trubo"], "'miniature-turbo'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    case: str, engine: StubEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, named = WRONG[case]
    began = time.monotonic()
    assert sweep(*arguments) == 2
    assert time.monotonic() - began < 10
    printed = capsys.readouterr()
    assert named in printed.err
    assert printed.err.count("\n") == 1
    assert not engine.drawn
    assert saved() == []
    assert not list(Path().iterdir())


def test_sweeps_are_listed_and_shown(engine: StubEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep("list") == 0
    assert "no sweep yet" in capsys.readouterr().out
    engine.fails = lambda request: request.seed == 2
    engine.sweep(CAT, seeds=range(1, 31), width=64, height=64, name="cats").wait(60)
    assert sweep("list") == 0
    assert capsys.readouterr().out == "cats\tdone\t30\t30 seed\t29 succeeded, 1 failed\n"
    assert sweep("show", "cats") == 0
    printed = capsys.readouterr()
    assert "seed\t1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 18 more" in printed.out
    assert "It cannot be drawn." in printed.err
    assert sweep("show", "cats", "--sheet", "x.png", "--json") == 0
    assert json.loads(capsys.readouterr().out)["saved"] == [str(Path("x.png").absolute())]
    assert sweep("list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sweeps"][0]["states"] == {"succeeded": 29, "failed": 1}


def test_a_sweep_is_paused_cancelled_and_resumed(engine: StubEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.gate.clear()
    running = engine.sweep(CAT, seeds=30, width=64, height=64, name="cats")
    assert sweep("pause", "cats") == 0
    assert running.state == "paused"
    assert "paused" in capsys.readouterr().out
    assert sweep("cancel", "cats") == 0
    engine.gate.set()
    running.wait(60)
    assert "cancelled" in running.counts
    assert sweep("resume", "cats") == 0
    assert Sweep.load("cats").counts == {"succeeded": 30}
    assert len(engine.drawn) == len({one.seed for one in engine.drawn}) + max(0, len(engine.drawn) - 30)


def test_a_sheet_from_elsewhere_is_made_here(
    engine: StubEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.sweep(CAT, seeds=3, width=64, height=64, name="cats").wait(60).save("cats.png")
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "elsewhere"))
    there = StubEngine(tmp_path / "elsewhere")
    monkeypatch.setattr(zimage_lab, "load", lambda *_, **__: there, raising=False)
    assert sweep("resume", "cats.png", "--no-sheet") == 0
    assert len(there.drawn) == 3


def test_ctrl_c_keeps_what_is_done(
    engine: StubEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wait = waiting.wait

    def interrupted(running: Any, _: object) -> None:  # noqa: ANN401
        def look() -> None:
            if running.progress.step:
                raise KeyboardInterrupt

        wait(running, look)

    monkeypatch.setattr(waiting, "wait", interrupted)
    assert sweep(CAT, "--seeds", "400", "--name", "cats", *SMALL) == 3
    told = capsys.readouterr().err
    assert "Stopping after the step that runs" in told
    assert "zimage-lab sweep resume cats" in told
    counts = Sweep.load("cats").counts
    assert 0 < counts["succeeded"] < 400
    monkeypatch.setattr(waiting, "wait", wait)
    assert sweep("resume", "cats", "--no-sheet") == 0
    assert Sweep.load("cats").counts == {"succeeded": 400}
    assert len(engine.drawn) < 410


STUB = """
import sys, time
from pathlib import Path
import zimage_lab
from stub_engine import StubEngine
from zimage_lab.cli import main
draw = StubEngine._draw
def slowly(engine, *given):
    time.sleep(0.1)
    draw(engine, *given)
StubEngine._draw = slowly
zimage_lab.load = lambda *_, home, **__: StubEngine(Path(home))
sys.exit(main(sys.argv[1:]))
"""


def test_the_signal_of_ctrl_c_ends_the_process_with_exit_code_3(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUB, "sweep", CAT, "--seeds", "300", "--name", "cats", "--home", "home", *SMALL],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
        # A test run in the background of a shell ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads yet
    )
    deadline = time.monotonic() + 90
    while len(list((tmp_path / "home" / "images").glob("*/*.png"))) < 2:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, complaint = process.communicate(timeout=60)
    assert process.returncode == 3, complaint
    assert "Traceback" not in complaint
    assert out.strip().endswith("cats.png")
    counts = Sweep.load("cats", home=tmp_path / "home").counts
    assert counts["succeeded"] < 300
    assert set(counts) <= {"succeeded", "cancelled", "waiting"}, "nothing is left in the queue"


# --- what the texts mean


def test_every_field_is_an_option_that_makes_an_axis() -> None:
    names = {option.name for option in SWEEP_AXES}
    assert set(GenerationRequest.model_fields) - {"prompt", "workflow"} <= names  # a whole graph is no value of an axis
    assert {"seeds", "size", "lora_weight", "replace"} <= names
    assert len({option.flag for option in SWEEP_OPTIONS}) == len(SWEEP_OPTIONS)
    assert all(option.many for option in SWEEP_AXES)


@pytest.mark.parametrize(
    ("name", "texts", "value"),
    [
        ("steps", ["8"], 8),
        ("steps", ["4, 6"], "4, 6"),
        ("steps", ["4", "6-8"], "4, 6-8"),
        ("seeds", ["4"], 4),
        ("seeds", ["1-4"], "1-4"),
        ("guidance_scale", ["1.5"], 1.5),
        ("guidance_scale", ["0-2 [5]"], "0-2 [5]"),
        ("model", ["a, b"], ["a", "b"]),
        ("model", ["a"], "a"),
        ("model", ["a", "b"], ["a", "b"]),
        ("negative_prompt", ["a, b"], "a, b"),
        ("negative_prompt", ["a", "b"], ["a", "b"]),
        ("loras", ["a:0.5, b"], [("a", 0.5), ("b", 1.0)]),
        ("loras", ["a:0.5", "none"], [[("a", 0.5)], []]),
        ("reference_images", ["a.png, b.png"], ["a.png", "b.png"]),
        ("truncate", ["yes", "no"], [True, False]),
        ("truncate", ["perhaps"], "perhaps"),
        ("size", ["128x128", "192x128"], "128x128, 192x128"),
    ],
)
def test_texts_are_read_as_the_sweep_takes_them(name: str, texts: list[str], value: object) -> None:
    prompt, options = typed.asked(["a red cat"], {name: texts})
    assert prompt == "a red cat"
    assert options[name] == value


def test_replacements_are_read_in_both_ways() -> None:
    _, options = typed.asked(["a red cat"], {"replace": ["cat=dog, fish", "red,blue"], "no_limit": True})
    assert options["prompt_replace"] == {"cat": ["dog", "fish"], "red": ["blue"]}
    assert options["limit"] is None


def test_several_prompts_are_an_axis() -> None:
    assert typed.asked(["a cat", "a dog"], {})[0] == ["a cat", "a dog"]
    assert typed.asked(["猫", "狗"], {})[0] == ["猫", "狗"]
    assert typed.asked(["cat"], {})[0] == "cat"
    for verb in SWEEP_VERBS:
        with pytest.raises(InvalidRequest, match=verb):
            typed.asked([verb + "s"], {})
