"""`zimage-lab batch`: what it says before, while and after, its exit codes, and what Ctrl-C and a kill leave behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fake_engine import bundle
from keyed_engine import KeyedEngine
from PIL import Image

import zimage_lab
from zimage_lab.cli import main, waiting
from zimage_lab.errors import EngineStopped
from zimage_lab.models import catalog
from zimage_lab.store.images import read_recipe

TABLE = "sku,product\nA1,red circle\nA2,blue square\nA3,green triangle\n"
TEMPLATE = "a {product}, white background"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyedEngine:
    """Give an engine that draws plain pictures, and a table in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    (tmp_path / "prompts.csv").write_text(TABLE, encoding="utf-8")
    engine = KeyedEngine(tmp_path / "home")
    monkeypatch.setattr(zimage_lab, "load", engine.load, raising=False)
    return engine


def batch(*more: str, template: str = TEMPLATE) -> int:
    return main(["batch", "prompts.csv", "--template", template, "--output-dir", "out", *more])


def states(folder: Path) -> list[str]:
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return [line["state"] for line in csv.DictReader(file)]


def test_it_tells_the_cost_and_prints_the_results_table(
    fake: KeyedEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch("--seeds", "2", "--seed", "5", "--steps", "4", "--name", "{sku}_{seed}") == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'out' / 'results.csv'}\n"
    told = [line for line in printed.err.splitlines() if not line.startswith("Note")]
    assert told[0] == "3 rows, 2 each: 6 pictures."
    assert told[1] == "Cost: 6 pictures, 393216 pixels x steps."
    assert told[-1] == "Pictures and rows: 6 succeeded, in 0 s."
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png"))[:2] == ["A1_5.png", "A1_6.png"]
    assert states(tmp_path / "out") == ["succeeded"] * 6
    assert fake.stopped
    assert batch("--seeds", "2", "--seed", "5", "--steps", "4", "--name", "{sku}_{seed}") == 0
    assert "nothing was made" in capsys.readouterr().err
    assert len(fake.drawn) == 6


def test_seeds_may_be_listed(fake: KeyedEngine) -> None:
    assert batch("--seeds", "3, 1,") == 0
    assert sorted(request.seed for request in fake.drawn) == [1, 1, 1, 3, 3, 3]


def test_some_failed_is_exit_code_1_and_names_them(fake: KeyedEngine, capsys: pytest.CaptureFixture[str]) -> None:
    fake.fails = lambda request: "square" in request.prompt
    assert batch("--seed", "7") == 1
    told = capsys.readouterr().err
    assert "line 3, seed 7: failed. It cannot be drawn." in told
    assert "2 succeeded, 1 failed" in told
    assert "tries those that failed" in told


def test_bad_rows_are_lines_and_exit_code_2(
    fake: KeyedEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"p{number},x{number}\n" for number in range(30))
    (tmp_path / "prompts.csv").write_text("product,steps\na,8\n" + rows, encoding="utf-8")
    assert batch() == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 22
    assert "30 rows of 'prompts.csv'" in told[0]
    assert "--skip-bad" in told[0]
    assert told[1].startswith("  line 3, column steps: 'x0' is not a whole number.")
    assert told[-1] == "  ... and 10 more"
    assert not (tmp_path / "out").exists()
    assert batch("--skip-bad") == 0
    assert "1 succeeded, 30 skipped" in capsys.readouterr().err
    assert states(tmp_path / "out") == ["succeeded"] + ["skipped"] * 30
    assert len(fake.drawn) == 1


