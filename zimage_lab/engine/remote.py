"""An engine of another process, as if it were here: the same methods, without torch and without a second model."""

from __future__ import annotations

import io
import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from PIL import Image

from zimage_lab.engine import independent
from zimage_lab.engine.broadcast import Listener
from zimage_lab.engine.desk import Desk
from zimage_lab.engine.job import Progress
from zimage_lab.errors import ZImageError
from zimage_lab.store.engines import Engines

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from zimage_lab.engine.language_model import Task
    from zimage_lab.store.engines import EngineRow

LOG = logging.getLogger(__name__)


class RemoteEngine(Desk):
    """Attached to the engine that holds the model on a device; where none runs, one is started.

    Parameters
    ----------
    home, model, pin
        As for `Desk`.
    device
        Name of the device, as `device_name` gives it.
    """

    def __init__(self, home: Path, *, model: str | None, device: str, pin: str | None) -> None:
        self.id = str(uuid.uuid4())
        self.device = device
        self._engines = Engines(home)
        self._detached = False
        self._starting: threading.Thread | None = None
        self._no_engine: str | None = None
        self._listener = Listener(self._heard)
        super().__init__(home, model, pin)
        self._listener.start()
        self._hear()
        self._begin()

    @property
    def stopped(self) -> bool:
        """Whether it was detached."""
        return self._detached

    @property
    def where(self) -> str:
        """In which process the model is."""
        found = self.engine()
        return "no process yet" if found is None else f"process {found.pid}"

    def engine(self) -> EngineRow | None:
        """Give the living engine of the device that it is attached to, or None."""
        living = [row for row in self._engines.living() if row.shared]
        return next((row for row in living if row.device == self.device), None)

    def status(self) -> dict[str, Any]:
        """Tell what the attached engine does; its model and bytes as it told them last."""
        found = None if self._detached else self.engine()
        told = found.told if found else {}
        running = found.running if found else None
        state = "stopped" if self._detached else "running" if running else "idle" if found else "starting"
        return {
            "state": "loading" if told.get("loading") and not running else state,
            "model": told.get("model"),
            "default_model": self.model,
            "device": told.get("device"),
            "dtype": told.get("dtype"),
            "memory_bytes": told.get("memory_bytes", 0),
            "models": told.get("models", []),
            "queue": self._queue.counts()["queued"],
            "job": running,
            "where": self.where,
        }

    def warm_up(self) -> None:
        """Nothing to do: the engine that is there has its model already, and a new one reads its weights at once."""

    def unload(self, model: str | None = None, timeout: float = 10.0) -> None:
        """Detach; the engine goes on, with the jobs that were submitted. `zimage-lab engines stop` ends it.

        Parameters
        ----------
        model
            With a model's name nothing is detached: the engine is asked to let that one go after its running job.
        timeout
            Longest wait in seconds until it has.

        Raises
        ------
        UnknownModel
            There is none of this name.
        """
        if model is None:
            self.stop()
            return
        name, found = self._named(model), self.engine()
        if found is not None:
            self._engines.ask(found.id, "unload", name)
            until = time.monotonic() + timeout
            while time.monotonic() < until and any(one["id"] == name for one in self.status()["models"]):
                time.sleep(0.05)

    def write(self, task: Task, model: str | None = None) -> Future[tuple[str, bool]]:
        """Refuse: a text encoder answers in its own process.

        Raises
        ------
        ZImageError
            Always.
        """
        del task, model
        message = (
            f"The model is in {self.where}, and prompts are written where the model is. Use that kernel's notebook or"
            " panel, or zimage_lab.load(own=True)."
        )
        raise ZImageError(message)

    def stop(self, timeout: float = 10.0) -> None:
        """Detach from the engine.

        Parameters
        ----------
        timeout
            For the same face as an engine of this process; nothing is waited for here.
        """
        del timeout
        if self._detached:
            return
        self._detached = True
        self._listener.close()
        self._close()
        self._engines.close()

    def ensure(self) -> None:
        """Start an engine, without waiting for it, where none is there for the device."""
        if self.engine() is not None or (self._starting is not None and self._starting.is_alive()):
            return
        self._starting = threading.Thread(target=self._start, name="zimage-lab-starter", daemon=True)
        self._starting.start()

    def _start(self) -> None:
        try:
            independent.start(self.home, self.device)
        except ZImageError as error:
            LOG.warning("%s", error)
            self._give_up(str(error))
        self._hear()

    def _give_up(self, reason: str) -> None:
        """Tell whoever waits that nobody will make the picture; the jobs stay queued for an engine that does start."""
        for job in self.jobs():
            if not job.done:
                job._finish("failed", error=f"{reason} The job stays in the queue.")  # noqa: SLF001

    def _submitted(self) -> None:
        self.ensure()

    def _tick(self) -> None:
        if self._detached:
            return
        self._look()
        self._hear()
        if any(not job.done for job in self.jobs()):
            self.ensure()

    def _hear(self) -> None:
        if not self._detached:
            self._listener.hear(row.endpoint for row in self._engines.living() if row.endpoint)

    def _heard(self, facts: dict[str, Any], blob: bytes) -> None:
        kind, data = facts["kind"], facts["data"]
        if kind == "state":
            self._look()  # the store says it, in its order
            return
        job = self._jobs.get(facts["job"])
        if job is not None and not job.done:
            if kind == "step":
                left = data.get("seconds_left")
                job.progress = Progress(data["stage"], data["step"], data["steps"], left)
            elif kind == "preview" and blob:
                job.preview = Image.open(io.BytesIO(blob), formats=["JPEG"])
        self.events.emit(kind, facts["job"], **data)
