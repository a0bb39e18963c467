"""Describes the Z-Image kernel to Jupyter: this Python, wherever the server itself runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

NAME = "zimage-lab"
TITLE = "Z-Image"
LOGO = Path(__file__).with_name("logo-svg.svg")
CARRIED = ("ZIMAGE_LAB_HOME", "ZIMAGE_LAB_LANGUAGE")


def spec(python: str = sys.executable) -> dict[str, Any]:
    """Give the kernel's description.

    Parameters
    ----------
    python
        The interpreter that has zimage_lab.

    Returns
    -------
    dict
        What goes into kernel.json. It carries the home and the language that the start was given, and puts the
        environment's commands on the PATH, so that `!zimage-lab` works in a cell.
    """
    environment = {name: value for name in CARRIED if (value := os.environ.get(name))}
    environment["PATH"] = f"{Path(python).parent}{os.pathsep}${{PATH}}"
    return {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": TITLE,
        "language": "python",
        "env": environment,
        "metadata": {"debugger": True},
    }


def install(data: Path, python: str = sys.executable) -> Path:
    """Write the kernel's folder, where it is not there as it should be.

    Parameters
    ----------
    data
        A data folder of Jupyter: `sys.prefix`/share/jupyter, or the user's.
    python
        The interpreter that has zimage_lab.

    Returns
    -------
    Path
        The folder.
    """
    folder = data / "kernels" / NAME
    file = folder / "kernel.json"
    wanted = json.dumps(spec(python), indent=1, ensure_ascii=False) + "\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(LOGO, folder / LOGO.name)
        fresh = folder / "kernel.json.new"
        fresh.write_text(wanted, encoding="utf-8")
        fresh.replace(file)
    return folder