WRONG = {
    "no output folder": (["prompts.csv", "--template", TEMPLATE], "--output-dir"),
    "no table": (["none.csv", "--output-dir", "out"], "none.csv"),
    "no template": (["prompts.csv", "--output-dir", "out"], "template"),
    "seeds in words": (["prompts.csv", "--template", TEMPLATE, "--seeds", "four", "--output-dir", "out"], "seeds"),
    "an unknown option": (["prompts.csv", "--templat", "x", "--output-dir", "out"], "'--template'"),
    "no arguments": ([], "TABLE"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    case: str, fake: KeyedEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, named = WRONG[case]
    assert main(["batch", *arguments]) == 2
    printed = capsys.readouterr()
    assert named in printed.err
    assert printed.err.count("\n") == 1
    assert not fake.submitted
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_nothing(fake: KeyedEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("--dry-run", "--seed", "3", "--name", "{sku}") == 0
    printed = capsys.readouterr()
    assert "2\t3\tA1.png\ta red circle, white background" in printed.out
    assert "Nothing was made." in printed.err
    assert main(["batch", "prompts.csv", "--template", TEMPLATE, "--dry-run", "--json", "--seeds", "4"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["pictures"], facts["missing"], facts["pixels_x_steps"]) == (12, 12, 12 * 128 * 128 * 8)
    assert not fake.submitted
    assert not (tmp_path / "out").exists()


def test_json_says_what_came_of_it(fake: KeyedEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["states"] == {"succeeded": 3}
    assert fake.stopped


def test_notes_of_the_table_are_told(fake: KeyedEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prompts.csv").write_bytes("product,cfg\n红色的圆形,1\n".encode("gbk"))
    assert batch("--negative-prompt", "x") == 0
    told = capsys.readouterr().err
    assert "read as GBK" in told
    assert "'cfg'" in told
    assert "Note (1 row): The negative prompt does nothing" in told
    assert "红色的圆形" in fake.drawn[0].prompt


def test_ctrl_c_keeps_what_is_done(
    fake: KeyedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.step_seconds = 0.02
    wait = waiting.wait

    def interrupted(running: Any, _: object) -> None:  # noqa: ANN401
        def look() -> None:
            if running.progress.step:
                raise KeyboardInterrupt

        wait(running, look)

    monkeypatch.setattr(waiting, "wait", interrupted)
    assert batch("--seeds", "4") == 3
    told = capsys.readouterr().err
    assert "The same command again makes the rest." in told
    assert set(states(tmp_path / "out")) == {"succeeded", "cancelled"}
    assert len(states(tmp_path / "out")) == 12
    monkeypatch.setattr(waiting, "wait", wait)
    fake.step_seconds = 0.0
    assert batch("--seeds", "4") == 0
    assert states(tmp_path / "out") == ["succeeded"] * 12


def test_an_engine_that_stops_is_exit_code_1_and_says_how_to_go_on(
    fake: KeyedEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "The engine was stopped."

    def refuse(*_: object, **__: object) -> object:
        raise EngineStopped(message)

    monkeypatch.setattr(fake, "submit", refuse)
    assert batch() == 1
    told = capsys.readouterr().err.splitlines()
    assert "the same command again makes the rest" in told[-2]
    assert told[-1] == f"zimage-lab: {message}"


def test_the_bar_is_drawn_on_a_terminal_and_lines_elsewhere(
    fake: KeyedEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "LINE_SECONDS", 0.0)
    fake.step_seconds = 0.02
    assert batch() == 0
    fake.step_seconds = 0.004
    assert "of 3 pictures" in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert batch("--seeds", "9") == 0
    assert "of 27 pictures" in capsys.readouterr().err


STUB = """
import sys
from pathlib import Path
import zimage_lab
from keyed_engine import KeyedEngine
from zimage_lab.cli import main
zimage_lab.load = KeyedEngine(Path("home"), step_seconds=0.02).load
sys.exit(main(sys.argv[1:]))
"""
OPTIONS = [
    "--seeds",
    "3",
    "--steps",
    "4",
    "--width",
    "64",
    "--height",
    "64",
    "--output-dir",
    "out",
    "--name",
    "{sku}_{seed}",
    "--home",
    "home",
]


def started(folder: Path, *command: str) -> subprocess.Popen[str]:
    """Start a batch of nine pictures in a process of its own."""
    (folder / "prompts.csv").write_text(TABLE, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, *command, "batch", "prompts.csv", "--template", TEMPLATE, *OPTIONS],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
        # A test run in the background of a shell ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads yet
    )


def wait_for_pictures(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + 90
    while len(list((folder / "out").glob("*.png"))) < count:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline, f"no {count} pictures in 90 s"
        time.sleep(0.02)


def test_the_signal_of_ctrl_c_ends_the_process_with_exit_code_3(tmp_path: Path) -> None:
    process = started(tmp_path, "-c", STUB)
    wait_for_pictures(tmp_path, process, 2)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 3, complaint
    assert "The same command again makes the rest." in complaint
    assert "Traceback" not in complaint
    assert len(states(tmp_path / "out")) == 9
    assert states(tmp_path / "out").count("succeeded") == len(list((tmp_path / "out").glob("*.png"))) < 9


@pytest.mark.timeout(180)
def test_after_a_kill_nothing_is_made_twice_and_nothing_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = started(tmp_path, "-m", "zimage_lab.cli")  # the real engine, with the real miniature
    wait_for_pictures(tmp_path, process, 2)
    process.kill()
    process.communicate(timeout=60)
    monkeypatch.chdir(tmp_path)
    assert batch(*OPTIONS) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out' / 'results.csv'}\n"
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["state"] for line in lines] == ["succeeded"] * 9
    assert sorted(line["path"] for line in lines) == sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    for line in lines:
        path = tmp_path / "out" / line["path"]
        with Image.open(path) as image:
            image.load()
        record = read_recipe(path)
        assert (record.id, str(record.request.seed)) == (line["record_id"], line["seed"])
    made = [read_recipe(path).job_id for path in (tmp_path / "home" / "images").rglob("*.png")]
    assert len(made) == len(set(made)) == 9
