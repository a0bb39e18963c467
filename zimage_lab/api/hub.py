"""Who listens on ComfyUI's websocket, and what each is told: its own prompts' frames, in order, never waited for."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from zimage_lab.api import frames, history
from zimage_lab.api.frames import Following

if TYPE_CHECKING:
    from zimage_lab.api.bridge import Heard
    from zimage_lab.api.identity import Identity
    from zimage_lab.api.service import Service
    from zimage_lab.store.prompts import PromptRow

LOG = logging.getLogger(__name__)
REMEMBERED = 5000
STATUS_SECONDS = 0.1


class Client(Protocol):
    """A connection."""

    sid: str
    identity: Identity
    previews: bool

    def tell(self, frame: dict[str, Any] | bytes) -> None:
        """Take a frame along, without waiting."""


class Hub:
    """Translates what is heard for the clients of a server.

    Parameters
    ----------
    service
        The home.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._clients: set[Client] = set()
        self._following: OrderedDict[str, tuple[PromptRow, Following] | None] = OrderedDict()
        self._end: Any = None
        self._status: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, client: Client) -> None:
        """Have a client told from now on."""
        if self._end is None:
            self._end = self._service.bridge.subscribe(self._hear)
        self._clients.add(client)
        client.tell(frames.status(self._remaining(client), client.sid))

    def leave(self, client: Client) -> None:
        """Tell a client nothing more."""
        self._clients.discard(client)
        if not self._clients and self._end is not None:
            self._end()
            self._end = None
            self._following.clear()

    def close(self) -> None:
        """Tell nobody anything more."""
        for task in (self._status, *self._tasks):
            if task is not None:
                task.cancel()

    def _hear(self, heard: Heard) -> None:
        if heard.kind == "state":
            self._tell_status()
        if not heard.job:
            return
        if heard.kind == "state" and heard.data.get("state") == "queued":
            self._following.pop(heard.job, None)  # it is tried again
        found = self._of_job(heard.job)
        if found is None:
            return
        prompt, following = found
        if heard.kind == "state" and heard.data.get("state") not in {"queued", "running"}:
            task = asyncio.ensure_future(self._ended(heard.job, prompt, following, heard))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        self._send(prompt, following.hear(heard))

    def _wants(self, frame: dict[str, Any] | bytes, client: Client, prompt: PromptRow) -> bool:
        """Whether a client takes a frame.

        Programs exist that take any binary frame for their picture, and ComfyUI sends none unless it was started so:
        previews go to whom asks for them, by `preview_method` or by telling its features as the front end does.
        """
        if not isinstance(frame, bytes):
            return True
        method = prompt.told.get("extra_data", {}).get("preview_method")
        return method not in {None, "none", "default"} or (method != "none" and client.previews)

    async def _ended(self, job: str, prompt: PromptRow, following: Following, heard: Heard) -> None:
        files: dict[str, list[dict[str, str]]] = {}
        try:
            fresh = self._service.reading.prompt(prompt.id)
            if fresh is not None:  # named before the last frame: whoever waits for it then asks for the history
                files = await self._service.off(history.files, fresh, self._service)
        except Exception:
            LOG.exception("The pictures of prompt %s could not be named", prompt.id)
        self._send(prompt, following.end(str(heard.data.get("state")), heard.data.get("error"), files))
        for client in self._clients_of(prompt):
            client.tell(frames.status(self._remaining(client)))
            client.tell(following.last())
        self._following[job] = None  # what is heard of it afterwards is told to nobody

    def _of_job(self, job_id: str) -> tuple[PromptRow, Following] | None:
        """Give the prompt of a job where one of its clients is here."""
        if job_id not in self._following:
            prompt = self._service.reading.of_job(job_id)
            known = None if prompt is None or prompt.client_id is None else (prompt, Following(prompt))
            self._following[job_id] = known
            while len(self._following) > REMEMBERED:
                self._following.popitem(last=False)
        return self._following[job_id]

    def _send(self, prompt: PromptRow, told: list[dict[str, Any] | bytes]) -> None:
        for client in self._clients_of(prompt) if told else ():
            for frame in told:
                if self._wants(frame, client, prompt):
                    client.tell(frame)

    def _clients_of(self, prompt: PromptRow) -> list[Client]:
        mine = (one for one in self._clients if one.sid == prompt.client_id)
        return [one for one in mine if one.identity.owner == prompt.owner]

    def _remaining(self, client: Client) -> int:
        identity = client.identity
        return self._service.reading.remaining(None if identity.everything else identity.owner)

    def _tell_status(self) -> None:
        """Tell how much there is to do: not oftener than a person could read it."""
        if self._status is None or self._status.done():
            self._status = asyncio.ensure_future(self._tell_later())

    async def _tell_later(self) -> None:
        await asyncio.sleep(STATUS_SECONDS)
        for client in list(self._clients):
            client.tell(frames.status(self._remaining(client)))
