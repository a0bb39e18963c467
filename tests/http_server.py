"""A server of zimage_lab in a thread of the test's process, with an engine that draws plain pictures."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import requests
from stub_engine import StubEngine

from zimage_lab.api.serve import Server
from zimage_lab.api.tokens import Tokens
from zimage_lab.home import home as made

if TYPE_CHECKING:
    from pathlib import Path


class Running:
    """A server that runs until `close`."""

    def __init__(self, home: Path, **options: Any) -> None:  # noqa: ANN401 - those of Server
        self.home = made(home)
        self._options = options
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._ready.wait()
        self.address, self.port, self.service = self.server.address, self.server.port, self.server.service

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def token(self, name: str = "shop", scopes: str = "submit,read", **options: Any) -> str:  # noqa: ANN401
        tokens = Tokens(self.home)
        try:
            return tokens.create(name, scopes.split(","), 3600, **options)[0]
        finally:
            tokens.close()

    def asked(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:  # noqa: ANN401
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return requests.request(method, self.address + path, headers=headers, timeout=60, **options)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def begin() -> None:
            self.server = Server(self.home, port=0, engines="attach", **self._options)
            self._ready.set()

        self._loop.run_until_complete(begin())
        self._loop.run_forever()


class Lab(Running):
    """The same with an engine."""

    def __init__(self, home: Path, *, held: bool = False, **options: Any) -> None:  # noqa: ANN401
        super().__init__(home, **options)
        self.engine = StubEngine(self.home, held=held)

    def close(self) -> None:
        self.engine.stop()
        super().close()
