"""How this process comes to a Ray cluster; the one place where ray is imported."""

from __future__ import annotations

import logging
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, ZImageError, shown
from zimage_lab.sweeps.cluster.options import FIELD, place

if TYPE_CHECKING:
    from zimage_lab.sweeps.cluster.options import Ray

LOG = logging.getLogger(__name__)

INSTALL = "Run `pip install 'zimage-lab[ray]'` here and on every machine of the cluster."
REACH_SECONDS = 5.0
STORE_BYTES = 256 * 2**20
"""Shared memory of a cluster of our own: a few pictures are on their way, never more."""


_lock = threading.Lock()
_users: list[int] = [0, False]  # how many use the connection, and whether it was made here


def module() -> Any:  # noqa: ANN401 - ray's types are not there where it is not installed
    """Import ray with its usage statistics off.

    Raises
    ------
    InvalidRequest
        It is not installed.
    """
    # Nothing about anybody's work leaves the machine because a library would like to know; ray reads this as it starts.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Without a GPU of its own a worker shall not see one; the coming default, and ray warns until it is chosen.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise InvalidRequest(FIELD, "ray", "ray is not installed", INSTALL) from error
    return ray


def join(options: Ray) -> Any:  # noqa: ANN401
    """Connect to the cluster that is meant, or start one on this machine; gives the module. `leave` ends it.

    Raises
    ------
    InvalidRequest
        Ray is not installed, nothing answers at the address, or this process is connected to another cluster.
    ZImageError
        Ray could not start.
    """
    ray = module()
    with _lock:
        if ray.is_initialized():
            _refuse_other(ray, options.address)
        else:
            _connect(ray, options)
            _users[1] = True
        _users[0] += 1
    return ray


def _connect(ray: Any, options: Ray) -> None:  # noqa: ANN401
    address = options.address or os.environ.get("RAY_ADDRESS") or "local"
    if options.address is not None:
        _knock(options.address)
    local: dict[str, Any] = {}
    if address == "local":
        local = {"include_dashboard": False, "object_store_memory": STORE_BYTES}
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, **local)
    except Exception as error:
        LOG.debug("Ray did not start", exc_info=True)
        message = f"Ray could not be reached at {address}: {_first(error)}"
        if address == "local":
            message = f"Ray could not start on this machine: {_first(error)}"
        raise ZImageError(message) from error


def leave(ray: Any) -> None:  # noqa: ANN401
    """Close the connection where it was made here and nobody else uses it."""
    with _lock:
        _users[0] -= 1
        if _users[0] == 0 and _users[1]:
            _users[1] = False
            ray.shutdown()


def _refuse_other(ray: Any, address: str | None) -> None:  # noqa: ANN401
    if address is None or address.startswith("ray://"):
        return
    there = str(ray.get_runtime_context().gcs_address)
    if place(there)[1] != place(address)[1] or _resolved(place(there)[0]) != _resolved(place(address)[0]):
        what = f"this process is connected to the cluster at {there} already"
        raise InvalidRequest(FIELD, address, what, "Call ray.shutdown() first, or leave the address out.")


def _knock(address: str) -> None:
    """See whether anything listens there: ray itself would try for minutes before it says so."""
    host, port = place(address)
    try:
        socket.create_connection((host, port), REACH_SECONDS).close()
    except OSError as error:
        what = f"nothing answers at {shown(address)} ({error.strerror or type(error).__name__})"
        fix = "Run `ray start --head` there, and look at its address and the firewall."
        raise InvalidRequest(FIELD, address, what, fix) from error


def _resolved(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
