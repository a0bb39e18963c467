"""Opens the studio: in the JupyterLab whose terminal we are in, or else in one of our own on the loopback interface."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zimage_lab.errors import ZImageError
from zimage_lab.start import host_install, host_server, kernelspec, serve
from zimage_lab.start.messages import StartError, line, say, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

NO_BROWSER = "ZIMAGE_LAB_NO_BROWSER"
NO_BROWSER_OPTION = "--no-browser"
START_SECONDS = 180
STOP_SECONDS = 15
STOPPING = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
# JupyterLab's question about its news would cover the first picture; whoever wants the news can switch it on again.
NO_NEWS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


class _Stop(Exception):  # noqa: N818 - no error: the person asked for it
    """Ctrl-C, or a signal that means the same."""


def main(argv: Sequence[str] = ()) -> int:
    """Open the studio and stay until it is stopped; a bare `zimage-lab` comes here.

    Parameters
    ----------
    argv
        Further arguments for `jupyter lab`.

    Returns
    -------
    int
        Exit code.
    """
    try:
        server = host_server.find()
        return host_install.offer(server) if server else _own(argv)
    except (StartError, ZImageError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _own(argv: Sequence[str]) -> int:
    from zimage_lab.home import RUN, home

    log = home() / RUN / "jupyter.log"
    _weights()
    _prepare(Path(sys.prefix))
    for number in STOPPING:
        signal.signal(number, _stop)
    say("starting", log=log)
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches us alone, and we decide how the server ends.
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "zimage_lab.start.serve", *options(argv)],
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = _ready(process, log)
        say("open")
        if wants_browser(argv):
            webbrowser.open(url)
        line(url)
        return process.wait()
    except _Stop:
        if sys.stderr.isatty():
            sys.stderr.write("\n" + text("stopping") + "\n")
        return 0
    finally:
        _end(process)


def options(argv: Sequence[str]) -> list[str]:
    """Give the arguments of JupyterLab; the person's come last, and so beat ours.

    Parameters
    ----------
    argv
        The person's.
    """
    ours = [NO_BROWSER_OPTION, "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=200"]
    root = Path(__file__).parents[2]
    if (root / "pyproject.toml").is_file():  # a checkout: its notebooks are in sight
        ours.append(f"--ServerApp.root_dir={root}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        ours.append("--allow-root")
    return [*ours, *argv]


def wants_browser(argv: Sequence[str]) -> bool:
    """Tell whether a browser can and shall be opened here.

    Parameters
    ----------
    argv
        The person's arguments.
    """
    if NO_BROWSER_OPTION in argv or os.environ.get(NO_BROWSER, "0") not in {"", "0"}:
        return False
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _environment() -> dict[str, str]:
    # The environment's own kernel and extension shall win over what an earlier start left in the user's folder.
    ours = {"JUPYTER_PREFER_ENV_PATH": "1", serve.TOKEN: secrets.token_hex(24)}
    return {**os.environ, **ours}


def _prepare(prefix: Path) -> None:
    """Give the server its kernel, and its page a start without questions."""
    try:
        kernelspec.install(prefix / "share" / "jupyter")
        page = prefix / "etc" / "jupyter" / "labconfig" / "page_config.json"
        if not page.exists():
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(json.dumps(NO_NEWS, indent=2) + "\n", encoding="utf-8")
    except OSError:
        return  # a Python that is not ours to write to; the studio uses the kernel "python3" there


def _weights() -> None:
    """Say what weights are on this machine already; the panel offers them."""
    from zimage_lab.models import weights

    found = [f"  {one.model_id or one.kind}: {one.path}" for one in weights.found() if one.loadable]
    if found:
        say("weights")
        for one in found:
            line(one)


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server answers, and give the address that opens the studio."""
    from jupyter_core.paths import jupyter_runtime_dir

    file = Path(jupyter_runtime_dir()) / f"jpserver-{process.pid}.json"
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        info = _info(file)
        if info and _answers(info):
            token = f"token={quote(info['token'])}&" if info["token"] else ""
            return f"{info['url']}lab?{token}zimage=open"
        time.sleep(0.05)
    raise StartError("server_failed", log=log)


def _info(file: Path) -> dict[str, Any] | None:
    try:
        info: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # not written yet, or not to its end
    return info


def _answers(info: dict[str, Any]) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{info['url']}api", timeout=5):
            return True
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin:
        process.stdin.close()


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    for other in STOPPING:
        signal.signal(other, signal.SIG_IGN)
    raise _Stop
