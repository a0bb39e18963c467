"""The doctor: tells what is wrong and how to mend it, and never falls ill itself."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from zimage_lab.cli import doctor, examination, main
from zimage_lab.cli.examination import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def found(name: str, findings: list[Finding]) -> Finding:
    """Give the finding of a name."""
    return next(finding for finding in findings if finding.name == name)


def test_it_examines_everything_that_a_picture_needs(tmp_path: Path) -> None:
    names = [finding.name for finding in examination.findings(str(tmp_path))]
    expected = "Python torch libraries device memory home space miniature JupyterLab extension kernel"
    assert names == expected.split()


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 0), ("problem", 1)])
def test_the_exit_code_says_whether_something_is_wrong(
    state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def some(_: str | None) -> Iterator[Finding]:
        yield Finding("torch", state, "some\x1bthing", "Mend it.")  # type: ignore[arg-type]

    monkeypatch.setattr(examination, "findings", some)
    assert main(["doctor"]) == code
    printed = capsys.readouterr().out
    assert "Mend it." in printed
    assert "\x1b" not in printed
    assert main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["ok"] is (code == 0)


def test_colour_is_for_terminals() -> None:
    assert "\x1b[31m" in doctor.lines(Finding("a", "problem", "b"), coloured=True)[0]


def test_a_broken_torch_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "TORCH", "raise ImportError('libcudart.so.12 is missing')")
    finding, facts = examination._torch()
    assert (finding.state, facts) == ("problem", {})
    assert "libcudart" in finding.what


def test_a_torch_that_kills_its_process_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "TORCH", "import os; os.abort()")
    assert examination._torch()[0].state == "problem"


def test_a_gpu_that_torch_cannot_use_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_driver", lambda: "NVIDIA H100, 550.1")
    finding = examination._device({"cuda": False, "built for": None})
    assert finding.state == "problem"
    assert "CUDA build" in finding.mend


def test_no_gpu_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_driver", lambda: None)
    assert examination._device({"cuda": False}).state == "ok"


def test_little_memory_and_space_are_problems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(examination, "MEMORY", 2**60)
    monkeypatch.setattr(examination, "SPACE", 2**60)
    assert examination._memory().state == "problem"
    assert found("space", list(examination._home(str(tmp_path)))).state == "problem"


def test_a_home_that_is_no_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = found("home", list(examination._home(str(tmp_path / "file"))))
    assert finding.state == "problem"
    assert "ZIMAGE_LAB_HOME" in finding.mend + finding.what


def test_a_damaged_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "lab.db").write_bytes(b"not a database at all" * 400)
    assert found("home", list(examination._home(str(tmp_path)))).state == "problem"


def test_an_old_jupyterlab_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "4.3.9")
    assert examination._jupyterlab().state == "problem"
    monkeypatch.setattr(metadata, "version", lambda _: "4.10.0rc1")
    assert examination._jupyterlab().state == "ok"


def test_a_missing_package_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    for examine in (examination._jupyterlab, examination._kernel, examination._libraries):
        assert examine().state == "problem"


def test_missing_weights_are_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("zimage_lab.models.catalog.BUNDLED", tmp_path)
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path))
    assert examination._guarded("miniature", examination._miniature).state == "problem"


def test_an_examination_that_raises_is_a_finding() -> None:
    def faint() -> Finding:
        message = "no"
        raise RuntimeError(message)

    finding = examination._guarded("thing", faint)
    assert (finding.name, finding.state) == ("thing", "problem")


def test_python_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examination._python().state == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert examination._python().state == "problem"
