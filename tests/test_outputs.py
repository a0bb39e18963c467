"""The panel's pictures as ordinary outputs of its cell: a notebook that was saved shows them without a kernel."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_client import BlockingKernelClient

PANEL = """
import zimage_lab
from zimage_lab.widgets import Panel
shown = Panel(zimage_lab.load(), outputs={outputs})
"""
DRAW = """
for seed in range({first}, {last}):
    shown.engine.submit("a red cat in the middle", seed=seed, steps=1, source="panel").result(60)
"""
QUIET = 3
"""Seconds without a message after which none comes any more."""

Told = dict[str, list[dict[str, Any]]]


def run(client: BlockingKernelClient, *sources: str) -> Told:
    """Run cells; give what each output was in turn, by its display id."""
    found: Told = {}
    for source in sources:
        client.execute(source, reply=True, timeout=120)
    try:
        while True:
            message = client.get_iopub_msg(timeout=QUIET)
            content = message["content"]
            assert message["msg_type"] not in {"error", "execute_result"}, content
            if message["msg_type"] in {"display_data", "update_display_data"}:
                found.setdefault(content["transient"]["display_id"], []).append(content)
    except queue.Empty:
        return found


def test_the_newest_pictures_stand_in_the_panel_s_cell(tmp_path: Path) -> None:
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        assert run(client, PANEL.format(outputs=False), DRAW.format(first=0, last=1)) == {}, "the studio has none"

        one = run(client, PANEL.format(outputs=True), DRAW.format(first=1, last=2))
        empty = ["zl-slot" in slot[-1]["data"].get("text/html", "") for slot in one.values()]
        assert empty == [False, True, True, True], "empty ones are no sight"

        more = run(client, DRAW.format(first=2, last=6))
        last = [more[name][-1] for name in one]
        assert [f"seed={seed}" in slot["data"]["text/plain"] for seed, slot in zip((5, 4, 3, 2), last, strict=True)]
        assert all(slot["data"]["image/png"] for slot in last)
        assert {slot["metadata"]["image/png"]["width"] for slot in last} == {128}
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
