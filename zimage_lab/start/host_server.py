"""Finds the Jupyter server in whose terminal or kernel we run, and asks it what it has.

Nothing here is certain: servers differ in what they tell their terminals, some want a password, some stand behind a
hub. What cannot be learned is None, and whoever asks goes on without it.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from http.client import HTTPResponse

VARIABLE = "ZIMAGE_LAB_OWN_SERVER"  # set to 1 to start a server of our own all the same
LEAST = (4, 4)
SECONDS = 10
HTTP = "zimage/v1/openapi.json"
"""What a server with our extension answers to, be it with a refusal."""


@dataclass(frozen=True, slots=True)
class HostServer:
    """A Jupyter server that is there already.

    Parameters
    ----------
    url
        Its address, with a slash at its end.
    token
        Its token; empty where it has none or tells none.
    """

    url: str
    token: str

    @property
    def link(self) -> str:
        """The address that opens the studio there."""
        values = {"token": self.token} if self.token else {}
        return f"{self.url}lab?{urlencode({**values, 'zimage': 'open'})}"


@dataclass(frozen=True, slots=True)
class HostLab:
    """What a server says about its JupyterLab.

    Parameters
    ----------
    version
        JupyterLab's version.
    extensions
        The prebuilt extensions that it lists, None where it does not tell.
    """

    version: str
    extensions: frozenset[str] | None

    @property
    def old(self) -> bool:
        """Whether it is older than what the extension needs."""
        numbers = [int(part) for part in re.findall(r"\d+", self.version)[:2]]
        return tuple(numbers) < LEAST


def find(environment: Mapping[str, str] = os.environ) -> HostServer | None:
    """Give the server whose terminal or kernel this process runs in, or None.

    Parameters
    ----------
    environment
        The process's variables.
    """
    if environment.get(VARIABLE, "0") not in {"", "0"}:
        return None
    # A hub gives its own single-user servers a token that opens them; it is never shown.
    server = choose(environment, _running(), _ancestors())
    return None if server and _refuses(server.url) else server


def choose(
    environment: Mapping[str, str], running: Iterable[Mapping[str, Any]], ancestors: frozenset[int]
) -> HostServer | None:
    """Pick the server that we run in.

    Parameters
    ----------
    environment
        The process's variables. jupyter_server 2 names itself to its terminals; kernels know their parent.
    running
        What the servers of this user wrote down about themselves.
    ancestors
        Process ids of our parents, which tell also where no variable does.
    """
    servers = [server for server in running if str(server.get("url", "")).startswith(("http://", "https://"))]
    named = _slashed(environment.get("JUPYTER_SERVER_URL", ""))
    parent = environment.get("JPY_PARENT_PID", "")
    for server in servers:
        if server.get("pid") in ancestors:
            return _host(server)
    for server in servers:
        if (named and _slashed(str(server["url"])) == named) or (parent and parent == str(server.get("pid"))):
            return _host(server)
    return HostServer(named, "") if named.startswith(("http://", "https://")) else None


def ask(server: HostServer, environment: Mapping[str, str] = os.environ) -> HostLab | None:
    """Read what JupyterLab's own page says: its version and its extensions, which it lists anew for each page.

    Parameters
    ----------
    server
        The server.
    environment
        The process's variables; behind a hub they hold a token for it.
    """
    try:
        with _open(server, "lab", environment) as answer:
            page = answer.read().decode("utf-8", "replace") if answer.status == HTTPStatus.OK else ""
    except (OSError, ValueError):
        page = ""
    return read(page) or _installed()


def lacks_http(server: HostServer, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a server knows no addresses below `/zimage`; one that does not answer is not blamed.

    Parameters
    ----------
    server, environment
        As for `ask`.
    """
    try:
        _open(server, HTTP, environment).close()
    except HTTPError as error:
        with error:
            return error.code == HTTPStatus.NOT_FOUND
    except (OSError, ValueError):
        pass
    return False


def _open(server: HostServer, path: str, environment: Mapping[str, str]) -> HTTPResponse:
    token = server.token or environment.get("JUPYTERHUB_API_TOKEN", "")
    request = urllib.request.Request(f"{server.url}{path}")  # noqa: S310 - the address begins with http
    if token:
        request.add_header("Authorization", f"token {token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
    answer: HTTPResponse = opener.open(request, timeout=SECONDS)
    return answer


def read(page: str) -> HostLab | None:
    """Find JupyterLab's configuration in its page.

    Parameters
    ----------
    page
        The page's text; that of a log-in form holds none.
    """
    found = re.search(r'<script id="jupyter-config-data" type="application/json">(.*?)</script>', page, re.DOTALL)
    if not found:
        return None
    try:
        config = json.loads(html.unescape(found[1]))
        names = frozenset(str(extension["name"]) for extension in config.get("federated_extensions", []))
        return HostLab(str(config["appVersion"]), names)
    except (ValueError, KeyError, TypeError):
        return None


def _installed() -> HostLab | None:
    """Ask the jupyter-lab on the PATH, which in a terminal of a server is nearly always that server's."""
    program = shutil.which("jupyter-lab")
    if not program:
        return None
    try:
        ran = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = ran.stdout.strip()
    return HostLab(version, None) if re.match(r"\d+\.\d+", version) else None


def _refuses(url: str) -> bool:
    """Tell whether nobody listens there any more; a tmux outlives the server in whose terminal it was started."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port or parts.scheme), timeout=SECONDS).close()
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _host(server: Mapping[str, Any]) -> HostServer:
    return HostServer(_slashed(str(server["url"])), str(server.get("token") or ""))


def _slashed(url: str) -> str:
    return url.rstrip("/") + "/" if url else ""


def _running() -> list[dict[str, Any]]:
    # jupyter_server has a function for this; importing it takes as long as all the rest of a start.
    import psutil
    from jupyter_core.paths import jupyter_runtime_dir

    found = []
    for path in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        try:
            server = json.loads(path.read_text(encoding="utf-8"))
            alive = psutil.pid_exists(int(server["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # one that is just being written
        if alive:  # else it is left from a server that died
            found.append(server)
    return found


def _ancestors() -> frozenset[int]:
    import psutil

    try:
        return frozenset(process.pid for process in psutil.Process().parents())
    except psutil.Error:
        return frozenset()
