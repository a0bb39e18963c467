"""A job that a cell ends with shows how far it is, and then its picture, in a real kernel and while other cells run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import FakeEngine, bundle
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel

from zimage_lab.engine import live
from zimage_lab.models import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient

CELL = """
import zimage_lab
engine = zimage_lab.load()
engine.submit("a red circle, white background", seed=1, steps=50)
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingKernelClient]:
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=120)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_job_shows_its_progress_and_then_its_picture(kernel: BlockingKernelClient) -> None:
    cell = kernel.execute(CELL)
    shown: list[dict[str, Any]] = []
    while not (shown and "image/png" in shown[-1]["data"]):
        message = kernel.get_iopub_msg(timeout=120)
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] in {"display_data", "update_display_data"}:
            assert message["parent_header"]["msg_id"] == cell  # else a front end would not know whose it is
            shown.append(message["content"])
    assert len({content["transient"]["display_id"] for content in shown}) == 1
    assert "<progress" in shown[0]["data"]["text/html"]
    assert any("denoising" in content["data"].get("text/html", "") for content in shown)
    assert shown[-1]["data"]["text/plain"] == "GeneratedImage(seed=1, 128x128, 50 steps, miniature-turbo)"


def test_a_job_of_a_terminal_is_shown_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    engine = FakeEngine(tmp_path / "home", fail="The weights are damaged.")
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False  # type: ignore[union-attr]
    try:
        job = engine.submit("a cat", seed=3)
        job._done.wait(10)
        live.follow(job)
    finally:
        InteractiveShell.clear_instance()
    assert capsys.readouterr().out == "Job(failed, seed=3, 128x128, miniature-turbo): The weights are damaged.\n"
