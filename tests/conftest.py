"""What several tests share: a home folder of their own and a running engine with the real miniature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.engine import Engine


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test out of the user's pictures."""
    home = tmp_path / "home"
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(home))
    return home


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give one engine with the bundled miniature for all tests of a module."""
    from zimage_lab.engine import Engine

    made = Engine(home=tmp_path_factory.mktemp("engine-home"), device="cpu")
    yield made
    made.stop()
