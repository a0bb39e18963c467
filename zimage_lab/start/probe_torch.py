"""Says as JSON what torch the running Python has, and which entries of its site-packages that torch consists of.

Runs by its path, also in the host's own Python, which has nothing of ours: the standard library is all it may import.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any


def entries(name: str = "torch") -> dict[str, list[str]]:
    """List what makes up a distribution and everything it needs.

    Parameters
    ----------
    name
        The distribution.

    Returns
    -------
    dict
        Folder of packages -> names in it.
    """
    found: dict[str, set[str]] = {}
    waiting, seen = [name], set()
    while waiting:
        asked = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if asked in seen:
            continue
        seen.add(asked)
        try:
            distribution = importlib.metadata.distribution(asked)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform, or of an extra
        # The cast is for the type checker: every installed distribution lies in a folder.
        folder = str(Path(str(distribution.locate_file(""))).resolve())
        tops = {path.parts[0] for path in distribution.files or [] if len(path.parts) > 1 or path.suffix == ".py"}
        found.setdefault(folder, set()).update(tops - {"..", "__pycache__", "bin"})
        waiting += [re.split(r"[^A-Za-z0-9._-]", need, maxsplit=1)[0] for need in distribution.requires or []]
    return {folder: sorted(tops) for folder, tops in found.items()}


def facts() -> dict[str, Any]:
    """Import torch and ask it about the GPU.

    Returns
    -------
    dict
        version, cuda (what it was built for, or None), available, device and why (why not), entries.
    """
    import torch

    about: dict[str, Any] = {"version": str(torch.__version__), "cuda": torch.version.cuda}
    about |= {"python": list(sys.version_info[:2]), "available": False, "device": None, "why": None}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        about["available"] = bool(torch.cuda.is_available())
        try:
            if about["available"]:
                torch.ones(8, device="cuda").sum().item()  # a build without this GPU's architecture fails only here
                about["device"] = torch.cuda.get_device_name()
            elif about["cuda"] is None:
                about["why"] = "this torch was built for the CPU"
            else:
                torch.cuda.init()
        except Exception as error:  # noqa: BLE001 - whatever keeps the GPU from working is the answer
            about |= {"available": False, "why": " ".join(str(error).split())[:300]}
    if not about["available"] and not about["why"] and caught:
        about["why"] = " ".join(str(caught[-1].message).split())[:300]
    return about | {"entries": entries()}


if __name__ == "__main__":
    try:
        answer: dict[str, Any] = facts()
    except Exception as error:  # noqa: BLE001 - a broken or missing torch is an answer, too
        answer = {"version": None, "why": f"{type(error).__name__}: {error}"[:300]}
    sys.stdout.write(json.dumps(answer) + "\n")
