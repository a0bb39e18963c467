"""Server and stub engine as processes, which tests and figures kill and start again."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Server:
    """`zimage-lab serve` at a port that stays."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "zimage_lab.cli", "serve", "--port", str(self.port), "--no-auth", "--attach"]
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen([*command, "--home", str(self.home)], stdout=log, stderr=log)
        end = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{self.address}/prompt", timeout=5)
            except requests.ConnectionError:
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, path: str, **options: Any) -> Any:  # noqa: ANN401 - JSON
        return requests.get(self.address + path, timeout=60, **options).json()


class Engine:
    """A stub engine."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home, self.options = home, options
        self.start()

    def start(self) -> None:
        command = [sys.executable, str(HERE / "http_engine.py"), str(self.home), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
