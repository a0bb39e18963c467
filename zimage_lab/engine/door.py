"""How a process comes to an engine: its own where none runs on the device, else the one that is there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.engine.devices import device_name
from zimage_lab.engine.engine import Engine
from zimage_lab.engine.remote import RemoteEngine

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from zimage_lab.engine.desk import Desk

_known: dict[tuple[str, str], Desk] = {}
_lock = threading.Lock()


def load(
    model: str | None = None,
    *,
    home: str | PathLike[str] | None = None,
    device: str | None = None,
    own: bool = False,
    independent: bool = False,
) -> Desk:
    """Get an engine: this process's, or the one of another process that has the device already.

    One engine holds the models of a device, for all notebooks, panels and shells of a home folder. Where none runs,
    this process becomes it; where one runs, the call attaches to it. `engine.where` says which it did. The weights are
    read by the engine's own thread, so the call returns at once; the first picture waits for them.

    Parameters
    ----------
    model
        Model of requests that name none: an id, a folder or a hub id. None keeps the present one
        (`miniature-turbo` at first).
    home
        Folder of pictures and records; None takes `ZIMAGE_LAB_HOME` or the user's data folder.
    device
        Where to compute, as torch names it; None takes CUDA, then MPS, then the CPU. The jobs of an engine that was
        loaded for a named device run on no other.
    own
        Insist on an engine in this process, with a second copy of the model where another process has one; it takes
        this process's jobs only.
    independent
        Never become the engine: where none runs, start one that outlives this process and ends after an idle time.

    Raises
    ------
    UnknownModel
        No such model; the message lists close names.
    """
    place = homes.home(home)
    if model is not None:
        models.find(model, place)
    wanted = device or homes.settings(place).device
    name = device_name(wanted)
    pin = name if device is not None else None
    with _lock:
        engine = _find(place, None if device is None else name)
        if engine is None or engine.stopped or (own and not isinstance(engine, Engine)):
            if own:
                engine = Engine(model, home=place, device=wanted)
            else:
                engine = None if independent else claim(place, model=model, device=wanted, pin=pin)
                engine = engine or RemoteEngine(place, model=model, device=name, pin=pin)
            _known[str(place), name] = engine
        elif model is not None:
            engine.model = model
    engine.warm_up()
    return engine


def claim(
    home: Path,
    *,
    model: str | None = None,
    device: str | None = None,
    pin: str | None = None,
    independent: bool = False,
    idle_seconds: float | None = None,
) -> Engine | None:
    """Make this process the engine of a device; None where another process is it.

    Parameters
    ----------
    home, model, device
        As for `load`.
    pin
        As for `Desk`.
    independent, idle_seconds
        Whether it belongs to no person's kernel, and after how many idle seconds it ends.
    """
    lock = FileLock(home / homes.RUN / f"engine-{device_name(device).replace(':', '-')}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    try:
        return Engine(
            model, home=home, device=device, lock=lock, pin=pin, independent=independent, idle_seconds=idle_seconds
        )
    except BaseException:
        lock.release()
        raise


def engines() -> list[Desk]:
    """List the engines that this process uses and that take jobs."""
    with _lock:
        return [engine for engine in _known.values() if not engine.stopped]


def _find(place: Path, name: str | None) -> Desk | None:
    """Find the engine that this process has already; without a device's name, the first of the home."""
    return next((e for (home, device), e in _known.items() if home == str(place) and name in {None, device}), None)
