"""How a process comes to an engine: its own where none runs on the device, else the one that is there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from filelock import FileLock, Timeout

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.engine.devices import device_name
from zimage_lab.engine.engine import Engine
from zimage_lab.engine.remote import RemoteEngine
from zimage_lab.errors import InvalidRequest

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
    engine: Literal["fast", "reference"] | None = None,
    warm: bool = True,
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
    engine
        "fast", or "reference" for the libraries' own forward passes, with which the fast ones are compared; None lets
        the home's settings say, or takes the engine that is there.
    warm
        Whether the weights are read at once; otherwise `engine.warm_up()` or the first picture has them read.

    Raises
    ------
    UnknownModel
        No such model; the message lists close names.
    InvalidRequest
        The engine of this device computes the other way.
    """
    place = homes.home(home)
    if model is not None:
        models.find(model, place)
    wanted = device or homes.settings(place).device
    name = device_name(wanted)
    pin = name if device is not None else None
    with _lock:
        known = _find(place, None if device is None else name)
        if own and not (isinstance(known, Engine) and _computes(known, engine)):
            desk: Desk = Engine(model, home=place, device=wanted, path=engine)
        elif known is not None:
            desk = known
        else:
            claimed = None if independent else claim(place, model=model, device=wanted, pin=pin, path=engine)
            desk = claimed or RemoteEngine(place, model=model, device=name, pin=pin)
        if desk is not known and not isinstance(known, Engine):  # one's own beside it is its maker's alone
            _known[str(place), name] = desk
    if not _computes(desk, engine):
        field, what = "engine", f"the engine of this device does not compute by the {engine} path"
        raise InvalidRequest(field, engine, what, "Pass own=True for one of your own, or stop that one first.")
    if model is not None:
        desk.model = model
    if warm:
        desk.warm_up()
    return desk


def claim(
    home: Path,
    *,
    model: str | None = None,
    device: str | None = None,
    pin: str | None = None,
    path: str | None = None,
    independent: bool = False,
    idle_seconds: float | None = None,
) -> Engine | None:
    """Make this process the engine of a device; None where another process is it.

    Parameters
    ----------
    home, model, device
        As for `load`.
    pin, path
        As for `Engine`.
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
            model,
            home=home,
            device=device,
            path=path,
            lock=lock,
            pin=pin,
            independent=independent,
            idle_seconds=idle_seconds,
        )
    except BaseException:
        lock.release()
        raise


def engines() -> list[Desk]:
    """List the engines that this process uses and that take jobs."""
    with _lock:
        return [engine for engine in _known.values() if not engine.stopped]


def _find(place: Path, name: str | None) -> Desk | None:
    """Find the running engine that this process has already; without a device's name, the first of the home."""
    of_home = (e for (home, device), e in _known.items() if home == str(place) and name in {None, device})
    return next((engine for engine in of_home if not engine.stopped), None)


def _computes(desk: Desk, path: str | None) -> bool:
    """Tell whether an engine computes by a path: its own, or for one in another process the home's."""
    return path in {None, desk.path if isinstance(desk, Engine) else homes.settings(desk.home).path}
