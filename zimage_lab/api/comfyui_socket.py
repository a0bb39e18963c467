"""ComfyUI's websocket: what is told to a client goes into a box of bounded size, and is sent when the client reads.

A client that stops reading loses previews and progress first; one that lets even states pile up is cut off, and finds
what it missed in the history.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from contextlib import suppress
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from zimage_lab.api.base import Guarded
from zimage_lab.api.comfyui_info import FEATURES
from zimage_lab.api.comfyui_prompt import CLIENT_CHARACTERS

LIVE = {"progress", "status"}
MOST_LIVE, MOST = 50, 2000
MESSAGE_BYTES = 64 * 1024


class SocketHandler(Guarded, WebSocketHandler):
    """One client's websocket."""

    sid: str = ""
    previews: bool = False

    @property
    def max_message_size(self) -> int:
        """Most bytes that a client may send at once: it has little to say."""
        return MESSAGE_BYTES

    def check_origin(self, origin: str) -> bool:
        """Leave it to `prepare`, which has looked at it already."""
        del origin
        return True

    async def open(self, *_: str, **__: str) -> None:
        """Begin to tell."""
        given = self.get_query_argument("clientId", "")[:CLIENT_CHARACTERS]
        self.sid = given or uuid.uuid4().hex
        self.previews = self.site.previews
        self._box: deque[dict[str, Any] | bytes] = deque()
        self._filled = asyncio.Event()
        self._sender = asyncio.ensure_future(self._send())
        self.site.hub.join(self)

    def on_message(self, message: str | bytes) -> None:
        """Answer a first message of features in kind; anything else is nothing to us."""
        with suppress(ValueError, RecursionError):
            told = json.loads(message)
            if isinstance(told, dict) and told.get("type") == "feature_flags":
                self.previews = True
                self.tell({"type": "feature_flags", "data": FEATURES})

    def on_close(self) -> None:
        """Tell nothing more."""
        self.site.hub.leave(self)
        if hasattr(self, "_sender"):
            self._sender.cancel()

    def tell(self, frame: dict[str, Any] | bytes) -> None:
        """Put a frame into the box."""
        live = isinstance(frame, bytes) or frame["type"] in LIVE
        if live and len(self._box) >= MOST_LIVE:
            return
        if len(self._box) >= MOST:
            self.close(1013, "Nothing was read for too long.")
            return
        self._box.append(frame)
        self._filled.set()

    async def _send(self) -> None:
        with suppress(WebSocketClosedError, StreamClosedError, asyncio.CancelledError):
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._box:
                    frame = self._box.popleft()
                    binary = isinstance(frame, bytes)
                    text = frame if binary else json.dumps(frame, ensure_ascii=False)
                    await self.write_message(text, binary=binary)  # until the client's system has taken it
