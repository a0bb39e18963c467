"""`zimage-lab miniature`: the evaluation leaves no trace, and training stages get what was typed."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from fake_engine import FakeEngine, bundle

import zimage_lab
from zimage_lab.cli import main, miniature
from zimage_lab.models import catalog


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Give an engine that draws plain pictures, in a home of its own."""
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    fake = FakeEngine(tmp_path / "unused")
    monkeypatch.setattr(zimage_lab, "load", fake.load, raising=False)
    return fake


def test_evaluate_prints_the_table(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["miniature", "evaluate", "--language", "zh", "--prompts", "3", "--steps", "4"]) == 0
    printed = capsys.readouterr()
    assert "pictures\t3\n" in printed.out
    assert "right\t0.0%" in printed.out, "a plain picture shows nothing that was asked for"
    assert "3/3" in printed.err
    assert [job.request.steps for job in engine.submitted] == [4, 4, 4]
    assert [job.request.seed for job in engine.submitted] == [1, 2, 3]
    assert engine.stopped


def test_evaluate_as_json(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["miniature", "evaluate", "--language", "en", "--prompts", "2", "--json"]) == 0
    text = capsys.readouterr().out
    assert "NaN" not in text, "JSON has no such number"
    printed = json.loads(text)
    assert (printed["model"], printed["language"], printed["figures"]["pictures"]) == ("miniature-turbo", "en", 2)
    assert all("circle" in text or text.isascii() for text in (job.request.prompt for job in engine.submitted))


def test_evaluate_leaves_no_trace_in_the_history(engine: FakeEngine, tmp_path: Path) -> None:
    assert main(["miniature", "evaluate", "--language", "en", "--prompts", "2"]) == 0
    assert engine.home.name.startswith("zimage-lab-")
    assert not engine.home.exists()
    assert not list((tmp_path / "home").rglob("*.png"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate"],
        ["evaluate", "--language", "fr"],
        ["evaluate", "--language", "en", "--prompts", "0"],
        ["evaluate", "--language", "en", "--prompts", "all"],
        ["evaluate", "--language", "en", "--seed", "-1"],
        ["evaluate", "--language", "en", "--steps", "0"],
        ["evaluate", "--language", "en", "--model", "nothing"],
        [],
        ["train"],
        ["train", "flow"],
        ["train", "flow", "--folder", "x"],
        ["train", "flow", "--folder", "x", "--steps", "-5"],
        ["train", "latents", "--folder", "x", "--pictures", "many"],
        ["train", "sharpen", "--folder", "x", "--minutes", "nan"],
        ["train", "diffusion", "--folder", "x"],
        ["train", "autoencoder", "--folder", "x", "--family", "sdxl"],
        ["train", "latents", "--folder", "x", "--family", ""],
    ],
)
def test_wrong_input_is_exit_code_2(
    arguments: list[str], engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["miniature", *arguments]) == 2
    assert not engine.submitted
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["autoencoder", "--pictures", "9", "--learning-rate", "1e-3"], {"pictures": 9, "learning_rate": 1e-3}),
        (["latents", "--device", "cpu", "--seed", "0"], {"device": "cpu", "seed": 0}),
        (["flow", "--minutes", "30"], {"minutes": 30.0, "steps": miniature.FIRST_GUESS}),
        (["sharpen", "--steps", "5", "--batch", "4"], {"steps": 5, "batch": 4}),
        (["latents", "--family", "stable_diffusion"], {"family": "stable_diffusion"}),
        (["diffusion", "--minutes", "30"], {"minutes": 30.0, "steps": miniature.FIRST_GUESS}),
        (
            ["package", "--name", "mine", "--target", "/t"],
            {"name": "mine", "target": Path("/t")},
        ),
    ],
)
def test_train_hands_over_what_was_typed(
    arguments: list[str],
    expected: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: dict[str, object] = {}

    def stage(folder: Path, **options: object) -> Path:
        seen.update(options)
        return folder / "result"

    names: list[str] = []
    monkeypatch.setattr(miniature, "_stage", lambda name: names.append(name) or stage)  # type: ignore[func-returns-value]
    assert main(["miniature", "train", *arguments, "--folder", str(tmp_path / "work")]) == 0
    assert names == [arguments[0]]
    assert {name: value for name, value in seen.items() if name != "report"} == expected
    assert capsys.readouterr().out == f"{tmp_path / 'work' / 'result'}\n"
    assert (tmp_path / "work").is_dir()


def test_every_option_of_a_stage_is_a_parameter_of_it() -> None:
    for name, (_, options) in miniature.STAGES.items():
        known = inspect.signature(miniature._stage(name)).parameters
        for flag, _, _ in options:
            assert flag.removeprefix("--").replace("-", "_") in known
