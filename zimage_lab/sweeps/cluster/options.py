"""What a person may say of where a sweep is made: a word, an address, or an object with more to say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zimage_lab.engine.devices import device_name
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.values import checked_integer

FIELD = "executor"
CLIENT = "ray://"
FIX = 'Use "ray", an address such as "ray://10.0.0.1:10001" or "10.0.0.1:6379", "engines", or leave it out.'
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:]{2,45}\]")
_PORTS = 65535
_MOST = 10_000
_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Ray:
    """A Ray cluster.

    Parameters
    ----------
    address
        "host:6379" from a machine of the cluster, "ray://host:10001" from any other. None takes the cluster that this
        process is connected to or that RAY_ADDRESS names, and else starts one on this machine.
    workers
        Most workers; None: one for each GPU, or for each share of the CPUs where the cluster has no GPU.
    cpus
        CPUs of a worker where there is no GPU; None: a quarter of its machine's, at least one.
    ahead
        Batches that a worker holds, the one that it draws included: 2 let it go on while a picture travels.
    idle_seconds
        Seconds without work after which the workers end and their memory is free.
    start_seconds
        Longest wait for the first worker.
    """

    address: str | None = None
    workers: int | None = None
    cpus: int | None = None
    ahead: int = 2
    idle_seconds: float = 300.0
    start_seconds: float = 120.0

    def __post_init__(self) -> None:
        """Hold the values against what can be."""
        if self.address is not None:
            place(self.address)
        for field in ("workers", "cpus", "ahead"):
            value = getattr(self, field)
            if value is not None:
                checked_integer(field, value, 1, _MOST)
        for field in ("idle_seconds", "start_seconds"):
            seconds = getattr(self, field)
            good = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds <= _SECONDS
            if not good:
                raise InvalidRequest(field, seconds, f"{shown(seconds)} is not 0 to {_SECONDS} seconds", "Use 300.")


@dataclass(frozen=True, slots=True)
class Engines:
    """One engine for each device of this machine, all at the same queue; needs nothing to be installed.

    Parameters
    ----------
    devices
        As torch names them: ("cuda:0", "cuda:1"). None takes all GPUs of this machine, and the CPU where it has none.
        The CPU is one device, whatever number it is given: a second engine there would only share it.
    """

    devices: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Hold the devices against what can be one."""
        if self.devices is None:
            return
        if not isinstance(self.devices, tuple) or not self.devices:
            field = "devices"
            raise InvalidRequest(field, self.devices, "is no tuple of devices", 'Use ("cuda:0", "cuda:1").')
        for device in self.devices:
            device_name(device)


def read(executor: object) -> Ray | Engines:
    """Read what somebody gave as an executor.

    Raises
    ------
    InvalidRequest
        It is none; the message says what would be.
    """
    if isinstance(executor, Ray | Engines):
        return executor
    if executor == "ray":
        return Ray()
    if executor == "engines":
        return Engines()
    if isinstance(executor, str) and ":" in executor:
        return Ray(address=executor)
    raise InvalidRequest(FIELD, executor, f"{shown(executor)} is no executor", FIX)


def place(address: str) -> tuple[str, int]:
    """Give host and port of an address.

    Raises
    ------
    InvalidRequest
        It is none.
    """
    bare = address.removeprefix(CLIENT) if isinstance(address, str) else ""
    host, _, port = bare.rpartition(":")
    if not _ADDRESS.fullmatch(host) or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _PORTS):
        raise InvalidRequest(FIELD, address, f"{shown(address)} is no address", FIX)
    return host.strip("[]"), int(port)
