"""The home folder: found in one order, made whole, and private where it must be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from zimage_lab.errors import InvalidRequest, StoreError
from zimage_lab.home import Settings, home, settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ZIMAGE_LAB_")]:
        monkeypatch.delenv(name)


def test_argument_beats_environment_beats_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home().is_relative_to(tmp_path)
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "named"))
    assert home() == tmp_path / "named"
    assert home(tmp_path / "given") == tmp_path / "given"
    assert home("~/tilde") == tmp_path / "tilde"
    monkeypatch.setenv("ZIMAGE_LAB_HOME", "")
    assert home().name == "zimage-lab"


def test_folders_are_made_and_run_is_private(tmp_path: Path) -> None:
    place = home(tmp_path / "a" / "b")
    assert {entry.name for entry in place.iterdir()} == {"images", "models", "run"}
    assert (place / "run").stat().st_mode & 0o777 == 0o700
    (place / "run").chmod(0o755)
    home(place)
    assert (place / "run").stat().st_mode & 0o777 == 0o700


def test_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert home("here") == tmp_path / "here"


def test_a_file_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be used \(.*\)\. Give another one in ZIMAGE_LAB_HOME\."):
        home(tmp_path / "file")


def test_hostile_paths(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="NUL"):
        home(f"{tmp_path}/a\0b")
    with pytest.raises(StoreError, match="full path"):
        home("~nobody-of-this-name/x")


def test_a_working_folder_that_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(StoreError, match="full path"):
        home("here")


def test_settings_without_a_file(tmp_path: Path) -> None:
    assert settings(tmp_path) == Settings(model=None, device=None, disk_quota_gb=None)


def test_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('model = "z-image"\ndisk_quota_gb = 20\n')
    assert settings(tmp_path).model == "z-image"
    assert settings(tmp_path).disk_quota_gb == 20
    monkeypatch.setenv("ZIMAGE_LAB_MODEL", "miniature")
    monkeypatch.setenv("ZIMAGE_LAB_DISK_QUOTA_GB", "1.5")
    assert settings(tmp_path).model == "miniature"
    assert settings(tmp_path).disk_quota_gb == 1.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modle = 'x'", "Did you mean 'model'"),
        ("model = 3", "model: 3"),
        ("disk_quota_gb = -1", "disk_quota_gb: -1"),
        ("disk_quota_gb = nan", "disk_quota_gb: nan"),
        ("= broken", "config.toml: cannot be read"),
        ("model = '\x1b'", "config.toml: cannot be read"),
    ],
)
def test_wrong_settings_are_sentences(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        settings(tmp_path)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


def test_settings_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidRequest):
        settings(tmp_path)
    (tmp_path / "config.toml").unlink()
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        settings(tmp_path)
