"""Connects an engine's bell with the hooks: functions are called, webhooks are sent, the engine waits for neither."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from filelock import FileLock, Timeout

from zimage_lab import home as homes
from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.hooks import signing
from zimage_lab.hooks.address import target
from zimage_lab.hooks.deliveries import Webhooks
from zimage_lab.hooks.ended import ended, is_end
from zimage_lab.hooks.functions import FunctionHook, installed
from zimage_lab.hooks.post import BODY_BYTES, SECONDS, Answer, post
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from zimage_lab.hooks.deliveries import Delivery
    from zimage_lab.hooks.ended import Ended

LOG = logging.getLogger(__name__)

LOCK = "hooks.lock"
LOOK = 30.0
"""Seconds after which the table is looked at though no bell rang: another process may have added something."""


class Bell(Protocol):
    """What is needed of an engine's events."""

    def subscribe(self, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call back with every event; gives what ends that."""


class Rings(Protocol):
    """What is needed of an engine."""

    @property
    def events(self) -> Bell:
        """Its bell."""


class Hooks:
    """Tells functions and webhooks of jobs that ended.

    Parameters
    ----------
    home
        The home folder, as for `load`.
    points
        Whether the entry points of installed packages (group `zimage_lab.hooks`) are called: by one process of a home
        at a time, since all of them hear of every end.
    seconds
        Time limit of one call of a webhook.
    """

    def __init__(
        self, home: str | os.PathLike[str] | None = None, *, points: bool = True, seconds: float = SECONDS
    ) -> None:
        self.home = homes.home(home)
        self._seconds = seconds
        self._webhooks, self._records = Webhooks(self.home), Records(self.home)
        self._points = installed() if points else []
        self._functions: list[FunctionHook] = []
        self._lead = FileLock(self.home / homes.RUN / LOCK, timeout=0, thread_local=False)
        self._wake = threading.Event()
        self._closing = False
        self._ends: list[Callable[[], None]] = []
        self._sender = threading.Thread(target=self._send, name="zimage-lab-webhooks", daemon=True)
        self._sender.start()

    def call(self, function: Callable[[Ended], object], name: str | None = None) -> None:
        """Call a function with every end from now on, on a thread of its own.

        Parameters
        ----------
        function
            Takes an `Ended`. What it raises goes to the log.
        name
            What the log calls it.
        """
        told = name or str(getattr(function, "__name__", "function"))
        self._functions.append(FunctionHook(told, lambda: function))

    def subscribe(self, engine: Rings) -> Callable[[], None]:
        """Listen to an engine; gives a function that ends that."""
        end = engine.events.subscribe(self._heard)
        self._ends.append(end)
        self._wake.set()  # what ended while nobody sent
        return end

    def close(self, timeout: float = 5.0) -> None:
        """Stop listening, let the functions finish, and send no more; what waits is sent by the next one."""
        self._closing = True
        for end in self._ends:
            end()
        self._wake.set()
        until = time.monotonic() + timeout
        for function in (*self._functions, *self._points):
            function.close(max(0.1, until - time.monotonic()))
        self._lead.release()
        self._sender.join(max(0.1, until - time.monotonic()))

    def _heard(self, event: Any) -> None:  # noqa: ANN401 - an engine's event: job, kind, data
        if self._closing or not is_end(event.kind, event.data):
            return
        self._wake.set()
        called = [*self._functions, *(self._points if self._points and self._leads() else ())]
        if called:
            told = ended(self._records, self.home, event.job, event.data)
            for function in called:
                function.put(told)

    def _leads(self) -> bool:
        """Say whether this process calls the entry points; where the one that did has gone, another follows."""
        with suppress(Timeout):
            if not self._lead.is_locked:
                self._lead.acquire()
        return self._lead.is_locked

    def _send(self) -> None:
        while not self._closing:
            self._wake.clear()
            try:
                self._webhooks.collect()
                while (pause := self._webhooks.pause()) == 0 and not self._closing:
                    delivery = self._webhooks.claim()
                    if delivery is not None:
                        self._deliver(delivery)
            except ZImageError as error:  # a full disk, a locked file: it may go better later
                LOG.warning("Webhooks wait: %s", error)
                pause = None
            except Exception:
                LOG.exception("The sender of webhooks failed; it goes on")
                pause = None
            if not self._closing:  # asked behind clear(): a bell that rang before it is not lost
                self._wake.wait(LOOK if pause is None else min(LOOK, max(pause, 0.05)))
        # Here and not in close(), which does not wait for ever for a server that is slow.
        self._webhooks.close()
        self._records.close()

    def _deliver(self, delivery: Delivery) -> None:
        try:
            webhook = self._webhooks.get(delivery.webhook_id)
            to = target(webhook.url, homes.settings(self.home).webhook_allow)
            data = {"state": delivery.job_state, "record_id": delivery.record_id}
            told = ended(self._records, self.home, delivery.job_id, data)
            body = told.as_json().encode("utf-8", "replace")
            if len(body) > BODY_BYTES:
                answer, final = Answer(None, f"the message has more than {BODY_BYTES} bytes"), True
            else:
                secret, at = signing.secret(self.home, webhook.id), time.time()
                headers = {
                    signing.HEADER: signing.signature(secret, body, at),
                    "Zimage-Lab-Delivery": delivery.id,
                    "User-Agent": "zimage-lab",
                }
                answer, final = post(to, body, headers, self._seconds), False
        except InvalidRequest as error:  # it may not be called, or was removed
            answer, final = Answer(None, f"{error.what}. {error.fix}"), True
        except OSError as error:  # the name has no address now
            answer, final = Answer(None, f"the name was not found ({error.strerror})"), False
        self._webhooks.report(delivery, answer, final=final)
        if not answer.ok:
            LOG.warning("A webhook for job %s failed: %s", delivery.job_id, answer.error or f"status {answer.status}")
