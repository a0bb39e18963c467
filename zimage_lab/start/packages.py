"""Installs the locked packages into this environment once, and knows at a glance that it has been done."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.start import torch_choice
from zimage_lab.start.messages import StartError, say

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
STAMP = "zimage-lab.stamp"
DRIVER = "nvidia-driver"  # a word of the stamp: torch was chosen with a driver in sight
LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
# What decides whether an installation is still the right one: the locks, the package's own description, the extension.
SOURCES = (
    LOCK,
    "pyproject.toml",
    "hatch_build.py",
    "labextension/package.json",
    "labextension/yarn.lock",
    "labextension/tsconfig.json",
)
SOURCE_FOLDERS = ("labextension/src", "labextension/style")
GIGABYTE = 10**9
NEEDED_GB = {False: 3, True: 9}  # measured .venv of 1.6 GB (CPU); 6.5 GB more of CUDA libraries; downloads beside them
DISK_SIGNS = ("No space left on device", "Errno 28", "Disk quota exceeded", "ENOSPC")
NETWORK_SIGNS = (
    "No matching distribution found",
    "Could not find a version",
    "ConnectionError",
    "NewConnectionError",
    "Read timed out",
    "ReadTimeoutError",
    "IncompleteRead",
    "SSLError",
    "ProxyError",
    "HTTP error",
    "404 Client Error",
    "name resolution",
    "getaddrinfo",
    "RequestError",
)


def ensure(*, tests: bool = False) -> None:
    """Install what is missing; takes milliseconds where nothing is.

    Parameters
    ----------
    tests
        Also what the tests need.

    Raises
    ------
    StartError
        When something could not be installed.
    """
    stamp = Path(sys.prefix) / STAMP
    # A machine that was set up without its GPU gets another torch once it is there; the way back needs nothing.
    base = [fingerprint(ROOT), *([DRIVER] if torch_choice.DRIVER_FILE.exists() else [])]
    wanted = [*base, *([fingerprint(ROOT, (TEST_LOCK,), ())] if tests else [])]
    if _has(stamp, wanted):
        return
    with _alone(Path(sys.prefix)):
        if _has(stamp, wanted):
            return  # the other one did it
        log = Path(sys.prefix) / "install.log"
        log.unlink(missing_ok=True)
        if not _has(stamp, base):
            _install(log)
            stamp.write_text("\n".join(base) + "\n", encoding="ascii")
        if tests:
            say("tests")
            _pip(locked(TEST_LOCK), log)
            stamp.write_text("\n".join(wanted) + "\n", encoding="ascii")


def fingerprint(root: Path, files: tuple[str, ...] = SOURCES, folders: tuple[str, ...] = SOURCE_FOLDERS) -> str:
    """Give a hash of everything that an installation depends on.

    Parameters
    ----------
    root
        The checkout; where it lies counts too, since an installation remembers that.
    files, folders
        What to read, relative to it.
    """
    digest = hashlib.sha256(f"{root.resolve()}\0{sys.version}\0{torch_choice.TORCH}".encode())
    found = [root / name for name in files]
    found += sorted(path for name in folders for path in (root / name).rglob("*") if path.is_file())
    for path in found:
        digest.update(path.read_bytes() if path.is_file() else b"")
        digest.update(b"\0")
    return digest.hexdigest()


def locked(lock: str) -> list[str]:
    """Give pip's arguments for a lock.

    Parameters
    ----------
    lock
        Its name. It lists all that is needed but torch: left to itself pip would add the newest torch, gigabytes
        that torch_choice would only throw away.
    """
    return ["--no-deps", "--requirement", str(ROOT / lock)]


def sentence(output: str, log: Path) -> StartError:
    """Turn what a failed pip printed into the one sentence that helps.

    Parameters
    ----------
    output
        All that it printed.
    log
        Where that can be read.
    """
    if any(sign in output for sign in DISK_SIGNS):
        # pip unpacks in the temporary folder, which is often the smaller disk.
        place = min(Path(sys.prefix), Path(tempfile.gettempdir()), key=lambda disk: shutil.disk_usage(disk).free)
        return disk_full(place, NEEDED_GB["nvidia" in output])
    key = "download_failed" if any(sign in output for sign in NETWORK_SIGNS) else "install_failed"
    return StartError(key, log=log)


def disk_full(place: Path, need: int) -> StartError:
    """Give the error that says how much is free and how much is needed.

    Parameters
    ----------
    place
        A folder on the disk.
    need
        Gigabytes.
    """
    free = shutil.disk_usage(place).free / GIGABYTE
    return StartError("disk_full", free=f"{free:.1f}", place=place, need=need)


def _install(log: Path) -> None:
    found = torch_choice.driver()
    need = NEEDED_GB[found is not None]
    fresh = not (Path(sys.prefix) / STAMP).exists()
    if fresh and shutil.disk_usage(sys.prefix).free < need * GIGABYTE:
        raise disk_full(Path(sys.prefix), need)
    say("packages", log=log)
    _pip(locked(LOCK), log)
    torch_choice.install(lambda arguments: _pip(arguments, log), found)
    say("extension")
    _pip(["--no-deps", "--editable", str(ROOT)], log)


def _has(stamp: Path, wanted: list[str]) -> bool:
    try:
        return set(wanted) <= set(stamp.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return False


def _pip(arguments: list[str], log: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    shown = _Progress()
    lines: list[str] = []
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(  # noqa: S603 - pip of this environment
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                file.write(line)
                lines.append(line)
                shown.show(line.strip())
    shown.clear()
    if process.returncode:
        raise sentence("".join(lines), log)


class _Progress:
    """Shows on one line of a terminal what pip is at; shows nothing in a file or a pipe."""

    def __init__(self) -> None:
        self._on = sys.stdout.isatty()

    def show(self, line: str) -> None:
        if self._on and line.startswith(("Collecting", "Downloading", "Installing", "Building", "Preparing")):
            width = shutil.get_terminal_size().columns - 3
            sys.stdout.write(f"\r\x1b[2K  {line[:width]}")
            sys.stdout.flush()

    def clear(self) -> None:
        if self._on:
            sys.stdout.write("\r\x1b[2K")
            sys.stdout.flush()


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one process at a time install; the others wait for it."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (place / "install.lock").open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
