"""`zimage-lab compare`: refused before any work where something cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zimage_lab.cli import main
from zimage_lab.cli.compare import read
from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("a red cat\n\n左边的白猫\ta white cat on the left\n", encoding="utf-8")
    return path


def test_a_file_of_prompts_with_meanings(prompts: Path, tmp_path: Path) -> None:
    assert read(prompts) == {"a red cat": None, "左边的白猫": "a white cat on the left"}
    prompts.write_text("a\na\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="stands twice"):
        read(prompts)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read(tmp_path / "nothing.txt")


def test_wrong_input(prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*words: str) -> str:
        assert main(["compare", "--prompts", str(prompts), *words]) == 2
        return capsys.readouterr().err

    assert "one model cannot be compared" in refused("--models", "miniature-turbo")
    assert "not a known model" in refused("--models", "miniature-turbo", "nobody")
    assert "cannot be matched" in refused("--models", "miniature-turbo", "z-image", "--match", "speed")
    assert "no language" in refused("--models", "miniature-turbo", "z-image", "--language", "fr")
    assert "no page's name" in refused("--models", "miniature-turbo", "z-image", "--report", str(tmp_path / "a.pdf"))


@pytest.mark.timeout(170)
def test_what_steps_buy_in_one_command(prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "steps.html"
    words = ["--models", "miniature-turbo", "--curve", "1", "2", "--report", str(page), "--name", "steps"]
    assert main(["compare", "--prompts", str(prompts), *words]) == 0
    told = capsys.readouterr()
    assert "miniature-turbo, 1 step: 128x128, 1 steps" in told.out
    assert "Equal seeds mean nothing" in told.err
    assert page.read_text(encoding="utf-8").count("data:image/webp") == 4
