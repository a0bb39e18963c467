"""The shell face: exit codes, one-sentence errors, what goes to which stream, and what is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from fake_engine import FakeEngine, bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import zimage_lab
from zimage_lab.cli import main
from zimage_lab.cli.generate import wait
from zimage_lab.cli.terminal import table
from zimage_lab.models import catalog
from zimage_lab.store.images import read_recipe

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Give an engine that draws plain pictures, in a home of its own."""
    home = tmp_path / "home"
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(home))
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    fake = FakeEngine(home)
    monkeypatch.setattr(zimage_lab, "load", fake.load, raising=False)
    return fake


def test_generate_writes_the_copy_and_prints_its_path(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "x.png"
    options = ["--model", "miniature-turbo", "--seed", "7", "--steps", "8", "--width", "128", "--height", "64"]
    assert main(["generate", "a red circle", *options, "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    with Image.open(output) as image:
        assert image.size == (128, 64)
    asked = read_recipe(output).request
    assert (asked.prompt, asked.seed, asked.steps) == ("a red circle", 7, 8)
    assert engine.stopped
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".png"] == ["x.png"]


def test_generate_without_output_prints_where_the_picture_is(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "a red circle"]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip().startswith(str(engine.home))
    assert "Note: A note about <this>." in printed.err


def test_json_prints_the_record_and_nothing_else_on_standard_output(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "左侧一个红色的圆形", "--seed", str(2**64 - 1), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["state"] == "succeeded"
    assert record["request"]["prompt"] == "左侧一个红色的圆形"
    assert record["request"]["seed"] == str(2**64 - 1)
    assert (engine.home / record["image"]["path"]).is_file()


def test_home_option_beats_the_environment(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert main(["generate", "a red circle", "--home", str(other)]) == 0
    assert capsys.readouterr().out.startswith(str(other))
    assert engine.home == other


def test_the_settings_name_the_model(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.home.mkdir(exist_ok=True)
    (engine.home / "config.toml").write_text('model = "z-image-turbo"\n', encoding="utf-8")
    assert main(["generate", "a red circle", "--width", "512", "--height", "512"]) == 0
    assert main(["generate", "a red circle", "--model", "miniature-turbo"]) == 0
    assert [job.request.model for job in engine.submitted] == ["z-image-turbo", "miniature-turbo"]
    assert capsys.readouterr().out


WRONG = {
    "empty prompt": ([""], "prompt"),
    "blank prompt": ([" \u200b"], "prompt"),
    "control character": (["a\x1b[31mb"], "prompt"),
    "half a character": (["a\udc80"], "prompt"),
    "long prompt": (["x" * 20001], "prompt"),
    "steps 0": (["a", "--steps", "0"], "steps"),
    "steps above the card": (["a", "--steps", "51"], "steps"),
    "steps are words": (["a", "--steps", "many"], "steps"),
    "steps in other digits": (["a", "--steps", "٨"], "steps"),
    "a fraction of a step": (["a", "--steps", "8.5"], "steps"),
    "width not a multiple": (["a", "--width", "100"], "width"),
    "width above the card": (["a", "--width", "2048"], "width"),
    "negative seed": (["a", "--seed", "-1"], "seed"),
    "seed too large": (["a", "--seed", str(2**64)], "seed"),
    "endless seed": (["a", "--seed", "9" * 5000], "seed"),
    "nan": (["a", "--guidance-scale", "nan"], "guidance_scale"),
    "infinite": (["a", "--guidance-scale", "inf"], "guidance_scale"),
    "no shift": (["a", "--shift", "0"], "shift"),
    "unknown model": (["a", "--model", "miniature-trubo"], "miniature-turbo"),
    "unknown option": (["a", "--sede", "7"], "'--seed'"),
    "abbreviated option": (["a", "--wid", "128"], "'--width'"),
    "unknown option with a value": (["a", "--stepz=3"], "'--steps'"),
    "a second prompt": (["a", "b"], "quotes"),
    "no prompt": ([], "PROMPT"),
    "option without its value": (["a", "--seed"], "--seed"),
    "output in no folder": (["a", "--output", "/nowhere/x.png"], "--output"),
    "output is no picture": (["a", "--output", "x.gif"], "--output"),
    "output without a name": (["a", "--output", ""], "--output"),
    "output with NUL": (["a", "--output", "a\0.png"], "--output"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    case: str, engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, named = WRONG[case]
    assert main(["generate", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err
    assert printed.err.count("\n") == 1, "one line"
    assert printed.err.strip().isprintable()
    assert not engine.submitted
    assert not list(engine.home.rglob("*.png"))


def test_output_that_is_a_folder_is_wrong_input(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    assert main(["generate", "a", "--output", str(tmp_path / "x.png")]) == 2
    assert not engine.submitted


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=12), max_size=4))
def test_no_words_make_it_raise(engine: FakeEngine, words: list[str]) -> None:
    assert main(["generate", *words]) in {0, 2}
    assert engine is not None


@pytest.mark.parametrize(
    ("arguments", "suggested"),
    [(["generat", "x"], "generate"), (["miniature", "evaluat"], "evaluate"), (["miniature", "train", "flo"], "flow")],
)
def test_unknown_command_suggests_a_close_one(
    arguments: list[str], suggested: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert f"Did you mean '{suggested}'?" in capsys.readouterr().err


def test_a_failed_job_is_exit_code_1_and_writes_no_copy(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.fail = "The weights are damaged. Get them again."
    assert main(["generate", "a", "--output", str(tmp_path / "x.png")]) == 1
    assert "The weights are damaged." in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_an_interrupt_cancels_the_job(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.step_seconds = 0.05
    looks = iter([None, KeyboardInterrupt()])

    def interrupted(job: object, _: object) -> object:
        def look() -> None:
            error = next(looks)
            if error:
                raise error

        return wait(job, look)  # type: ignore[arg-type]

    monkeypatch.setattr("zimage_lab.cli.generate.wait", interrupted)
    assert main(["generate", "a", "--steps", "50", "--output", str(tmp_path / "x.png")]) == 3
    assert engine.submitted[0].cancelled
    assert engine.stopped
    assert not (tmp_path / "x.png").exists()
    assert "Cancelled" in capsys.readouterr().err


def test_the_bar_is_drawn_on_a_terminal_only(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.step_seconds = 0.05
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert main(["generate", "a"]) == 0
    printed = capsys.readouterr()
    assert "denoising" in printed.err
    assert printed.out.count("\n") == 1


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"zimage-lab {zimage_lab.__version__}\n"


@pytest.mark.parametrize("command", [[], ["generate"], ["models"], ["where"], ["doctor"], ["miniature", "evaluate"]])
def test_help_is_done(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: zimage-lab")


def test_an_argument_too_many_is_no_prompt_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["where", "all"]) == 2
    assert "'all' is one argument too many. See zimage-lab where --help." in capsys.readouterr().err
    assert main(["models", "all"]) == 2
    assert "'all' is not one we have. Use one of add" in capsys.readouterr().err


def test_brackets_in_a_table_are_brackets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    table(["WHERE"], [[r"C:\[bold]\[/x]"]])
    assert r"C:\[bold]\[/x]" in capsys.readouterr().out


def test_models_lists_the_catalog(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert "miniature-turbo" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"miniature-turbo", "z-image-turbo"} <= {model["id"] for model in listed["models"]}
    assert engine.submitted == []


def test_where_names_every_place(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["where"]) == 0
    assert str(engine.home / "lab.db") in capsys.readouterr().out
    assert main(["where", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["images"] == str(engine.home / "images")
    assert facts["free_bytes"] > 0
    assert (facts["memory"], facts["memory_budget_bytes"], facts["quantization"]) == ("auto", None, "none")
    (engine.home / "config.toml").write_text('memory = "small"\nmemory_gb = 12\n')
    assert main(["where"]) == 0
    assert "12.0 GB" in capsys.readouterr().out


def test_a_home_that_cannot_be_made_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["where", "--home", str(tmp_path / "file")]) == 1
    assert "ZIMAGE_LAB_HOME" in capsys.readouterr().err


def test_the_shell_starts_without_torch() -> None:
    code = "import sys; from zimage_lab.cli import main; main(['--version']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_reader_who_leaves_early_sees_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "ZIMAGE_LAB_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "zimage_lab.cli", "models"]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(writing)
    assert ended.stderr == b""
    assert ended.returncode == 1


def test_letters_that_the_output_cannot_show_are_escaped(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "zimage_lab.cli", "where", "--json", "--home", str(tmp_path / "家😀")]
    ended = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert json.loads(ended.stdout)["home"] == str(tmp_path / "家😀")
