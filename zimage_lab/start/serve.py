"""Runs JupyterLab for `lab.py`. Its token comes by the environment: what `ps` shows, every user can read."""

from __future__ import annotations

import os
import signal
import sys
import threading

TOKEN = "ZIMAGE_LAB_SERVER_TOKEN"  # noqa: S105 - the variable's name


def main() -> None:
    """Serve until asked to stop, or until whoever started us is gone: then our standard input ends."""
    from jupyterlab.labapp import LabApp

    token = os.environ.pop(TOKEN)
    threading.Thread(target=_watch, daemon=True).start()
    LabApp.launch_instance(argv=[f"--IdentityProvider.token={token}", *sys.argv[1:]])


def _watch() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
