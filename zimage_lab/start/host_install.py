"""Gives a JupyterLab that is there already what the studio needs: the kernel, our extension, and the widgets' own."""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.start import host_server, kernelspec
from zimage_lab.start.messages import StartError, line, say

if TYPE_CHECKING:
    from zimage_lab.start.host_server import HostServer

OURS = "zimage-lab"
WIDGETS = ("@jupyter-widgets/jupyterlab-manager", "ipycanvas", "anywidget")


def offer(server: HostServer) -> int:
    """Install into the user's Jupyter folder, which every server of that user reads, and print the link.

    Parameters
    ----------
    server
        The server.

    Returns
    -------
    int
        Exit code 0.

    Raises
    ------
    StartError
        When its JupyterLab is too old.
    """
    from jupyter_core.paths import jupyter_data_dir

    say("host_found")
    lab = host_server.ask(server)
    if lab and lab.old:
        raise StartError("host_old", version=lab.version)
    data = Path(jupyter_data_dir())
    say("host_kernel", folder=kernelspec.install(data))
    known = lab.extensions if lab else None
    source, target = Path(sys.prefix) / "share/jupyter/labextensions", data / "labextensions"
    wanted = [OURS, *(name for name in WIDGETS if known is None or name not in known)]
    copied = [name for name in wanted if copy(source / name, target / name)]
    if copied:
        say("host_extension", names=", ".join(copied))
        after = host_server.ask(server)
        unseen = [name for name in wanted if after and after.extensions is not None and name not in after.extensions]
        if unseen:
            say("host_unseen", names=", ".join(unseen))
    if host_server.lacks_http(server):
        say("host_http", url=server.url, program=Path(sysconfig.get_path("scripts")) / "zimage-lab")
    say("host_open")
    line(server.link)
    return 0


def copy(source: Path, target: Path) -> bool:
    """Copy a prebuilt extension, whole or not at all.

    Parameters
    ----------
    source, target
        Folders with a package.json, which names the build's hash.

    Returns
    -------
    bool
        False where there is nothing to copy, or the same build is there.
    """
    wanted = _build(source)
    if wanted is None or wanted == _build(target):
        return False
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        shutil.copytree(source, fresh)
        if target.is_symlink():
            target.unlink()
        elif target.exists():
            shutil.rmtree(target)
        fresh.replace(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return True


def _build(folder: Path) -> tuple[str, str] | None:
    try:
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        return package["version"], package["jupyterlab"]["_build"]["load"]
    except (OSError, ValueError, KeyError):
        return None
