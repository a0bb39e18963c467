"""Who a process is, so that the next one can tell an engine that died from one that is alive.

A pid alone comes round again, and the start time that the system reports moves when the clock is set. On Linux the
boot id, the pid namespace and the start in clock ticks since boot have neither weakness; elsewhere psutil's start
time serves.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE, _START_TICKS = 0, 19  # fields 3 and 22 of proc_pid_stat(5), counted from behind the command's name


class Life(Enum):
    """What can be said about a process."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"  # it ran in another container: its pid means nothing here


def identity(pid: int) -> str:
    """Give a text that no other process of this machine has, before or after a restart of it.

    Parameters
    ----------
    pid
        A process that is alive.
    """
    found = _linux_identity(pid)
    return found if found is not None else _portable_identity(pid)


def life(pid: int, known: str) -> Life:
    """Say whether the process that once gave its ``identity`` as ``known`` is still there.

    Parameters
    ----------
    pid
        Its number.
    known
        Its identity, as recorded while it lived.
    """
    system, _, rest = known.partition(":")
    if system != "linux":
        return Life.ALIVE if _portable_identity(pid) == known else Life.GONE
    boot, namespace, _ = rest.split(":")
    if boot != _boot():
        return Life.GONE
    if namespace != _namespace():
        return Life.UNKNOWN
    return Life.ALIVE if _linux_identity(pid) == known else Life.GONE


def _linux_identity(pid: int) -> str | None:
    boot = _boot()
    if not boot:
        return None
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "linux:::"
    fields = text.rpartition(")")[2].split()  # the command's name may hold spaces and brackets
    if fields[_STATE] in "ZX":  # killed, and its parent has not looked yet
        return "linux:::"
    return f"linux:{boot}:{_namespace()}:{fields[_START_TICKS]}"


def _portable_identity(pid: int) -> str:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return "psutil:"
        return f"psutil:{process.create_time():.1f}"
    except psutil.Error:
        return "psutil:"


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return Path("/proc/self/ns/pid").readlink().name.removeprefix("pid").strip(":[]")
    except OSError:
        return "unknown"
