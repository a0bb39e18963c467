"""/zimage/v1/events: what happens to one's jobs, as server-sent events (https://html.spec.whatwg.org/#server-sent-events).

States are numbered: a client that was away sends the last number it has (Last-Event-ID, or ?since=) and gets what it
missed. Steps and previews are live only, without a number.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import OrderedDict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from tornado.iostream import StreamClosedError

from zimage_lab.api.v1 import V1, Operation
from zimage_lab.errors import ZImageError

if TYPE_CHECKING:
    from zimage_lab.api.bridge import Heard

PING_SECONDS = 15.0
MOST = 1000
REMEMBERED = 5000
SINCE = {"type": "integer", "minimum": 0, "maximum": 2**53}


class EventsHandler(V1):
    """A stream of events."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("Follow your jobs: server-sent events.", mime="text/event-stream", query={"since": SINCE})
    }

    async def get(self) -> None:
        """Send until the client goes."""
        text = self.request.headers.get("Last-Event-ID", "")
        since = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004 - 2**53
        if self.get_query_argument("since", None) is not None:
            since = self.number("since", 0, 0, 2**53)
        self._mine: OrderedDict[str, bool] = OrderedDict()
        self._box: deque[Heard] = deque(maxlen=MOST)
        self._filled = asyncio.Event()
        self._sent = since or 0
        self._gone = False
        end = self.service.bridge.subscribe(self._hear)
        try:
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("X-Accel-Buffering", "no")
            self.write("retry: 2000\n\n")
            await self.flush()
            if since is not None:
                await self._catch_up(since)
            await self._follow()
        except StreamClosedError:
            return
        finally:
            end()

    def on_connection_close(self) -> None:
        """Stop sending."""
        self._gone = True
        if hasattr(self, "_filled"):
            self._filled.set()

    async def _catch_up(self, since: int) -> None:
        while found := await self.service.off(self.service.bridge.since, since):
            for heard in found:
                since = heard.cursor
                self._send(heard)
            await self.flush()

    async def _follow(self) -> None:
        while not self._gone:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._filled.wait(), PING_SECONDS)
            if not self._box:
                self.write(": still here\n\n")
            self._filled.clear()
            while self._box:
                self._send(self._box.popleft())
            await self.flush()

    def _hear(self, heard: Heard) -> None:
        self._box.append(heard)
        self._filled.set()

    def _send(self, heard: Heard) -> None:
        stored = heard.kind in {"state", "queue"}
        if (stored and heard.cursor <= self._sent) or not self._is_mine(heard.job):
            return
        data: dict[str, Any] = {"job": heard.job, "kind": heard.kind, "t": heard.t, "data": heard.data}
        if heard.blob:
            data["jpeg"] = base64.b64encode(heard.blob).decode("ascii")
        number = f"id: {heard.cursor}\n" if stored else ""
        self._sent = heard.cursor if stored else self._sent
        self.write(f"{number}event: {heard.kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n")

    def _is_mine(self, job_id: str) -> bool:
        if self.identity.everything or not job_id:
            return True
        if job_id not in self._mine:
            with suppress(ZImageError):
                self._mine[job_id] = self.service.job(job_id, self.identity) is not None
            while len(self._mine) > REMEMBERED:
                self._mine.popitem(last=False)
        return self._mine.get(job_id, False)
