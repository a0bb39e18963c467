"""Uses the torch that a cloud image brings, instead of downloading three more gigabytes of it.

Only torch and what it needs are linked into the environment: with all of the host's packages in sight, an old one
of them would sooner or later be taken for one of ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

LEAST = (2, 6)  # as in pyproject.toml
FOLDER = "host-torch"
PATH_FILE = "zimage_lab_host_torch.pth"
PROBE = Path(__file__).with_name("probe_torch.py")
PROBE_SECONDS = 120  # the first import of torch from a network disk is slow


def probe(python: str) -> dict[str, Any]:
    """Ask a Python about its torch.

    Parameters
    ----------
    python
        The interpreter.

    Returns
    -------
    dict
        As `probe_torch.facts` gives it; ``version`` is None where there is no usable torch.
    """
    command = [python, "-s", str(PROBE)]  # -s: a torch in the user's own folder is none of the image's
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    try:
        ran = subprocess.run(  # noqa: S603 - an interpreter of this machine and our own file
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PROBE_SECONDS,
            check=False,
            env=environment,
        )
        answer: dict[str, Any] = json.loads(ran.stdout.strip().rpartition("\n")[2])
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return {"version": None, "why": str(error)[:300]}
    return answer


def base_python() -> str | None:
    """Give the interpreter that this environment was made with, or None outside of an environment."""
    if sys.prefix == sys.base_prefix:
        return None
    base: str | None = getattr(sys, "_base_executable", None)
    return base if base and Path(base).exists() and base != sys.executable else None


def release(version: str | None) -> tuple[int, ...]:
    """Give the leading numbers of a version: "2.8.0+cu128" -> (2, 8, 0).

    Parameters
    ----------
    version
        A version, or None.
    """
    numbers: list[int] = []
    for part in (version or "").split("+")[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def fits(facts: dict[str, Any]) -> bool:
    """Tell whether a host's torch can be used here: new enough, of this Python, and with a GPU that works.

    Parameters
    ----------
    facts
        What `probe` gave.
    """
    same_python = facts.get("python") == list(sys.version_info[:2])
    return bool(facts.get("available")) and same_python and release(facts.get("version")) >= LEAST


def link(facts: dict[str, Any], prefix: Path, packages: Path | None = None) -> None:
    """Make a host's torch importable in this environment, after everything that is installed here.

    Parameters
    ----------
    facts
        What `probe` gave.
    prefix
        The environment's folder.
    packages
        Its site-packages; None asks Python.
    """
    folder = prefix / FOLDER
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for place, names in facts["entries"].items():
        for name in names:
            target = Path(place) / name
            if target.exists() and not (folder / name).exists():
                (folder / name).symlink_to(target)
    site = packages or Path(sysconfig.get_path("purelib"))
    (site / PATH_FILE).write_text(f"{folder}\n", encoding="utf-8")


def unlink(packages: Path | None = None) -> None:
    """Forget a host's torch that was linked before.

    Parameters
    ----------
    packages
        The environment's site-packages; None asks Python.
    """
    ((packages or Path(sysconfig.get_path("purelib"))) / PATH_FILE).unlink(missing_ok=True)
