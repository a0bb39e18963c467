"""The script for a CUDA device runs here, small, so that it is known to work where a device is at hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cuda_trial
import pytest

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ["--model", "miniature-turbo", "--device", "cpu", "--runs", "1", "--steps", "2", "--sizes", "64"]


def test_every_part_runs_on_the_cpu(tmp_path: Path) -> None:
    assert cuda_trial.main([*SMALL, "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / "trial.json").read_text())
    assert set(found) == {"command", "seconds", "build", *cuda_trial.PARTS}
    assert [(one["width"], one["seeds"]) for one in found["bench"]] == [(64, 1), (64, 4)]
    assert found["panel"]["click_to_png"] > found["panel"]["click_to_preview"] > 0
    assert (found["cancel"]["state"], found["cancel"]["next_state"]) == ("cancelled", "succeeded")
    for verb in ("encode", "denoise", "decode"):
        assert found["memory"][f"injected_in_{verb}"].startswith("succeeded: Memory ran out; drawn in a second attempt")
        assert found["memory"][f"after_{verb}"] == "succeeded"
    assert all("error" not in row for row in found["policies"] + found["family"])
    assert all(row["difference_to_the_first"] == 0 for row in found["policies"])
    told = (tmp_path / "out" / "trial.md").read_text()
    assert told.count("| 64 x 64 | 1 |") == 3
    assert "| panel: click to png |" in told
    assert "| 16 GB | balanced:" in told


def test_what_breaks_is_a_result_and_the_next_part_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        message = "no such luck"
        raise RuntimeError(message)

    monkeypatch.setattr(cuda_trial.parts.Trial, "bench", broken)
    monkeypatch.setattr(cuda_trial.parts.Trial, "cancel", lambda _: {"state": "cancelled"})
    assert cuda_trial.main([*SMALL, "--out", str(tmp_path), "--parts", "bench,cancel"]) == 1
    found = json.loads((tmp_path / "trial.json").read_text())
    assert found["bench"] == {"error": "RuntimeError: no such luck"}
    assert found["cancel"] == {"state": "cancelled"}
    told = (tmp_path / "trial.md").read_text()
    assert "Speed: RuntimeError: no such luck" in told
    assert "| panel: all | not measured |" in told


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cuda_trial.main(["--parts", "bench,dance"])
    assert "dance" in capsys.readouterr().err
