"""A hub on this machine that speaks as much of the protocol as a download needs."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

from zimage_lab import models

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMIT = "f332072aa78be7aecdf3ee76d5c247082da564a6"
HUB_ID = "Tongyi-MAI/Z-Image-Turbo"
BULK = bytes(range(256)) * 4000


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as a download needs."""

    files: ClassVar[dict[str, bytes]] = {}
    status: ClassVar[int] = 200
    cut: ClassVar[dict[str, int]] = {}
    wrong: ClassVar[set[str]] = set()
    asked: ClassVar[list[tuple[str, str, str]]] = []
    token: ClassVar[str | None] = None

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        Hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
        if Hub.status != 200 or (Hub.token and self.headers.get("Authorization") != f"Bearer {Hub.token}"):
            code = Hub.status if Hub.status != 200 else 401
            self.send_response(code)
            names = {401: "RepoNotFound", 404: "RepoNotFound", 403: "GatedRepo"}
            if code in names:
                self.send_header("X-Error-Code", names[code])
                self.send_header("X-Error-Message", "not for you")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.startswith("/api/models/"):
            self._send(json.dumps(self._info()).encode(), body=body)
            return
        name = self.path.split(f"/resolve/{COMMIT}/", 1)[1].split("?")[0]
        data = Hub.files[name]
        begun = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self._send(data[begun:], body=body, name=name, begun=begun, whole=len(data))

    def _send(self, data: bytes, *, body: bool, name: str | None = None, begun: int = 0, whole: int = 0) -> None:
        self.send_response(206 if begun else 200)
        self.send_header("Content-Length", str(len(data)))
        if name is not None:
            digest = self._sha256(name)
            self.send_header("ETag", f'"{digest}"')
            self.send_header("X-Linked-ETag", f'"{digest}"')
            self.send_header("X-Linked-Size", str(whole))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Accept-Ranges", "bytes")
            if begun:
                self.send_header("Content-Range", f"bytes {begun}-{whole - 1}/{whole}")
        self.end_headers()
        if body and name in Hub.cut:
            self.wfile.write(data[: Hub.cut.pop(name)])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
        elif body:
            self.wfile.write(data)

    @staticmethod
    def _sha256(name: str) -> str:
        return "0" * 64 if name in Hub.wrong else hashlib.sha256(Hub.files[name]).hexdigest()

    def _info(self) -> dict[str, Any]:
        siblings = [
            {"rfilename": name, "size": len(data)}
            | (
                {"lfs": {"sha256": self._sha256(name), "size": len(data), "pointerSize": 134}}
                if name.endswith(".safetensors")
                else {}
            )
            for name, data in Hub.files.items()
        ]
        return {"id": HUB_ID, "modelId": HUB_ID, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}


@contextmanager
def serving() -> Iterator[str]:
    """Serve the miniature under the real model's name, with files that nobody wants beside it; gives the address."""
    source = models.find("miniature-turbo").folder
    Hub.files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in source.rglob("*")
        if path.is_file() and path.name not in {"card.json", "README.md"}
    } | {
        "README.md": b"# read me",
        "evil.py": b"import os",
        "model.safetensors": BULK,
        "transformer/diffusion_pytorch_model.fp16.safetensors": BULK,
        "transformer/diffusion_pytorch_model.bin": BULK,
        "safety_checker/model.safetensors": BULK,
    }
    Hub.status, Hub.cut, Hub.wrong, Hub.asked, Hub.token = 200, {}, set(), [], None
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
