"""Free memory of a container, told by files as Linux writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from zimage_lab.models import host_memory

if TYPE_CHECKING:
    from pathlib import Path

GB = 10**9


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = psutil.virtual_memory()._replace(available=64 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"memory.{name}").write_text(text)


def test_without_a_container_the_machine_says(tmp_path: Path) -> None:
    assert host_memory.free_bytes(tmp_path / "nothing") == 64 * GB


def test_a_container_has_its_own_limit_and_cached_files_are_no_use(tmp_path: Path) -> None:
    write(tmp_path, max=f"{16 * GB}\n", current=f"{10 * GB}\n", stat=f"anon {6 * GB}\ninactive_file {3 * GB}\n")
    assert host_memory.free_bytes(tmp_path) == 9 * GB


def test_no_limit_is_none(tmp_path: Path) -> None:
    write(tmp_path, max="max\n", current=f"{10 * GB}\n", stat="inactive_file 0\n")
    assert host_memory.free_bytes(tmp_path) == 64 * GB


def test_the_older_layout(tmp_path: Path) -> None:
    files = {"limit_in_bytes": f"{8 * GB}\n", "usage_in_bytes": f"{9 * GB}\n", "stat": "total_inactive_file 0\n"}
    write(tmp_path / "memory", **files)
    assert host_memory.free_bytes(tmp_path) == 0


@pytest.mark.parametrize("broken", ["", "a b c\n", "\ud800".encode("utf-8", "replace").decode()])
def test_what_cannot_be_read_is_no_limit(tmp_path: Path, broken: str) -> None:
    write(tmp_path, max=f"{GB}\n", current=broken, stat="inactive_file 0\n")
    assert host_memory.free_bytes(tmp_path) == 64 * GB
