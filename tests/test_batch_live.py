"""A batch that ends a cell shows its bar and then its pictures, in a real kernel and while other cells run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_live import kernel

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

__all__ = ["kernel"]  # the fixture

CELL = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from fake_engine import bundle
from keyed_engine import KeyedEngine
from zimage_lab import batch
from zimage_lab.models import catalog
catalog.BUNDLED = bundle(Path("bundled"))
batch.start(KeyedEngine(Path("home"), step_seconds=0.03), ["a cup", "a hat"], output_dir="out")
"""


def test_a_batch_shows_its_progress_and_then_its_pictures(
    kernel: BlockingKernelClient,
    tmp_path: Path,
) -> None:
    kernel.execute_interactive(f"import os; os.chdir({str(tmp_path)!r})", timeout=120)
    kernel.execute(CELL)
    shown: list[dict[str, Any]] = []
    while not (shown and "<progress" not in shown[-1]["data"]["text/html"]):
        message = kernel.get_iopub_msg(timeout=120)
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] in {"display_data", "update_display_data"}:
            shown.append(message["content"])
    assert len({content["transient"]["display_id"] for content in shown}) == 1
    assert "of 2 pictures" in shown[0]["data"]["text/html"]
    assert any("data:image/jpeg" in content["data"]["text/html"] for content in shown[:-1]), "a preview"
    assert shown[-1]["data"]["text/plain"] == "Batch(2 pictures: 2 succeeded)"
    assert shown[-1]["data"]["text/html"].count("data:image/jpeg") == 2
    assert "results.csv" in shown[-1]["data"]["text/html"]
