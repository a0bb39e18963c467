"""What runs on each GPU: an engine that stays, in a folder of its own that goes with it.

An object of `Replica` is Ray's actor; its methods are called from elsewhere, several at a time. It has no database:
what is to be drawn comes by `take`, what there is to tell goes out by `report`.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab import home as homes
from zimage_lab.engine.broadcast import jpeg
from zimage_lab.engine.events import Events
from zimage_lab.models.loras import FOLDER as LORAS
from zimage_lab.store import inputs
from zimage_lab.store.images import write_whole
from zimage_lab.sweeps.cluster import agreement
from zimage_lab.sweeps.cluster.handed import Handed, wait_for
from zimage_lab.sweeps.cluster.messages import Greeting, Preview, Step

if TYPE_CHECKING:
    from typing import Any

    from zimage_lab.engine.events import Event
    from zimage_lab.store.leases import Lease
    from zimage_lab.sweeps.cluster.agreement import Facts, Needs
    from zimage_lab.sweeps.cluster.messages import Message

PREFIX = "zimage-lab-worker-"
STOP_SECONDS = 3.0


class Replica:
    """One worker of a cluster.

    Parameters
    ----------
    name
        What it is called there.
    device
        Where it computes: "cuda:0", which is the GPU that Ray gave it, or "cpu".
    threads
        CPUs that it may use.
    home
        The home folder of who asks; its models are used where this machine sees it, else those of this machine's own.
    settings
        The text of that home's `config.toml`.
    path
        "fast" or "reference".
    """

    def __init__(self, name: str, *, device: str, threads: int, home: str, settings: str, path: str) -> None:
        if device == "cpu":
            os.environ["OMP_NUM_THREADS"] = str(threads)  # before torch is imported
        self.name, self._device, self._path = name, device, path
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        asked = Path(home)
        source = asked if (asked / homes.DATABASE).is_file() else homes.home()
        for part in (homes.MODELS, LORAS):
            if (source / part).is_dir():
                (self._folder / part).symlink_to(source / part)
        (self._folder / homes.CONFIG).write_text(settings, encoding="utf-8")
        self.home = homes.home(self._folder)
        self.handed = Handed(self.home)
        self._events = Events()
        self._events.subscribe(self._heard)
        self._engine: Any = None
        self._lock = threading.Lock()  # Ray calls several methods at a time

    def hello(self, wanted: Needs) -> Greeting:
        """Say who it is and what it has."""
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        device = f"cuda:{seen}" if self._device != "cpu" and seen else self._device
        return Greeting(socket.gethostname(), os.getpid(), device, self.facts(wanted))

    def facts(self, wanted: Needs) -> Facts:
        """Tell versions and hashes."""
        return agreement.facts(wanted, self.home)

    def warm_up(self, model: str) -> None:
        """Read a model's weights."""
        self._running().warm_up(model)

    def take(self, leases: list[Lease], pictures: dict[str, bytes]) -> None:
        """Take jobs, with the pictures that they begin with, by their hashes."""
        for digest, data in pictures.items():
            place = self.home / inputs.INPUTS / f"{digest}.png"
            place.parent.mkdir(exist_ok=True)
            write_whole(place, data)  # held against its hash when it is read
        self.handed.hand(leases)
        self._running().wake()

    def cancel(self, record_ids: list[str]) -> None:
        """Stop these at their next step."""
        self.handed.cancel(record_ids)

    def withdraw(self, record_ids: list[str]) -> list[str]:
        """Give back those of these that were not begun."""
        return self.handed.withdraw(record_ids)

    def report(self, seconds: float) -> list[Message]:
        """Wait at most so long for something to tell, and give it."""
        return self.handed.messages(seconds)

    def unload(self, model: str | None) -> None:
        """Give memory back after the running batch."""
        if self._engine is not None:
            self._engine.do(lambda residency: residency.unload(model))

    def stop(self) -> None:
        """End the engine, and remove the folder."""
        engine = self._engine
        if engine is not None:
            engine.stopping = True
            engine.release("Its worker ends.", paused=False)
            wait_for(lambda: not engine.is_alive(), STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self) -> Any:  # noqa: ANN401 - the engine's thread, or what a test has for one
        """Make the engine's thread."""
        from zimage_lab.engine.worker import Worker

        return Worker(
            engine_id=self.name,
            pins=(),
            shared=True,
            home=self.home,
            queue=self.handed,
            events=self._events,
            job_of=self.handed.job,
            look=lambda: None,
            tell=lambda _: None,
            device=self._device,
            path=self._path,
        )

    def _running(self) -> Any:  # noqa: ANN401 - as `begin`
        with self._lock:
            if self._engine is None:
                self._engine = self.begin()
                self._engine.start()
            return self._engine

    def _heard(self, event: Event) -> None:
        """Put steps and previews into the box of what is told."""
        data = event.data
        if event.kind == "step":
            left = data.get("seconds_left")
            self.handed.told(
                event.job,
                lambda record_id: Step(record_id, data["stage"], data["step"], data["steps"], left),
            )
        elif event.kind == "preview":
            picture = self.handed.preview(event.job)
            if picture is not None:
                self.handed.told(event.job, partial(Preview, data=jpeg(picture)))


def _sweep() -> None:
    """Remove the folders of workers that were killed."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
