"""What several tests share: a home folder of their own and a running engine with the real miniature."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from fake_hub import Hub, serving
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.engine import Engine


def pytest_collection_finish() -> None:
    """Leave what the imports made out of garbage collection: torch alone is half a million objects to look at."""
    gc.collect()
    gc.freeze()


# A test does not fail because the machine is busy, nor by what was drawn on one day and not on another.
settings.register_profile("any day", deadline=None, derandomize=True)
settings.load_profile("any day")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep every test out of the user's pictures, and no engine alive that a test's processes started."""
    home = tmp_path / "home"
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(home))
    monkeypatch.setenv("ZIMAGE_LAB_ENGINE_IDLE_MINUTES", "1")
    yield home
    for database in tmp_path.glob("**/lab.db"):
        end_engines(database.parent)


def end_engines(home: Path) -> None:
    """Kill the engines of a home that live in other processes."""
    from zimage_lab.errors import ZImageError
    from zimage_lab.store.engines import Engines

    with suppress(ZImageError), Engines(home) as engines:  # a test may have left the file damaged
        for row in engines.living():
            if row.pid != os.getpid():
                os.kill(row.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give one engine with the bundled miniature for all tests of a module."""
    from zimage_lab.engine import Engine

    made = Engine(home=tmp_path_factory.mktemp("engine-home"), device="cpu")
    yield made
    made.stop()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """Give a hub of this machine, which the libraries take for theirs."""
    with serving() as endpoint:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.delenv("ZIMAGE_LAB_HUB", raising=False)
        yield Hub
