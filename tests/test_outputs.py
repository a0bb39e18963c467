"""The panel's pictures as ordinary outputs of its cell: a notebook that was saved shows them without a kernel."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from pathlib import Path

MAKE = """
import time, zimage_lab
from zimage_lab.widgets import Panel
shown = Panel(zimage_lab.load(), outputs={outputs})
"""
DRAW = """
for seed in range({number}):
    shown.engine.submit("a red cat in the middle", seed=seed, steps=1, source="panel").result(60)
"""
QUIET = 3
"""Seconds without a message after which none comes any more."""


def told(folder: Path, *, outputs: bool, number: int) -> dict[str, list[dict[str, Any]]]:
    """Make pictures in a kernel; give what each output of the first cell was in turn, by its display id."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        for source in (MAKE.format(outputs=outputs), DRAW.format(number=number)):
            client.execute(source, reply=True, timeout=120)
        while True:
            message = client.get_iopub_msg(timeout=QUIET)
            content = message["content"]
            assert message["msg_type"] not in {"error", "execute_result"}, content
            if message["msg_type"] in {"display_data", "update_display_data"}:
                found.setdefault(content["transient"]["display_id"], []).append(content)
    except queue.Empty:
        return found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_the_newest_pictures_stand_in_the_panel_s_cell(tmp_path: Path) -> None:
    slots = list(told(tmp_path, outputs=True, number=5).values())
    last = [slot[-1] for slot in slots]
    assert [f"seed={seed}" in slot["data"]["text/plain"] for seed, slot in zip((4, 3, 2, 1), last, strict=True)]
    assert all(slot["data"]["image/png"] for slot in last)
    assert {slot["metadata"]["image/png"]["width"] for slot in last} == {128}


def test_empty_ones_are_no_sight(tmp_path: Path) -> None:
    slots = list(told(tmp_path, outputs=True, number=1).values())
    assert ["zl-slot" in slot[-1]["data"].get("text/html", "") for slot in slots] == [False, True, True, True]


def test_the_studio_has_none(tmp_path: Path) -> None:
    assert told(tmp_path, outputs=False, number=1) == {}
