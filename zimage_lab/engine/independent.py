"""Engines that belong to nobody's kernel: started for whoever has none, ended after a time without work.

Each is a kernel of its own, started by Jupyter's kernel manager and left alone. It outlives the process that asked
for it, so the shell's second picture does not wait for the weights again.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from zimage_lab import home as homes
from zimage_lab.errors import EngineStopped
from zimage_lab.store.engines import Engines

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 120.0
LOG_NAME = "engine.log"
LOG_BYTES = 2**20
_started: list[KernelManager] = []  # a manager that is collected takes its kernel's connection file along


class _OwnKernel(KernelManager):
    """Starts this Python, not whatever the user's kernel called python3 is."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel of the running interpreter."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Z-Image engine", language="python")


def start(home: Path, device: str, idle_seconds: float | None = None) -> None:
    """Start an engine for a device and wait until it takes jobs; one that is there already is enough.

    Parameters
    ----------
    home
        The home folder.
    device
        Name of the device, as `device_name` gives it.
    idle_seconds
        Seconds without work after which it ends; None takes the settings'.

    Raises
    ------
    EngineStopped
        When it ended, or did not answer in two minutes; the sentence names its log.
    """
    if idle_seconds is None:
        idle_seconds = homes.settings(home).engine_idle_minutes * 60
    line = f"from zimage_lab.engine.independent import serve; serve({str(home)!r}, {device!r}, {idle_seconds!r})"
    log = home / homes.RUN / LOG_NAME
    manager = _OwnKernel(connection_file=str(home / homes.RUN / f"kernel-{os.getpid()}-{time.monotonic_ns()}.json"))
    _turn(log)
    with log.open("ab") as output, Engines(home) as engines:
        environment = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
        manager.start_kernel(
            independent=True,
            extra_arguments=[f"--IPKernelApp.exec_lines={line}"],
            stdout=output,
            stderr=output,
            env=environment,
            cwd=str(home),
        )
        _started.append(manager)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if any(row.device == device and row.shared for row in engines.living()):
                return
            if not manager.is_alive():
                break
            time.sleep(0.05)
    message = f"The engine for {device} did not start. {_last_line(log)} See {log}."
    raise EngineStopped(message)


def serve(home: str, device: str, idle_seconds: float) -> None:
    """Be an engine, in the kernel that `start` made; returns at once, and the kernel goes on until the engine ends."""
    from zimage_lab.engine.door import claim

    engine = claim(homes.home(home), device=device, independent=True, idle_seconds=idle_seconds)
    if engine is None:  # another process was faster
        threading.Thread(target=_leave, name="zimage-lab-exit").start()
        return
    engine.warm_up()
    signal.signal(signal.SIGTERM, lambda *_: engine.ask_to_stop())

    def watch() -> None:
        engine.wait_stopped()
        _leave()

    threading.Thread(target=watch, name="zimage-lab-exit", daemon=True).start()


def _leave() -> NoReturn:
    """End this kernel, which has nothing left to do; its own way out waits for a front end that it never had."""
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.instance().cleanup_connection_file()  # type: ignore[no-untyped-call]
    logging.shutdown()
    os._exit(0)


def _turn(log: Path) -> None:
    """Keep the log and the one before it, each of a bounded size."""
    try:
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
    except OSError:
        return  # there is none yet


def _last_line(log: Path) -> str:
    try:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return f"Its last words: {lines[-1]}" if lines else ""
