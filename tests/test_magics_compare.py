"""`%zimage compare`: on a line and over a cell, watched, reported, found again, completed; wrong input in one line."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from stub_engine import StubEngine
from test_magics import run

import zimage_lab
from zimage_lab import magics
from zimage_lab.compare import Comparison
from zimage_lab.errors import InvalidRequest
from zimage_lab.magics import compare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CURVE = "--models miniature-turbo --curve 2 4 --warm-up 0"


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubEngine]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    made = StubEngine(tmp_path / "home")
    monkeypatch.setattr(zimage_lab, "load", lambda *_, **__: made, raising=False)
    yield made
    made.stop()


@pytest.fixture
def shell(stub: StubEngine) -> Iterator[InteractiveShell]:
    assert stub is not None
    made = InteractiveShell.instance()
    made.history_manager.enabled = False  # type: ignore[union-attr]
    magics.load_ipython_extension(made)
    yield made
    InteractiveShell.clear_instance()


def shown(outputs: list[Any]) -> str:
    return "\n".join(str(one.data) for one in outputs)


def test_a_line_measures_and_names_its_result(shell: InteractiveShell, stub: StubEngine) -> None:
    line = f'%zimage compare "a red cat" "一只红猫" --seeds 2 --name cats {CURVE}'
    made, error, _, outputs = run(shell, line)
    assert error is None
    assert isinstance(made, Comparison)
    assert shell.user_ns["cats"] is made
    assert made.plan.shape == (2, 2, 2, 1)
    assert made.counts == {"succeeded": 8}
    assert "Equal seeds mean nothing" in shown(outputs)
    number = len(stub.drawn)
    again, _, _, _ = run(shell, line)
    assert again.id == made.id
    assert len(stub.drawn) == number, "nothing twice"


def test_a_cell_has_a_prompt_on_each_line(shell: InteractiveShell, stub: StubEngine, tmp_path: Path) -> None:
    report = tmp_path / "out.html"
    cell = f"%%zimage compare --language zh --report {report} {CURVE}\na {{red}} cat\n\n一只红猫\ta red cat\n"
    made, error, _, outputs = run(shell, cell)
    assert error is None
    assert [tuple(one) for one in made.plan.prompts] == [("a {red} cat", None), ("一只红猫", "a red cat")]
    assert "每张耗时" in shown(outputs)
    assert "<h1>" in report.read_text(encoding="utf-8")
    assert stub.drawn


def test_comparisons_are_listed_and_steered(shell: InteractiveShell, stub: StubEngine, tmp_path: Path) -> None:
    stub.gate.clear()
    made, error, _, _ = run(shell, f'%zimage compare "a cat" --name cats --no-wait {CURVE}')
    assert error is None
    assert not made.done
    run(shell, "%zimage compare pause cats")
    run(shell, "%zimage compare cancel cats")
    stub.gate.set()
    made.wait(20)
    table, _, _, _ = run(shell, "%zimage compare list")
    assert list(table["name"]) == ["cats"]
    resumed, error, _, _ = run(shell, "%zimage compare resume cats")
    assert error is None
    assert resumed.counts == {"succeeded": 2}
    seen, _, _, _ = run(shell, f"%zimage compare show cats --report {tmp_path / 'x.html'}")
    assert seen.id == made.id
    assert (tmp_path / "x.html").is_file()


BAD = {
    "no models": ('%zimage compare "a cat"', "--models"),
    "one model": ('%zimage compare "a cat" --models miniature-turbo', "one model cannot be compared"),
    "a model that is not there": ('%zimage compare "a cat" --models miniature-turbo nobody', "nobody"),
    "no prompt": (f"%zimage compare {CURVE}", "PROMPT"),
    "an empty cell": (f"%%zimage compare {CURVE}\n \n", "there is none"),
    "a prompt without quotes": (f"%zimage compare a red cat {CURVE}", '"a red cat"'),
    "a prompt twice": (f"%%zimage compare {CURVE}\na cat\na cat", "stands twice"),
    "an unknown option": (f'%zimage compare "a cat" --sedes 2 {CURVE}', "'--seeds'"),
    "seeds that are none": (f'%zimage compare "a cat" --seeds two {CURVE}', "seeds"),
    "a match that is none": (f'%zimage compare "a cat" {CURVE} --match speed', "speed"),
    "a report in no folder": (f'%zimage compare "a cat" {CURVE} --report no/x.html', "no folder"),
    "nothing to report yet": (f'%zimage compare "a cat" {CURVE} --no-wait --report x.html', "--no-wait"),
    "a language that is none": (f'%zimage compare "a cat" {CURVE} --language fr', "language"),
    "an unknown comparison": ("%zimage compare show dogs", "no comparison"),
    "a verb without a name": ("%zimage compare show", "NAME"),
    "an expression": (f"%zimage compare \"a cat\" {CURVE} --seeds {{__import__('os').system('touch x')}}", "seeds"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_a_typed_error_of_one_line(
    case: str, shell: InteractiveShell, stub: StubEngine, tmp_path: Path
) -> None:
    cell, named = BAD[case]
    result, error, printed, _ = run(shell, cell)
    assert isinstance(error, InvalidRequest)
    assert result is None
    assert named in str(error)
    assert len(printed.strip().splitlines()) == 1
    assert not stub.drawn
    assert not (tmp_path / "x").exists()


def test_it_is_completed_and_explained(shell: InteractiveShell, stub: StubEngine) -> None:
    two = {"a": "miniature-turbo", "b": {"model": "miniature-turbo", "steps": 2}}
    stub.compare("a cat", two, name="two cats").wait(60)

    def offered(line: str) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)  # IPython's own
            return list(shell.complete("", line, len(line))[1])

    assert "compare" in offered("%zimage co")
    assert {"list", "resume", "--models", "--curve"} <= set(offered("%zimage compare "))
    assert "list" not in offered("%%zimage compare ")
    assert '"two cats"' in offered("%zimage compare show ")
    assert "--report" in offered("%zimage compare show x --")
    assert "miniature-turbo" in offered('%zimage compare "a cat" --models ')
    _, error, printed, _ = run(shell, "%zimage compare --help")
    assert error is None
    assert all(flag in printed for flag in compare.flags())
