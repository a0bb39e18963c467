"""`zimage-lab workflow`: a graph from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from graphs import article, from_picture
from PIL import Image

from zimage_lab.cli import main


def written(folder: Path, graph: dict[str, object]) -> str:
    path = folder / "graph.json"
    path.write_text(json.dumps(graph))
    return str(path)


def test_a_graph_is_run_and_its_pictures_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cat = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "red").save(cat)
    file = written(tmp_path, from_picture())
    assert main(["workflow", "run", file, "--set", "10.seed=7", "--image", f"cat.png={cat}"]) == 0
    out, told = capsys.readouterr()
    assert Path(out.strip()).is_file()
    assert "draws in their place" in told


def test_what_is_wrong_is_told_in_comfyui_s_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, article(n10_steps=0))
    assert main(["workflow", "validate", file]) == 2
    assert "10 KSampler: value_smaller_than_min" in capsys.readouterr().out
    assert main(["workflow", "validate", file, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["node_errors"]["10"]["class_type"] == "KSampler"
    assert main(["workflow", "run", file]) == 2
    assert "node 10 (KSampler)" in capsys.readouterr().err
    assert main(["workflow", "validate", file, "--set", "10.steps=4"]) == 0
    assert "its outputs are 11" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--set", "10.steps"], ["--set", "99.text=x"], ["--set", "10.step=4"], ["--image", "cat.png=no/such.png"]],
)
def test_wrong_options_are_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["workflow", "validate", written(tmp_path, article()), *arguments]) == 2
    assert capsys.readouterr().err.startswith("zimage-lab: ")


def test_a_graph_is_printed_as_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workflow", "code", written(tmp_path, article()), "--set", '6.text=say "hi"']) == 0
    out = capsys.readouterr().out
    compile(out, "graph", "exec")
    assert "'text': 'say \"hi\"'" in out
