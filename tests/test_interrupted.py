"""The real engine, killed and interrupted in the middle of a picture: no broken file, and a record that says so.

Also the shell and the magic from end to end, with the bundled miniature.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from zimage_lab import models
from zimage_lab.store.engines import Engines
from zimage_lab.store.images import pixels_sha256, read_recipe
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from pathlib import Path

GENERATE = [sys.executable, "-m", "zimage_lab.cli", "generate", "a red circle on the left, white background"]
LONG = ["--steps", "50", "--width", "256", "--height", "256"]


def started(home: Path, *options: str) -> subprocess.Popen[str]:
    """Start `zimage-lab generate` in a home of its own."""
    return subprocess.Popen(
        [*GENERATE, *options, "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background of a shell ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads yet
    )


def wait_until_running(home: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the process has begun to draw."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        if (home / "lab.db").exists() and outcomes(home) == ["running"]:
            time.sleep(0.5)
            return
        time.sleep(0.05)
    pytest.fail("the picture was not begun in 180 s")


def outcomes(home: Path) -> list[str]:
    """Read the outcome of every attempt from the database, as another process would."""
    connection = sqlite3.connect(f"file:{home / 'lab.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in connection.execute("SELECT outcome FROM attempts ORDER BY rowid")]
    except sqlite3.OperationalError:  # the schema is not there yet
        return []
    finally:
        connection.close()


def whole_pictures(home: Path) -> list[Path]:
    """List the pictures; each must open, to its last byte."""
    paths = sorted((home / "images").rglob("*.png"))
    for path in paths:
        with Image.open(path) as image:
            image.load()
    return paths


@pytest.mark.timeout(400)
def test_a_kill_leaves_no_broken_file_and_an_attempt_that_says_interrupted(tmp_path: Path) -> None:
    home, output = tmp_path / "home", tmp_path / "x.png"
    process = started(home, *LONG, "--output", str(output))
    wait_until_running(home, process)
    process.kill()  # first who asked, so that nobody has another engine started
    process.communicate()
    with Engines(home) as engines:
        (engine,) = engines.living()
        os.kill(engine.pid, signal.SIGKILL)
        while engines.living():
            time.sleep(0.02)
    assert not output.exists()
    assert whole_pictures(home) == []
    with Queue(home) as queue:
        queue.recover()
    assert outcomes(home) == ["interrupted"]


@pytest.mark.timeout(400)
def test_a_killed_shell_loses_no_picture(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = started(home, *LONG)
    wait_until_running(home, process)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 180
    while outcomes(home) != ["succeeded"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(whole_pictures(home)) == 1


@pytest.mark.timeout(400)
def test_ctrl_c_cancels_within_a_step_and_says_so(tmp_path: Path) -> None:
    home, output = tmp_path / "home", tmp_path / "x.png"
    process = started(home, *LONG, "--output", str(output))
    wait_until_running(home, process)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "Cancelled" in complaint
    assert "Traceback" not in complaint
    assert not output.exists()
    assert whole_pictures(home) == []
    deadline = time.monotonic() + 60
    while outcomes(home) == ["running"]:  # the engine, another process, may need longer than the shell waits
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert outcomes(home) == ["cancelled"]


@pytest.mark.timeout(400)
def test_two_fresh_shells_give_equal_pixels(tmp_path: Path) -> None:
    hashes = set()
    for number in (1, 2):
        output = tmp_path / f"{number}.png"
        process = started(tmp_path / f"home{number}", "--seed", "42", "--output", str(output), "--json")
        printed, complaint = process.communicate(timeout=180)
        assert process.returncode == 0, complaint
        record = json.loads(printed)
        with Image.open(output) as image:
            assert pixels_sha256(image) == record["image"]["pixels_sha256"]
        assert read_recipe(output).request.seed == 42
        hashes.add(record["image"]["pixels_sha256"])
    assert len(hashes) == 1


@pytest.mark.timeout(400)
def test_over_long_prompts_are_wrong_input(tmp_path: Path) -> None:
    command = [*GENERATE[:-1], "red " * 600, "--home", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "512" in ended.stderr
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.timeout(400)
def test_the_magic_and_the_shell_draw_the_same_picture(tmp_path: Path) -> None:
    cells = (
        "%load_ext zimage_lab\n",
        "%%zimage --seed 7 --name picture\na red circle on the left, white background\n",
        "%zimage status\n",
    )
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "import zimage_lab, sys\n"
        "shell = InteractiveShell.instance()\n"
        f"for cell in {cells!r}:\n"
        "    shell.run_cell(cell).raise_error()\n"
        "picture = shell.user_ns['picture']\n"
        "print('pixels', picture.record.image.pixels_sha256)\n"
        "zimage_lab.load().stop()\n"
    )
    environment = {**os.environ, "ZIMAGE_LAB_HOME": str(tmp_path / "home"), "IPYTHONDIR": str(tmp_path / "ipython")}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    process = started(tmp_path / "other", "--seed", "7", "--json")
    record = json.loads(process.communicate(timeout=180)[0])
    assert f"pixels {record['image']['pixels_sha256']}" in ended.stdout


@pytest.mark.timeout(400)
def test_a_short_evaluation_of_real_weights(tmp_path: Path) -> None:
    """The bundled weights, as if they had learned this world: they know circles, but not where the judge wants them."""
    folder = tmp_path / "model"
    shutil.copytree(models.find("miniature-turbo").folder, folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    del card["training"]["world"]
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    command = [sys.executable, "-m", "zimage_lab.cli", "miniature", "evaluate", "--language", "zh", "--kind", "single"]
    command += ["--model", str(folder), "--prompts", "10", "--json"]
    environment = {**os.environ, "ZIMAGE_LAB_HOME": str(tmp_path / "home")}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["figures"]["pictures"] == 10
    assert not list((tmp_path / "home").rglob("*.png"))
