"""How much of the host's memory is free for this process: in a container that is less than the machine says.

psutil tells of the machine. A container (Docker, Kubernetes, most hosted notebooks) has a limit of its own, and what
goes beyond it is ended without a word, so that no sentence could be told.
"""

from __future__ import annotations

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")

_VERSIONS = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


def free_bytes(cgroup: Path = CGROUP) -> int:
    """Measure how many bytes this process may still take.

    Parameters
    ----------
    cgroup
        Where Linux tells a container's limits; nothing is there on other systems.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used, statistics, cache in _VERSIONS:
        try:
            most = int((cgroup / limit).read_text(encoding="ascii"))  # "max" is no number: there is no limit
            taken = int((cgroup / used).read_text(encoding="ascii"))
            rows = dict(line.split() for line in (cgroup / statistics).read_text(encoding="ascii").splitlines())
        except (OSError, ValueError):
            continue
        # Cached files count as used and are given up when memory is asked for.
        free = min(free, max(0, most - taken + int(rows.get(cache, 0))))
    return free
