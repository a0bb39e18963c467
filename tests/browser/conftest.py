"""A real JupyterLab and a real browser, with folders of their own, so that no test meets a person's settings."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import psutil
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), "/usr/bin/chromium"
)
ARTIFACTS = Path(__file__).parents[1] / "artifacts"
START_SECONDS = 90
STEP_MILLISECONDS = 60_000  # a cold JupyterLab on two busy cores
SOON_MILLISECONDS = 30_000  # what takes a tenth of a second on a free machine
UNWANTED = ("@jupyterlab/apputils-extension:announcements", "@jupyter-notebook/lab-extension")
"""Extensions that no test wants: news from the net, and Notebook's buttons in JupyterLab."""
CARD = '.jp-LauncherCard[data-category="Other"]:has-text("Z-Image Studio")'

expect.set_options(timeout=SOON_MILLISECONDS)


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    url: str  # with a slash at its end
    token: str
    home: Path
    log: Path
    pid: int
    data: Path  # a data folder that comes before every other

    def call(self, path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - as json.loads
        """Ask the server's REST interface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 - our own server
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def open(self, page: Page, query: str = "") -> None:
        """Show JupyterLab in a workspace of its own, and wait until it is usable."""
        page.set_default_timeout(STEP_MILLISECONDS)
        page.goto(f"{self.url}lab/workspaces/{uuid.uuid4().hex}?token={self.token}{query}")
        page.wait_for_selector("#jp-main-dock-panel", state="visible")
        page.wait_for_selector(".jp-LauncherCard, .zimage-studio", state="visible")

    def open_studio(self, page: Page) -> None:
        """Open the studio by its card in the launcher."""
        self.open(page)
        page.click(CARD)

    def sessions(self) -> list[dict[str, Any]]:
        """List the running sessions."""
        found: list[dict[str, Any]] = self.call("api/sessions")
        return found

    def wait_for_session(self, path: str) -> None:
        """Wait until a notebook has its kernel: JupyterLab gives the session a made-up path until it has started."""
        end = time.monotonic() + STEP_MILLISECONDS / 1000
        while path not in [session["path"] for session in self.sessions()]:
            assert time.monotonic() < end, f"{path} has no kernel: {self.sessions()}"
            time.sleep(0.2)

    def end_sessions(self) -> None:
        """End all sessions, and so their kernels."""
        for session in self.sessions():
            self.call(f"api/sessions/{session['id']}", "DELETE")

    def kernels(self) -> list[psutil.Process]:
        """List the processes of the running kernels."""
        children = psutil.Process(self.pid).children(recursive=True)
        return [child for child in children if "ipykernel_launcher" in child.cmdline()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def shot(page: Page, name: str) -> Path:
    """Keep a picture of the page under tests/artifacts."""
    ARTIFACTS.mkdir(exist_ok=True)
    path = ARTIFACTS / f"{name}.png"
    page.screenshot(path=path)
    return path


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use Debian's chromium; its sandbox does not work for root in a container."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1400, "height": 900}, "locale": "en-US"}


@contextmanager
def running_lab(place: Path, disabled: tuple[str, ...] = ()) -> Iterator[Lab]:
    """Run JupyterLab on a free port of the loopback interface, without some extensions; everything is in `place`."""
    notebooks = place / "notebooks"
    notebooks.mkdir()
    (place / "config" / "labconfig").mkdir(parents=True)
    page_config = {"disabledExtensions": dict.fromkeys((*UNWANTED, *disabled), True)}
    (place / "config" / "labconfig" / "page_config.json").write_text(json.dumps(page_config), encoding="utf-8")
    token = uuid.uuid4().hex
    environment = {
        **os.environ,
        "ZIMAGE_LAB_HOME": str(place / "home"),
        "ZIMAGE_LAB_LANGUAGE": "en",
        "JUPYTER_CONFIG_DIR": str(place / "config"),
        "JUPYTER_DATA_DIR": str(place / "user"),
        "JUPYTER_PATH": str(place / "data"),
        "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "IPYTHONDIR": str(place / "ipython"),
    }
    port = free_port()
    log = place / "jupyter.log"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={notebooks}"]
    command += ["--ServerApp.port_retries=0", "--ServerApp.answer_yes=True"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    lab = Lab(f"http://127.0.0.1:{port}/", token, place / "home", log, process.pid, place / "data")
    try:
        _wait(lab, process)
        yield lab
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Give one JupyterLab for all tests."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def _wait(lab: Lab, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            lab.call("api/status")
        except (URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"JupyterLab did not start:\n{lab.log.read_text(encoding='utf-8')[-4000:]}")


@pytest.fixture
def lab(lab_server: Lab) -> Iterator[Lab]:
    """Give the running JupyterLab, and end the kernels that a test leaves."""
    yield lab_server
    lab_server.end_sessions()
