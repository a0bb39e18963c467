"""What the doctor looks at: each examination is a function that gives a finding and never raises."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zimage_lab.cli.terminal import size
from zimage_lab.errors import ZImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PYTHON = (3, 11)
JUPYTERLAB = (4, 4)
EXTENSION = "zimage-lab"
WIDGETS = "@jupyter-widgets/jupyterlab-manager"
SPACE = 500_000_000  # bytes: a database and a few hundred pictures
MEMORY = 1_000_000_000  # bytes: torch and a miniature need about 700 MB
TORCH_SECONDS = 120  # the first import on a slow disk
START = "Run ./start.sh once more."

TORCH = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "version": torch.__version__, "built for": torch.version.cuda or torch.version.hip,
    "cuda": cuda, "mps": torch.backends.mps.is_available(), "threads": torch.get_num_threads(),
    "devices": [{"name": p.name, "bytes": p.total_memory}
                for p in map(torch.cuda.get_device_properties, range(torch.cuda.device_count() if cuda else 0))],
}))
"""
"""Run in a process of its own: a broken build can end the process that imports it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One examined thing: whether it is well, what was found, and how to mend it."""

    name: str
    state: Literal["ok", "warning", "problem"]
    what: str
    mend: str = ""


def findings(home: str | None = None) -> Iterator[Finding]:
    """Examine one thing after the other.

    Parameters
    ----------
    home
        Home folder; None takes the usual one.
    """
    yield _guarded("Python", _python)
    torch, facts = _torch()
    yield torch
    yield _guarded("libraries", _libraries)
    yield _guarded("device", lambda: _device(facts))
    yield _guarded("memory", _memory)
    yield from _home(home)
    yield _guarded("miniature", _miniature)
    yield _guarded("JupyterLab", _jupyterlab)
    yield _guarded("extension", _extension)
    yield _guarded("kernel", _kernel)


def _guarded(name: str, examine: Callable[[], Finding]) -> Finding:
    """Make a finding of an error too: a doctor who faints helps nobody."""
    try:
        return examine()
    except Exception as error:  # noqa: BLE001 - whatever is broken here is what we came to find
        return Finding(name, "problem", f"could not be examined: {type(error).__name__}: {error}", START)


def _python() -> Finding:
    version = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < PYTHON:
        return Finding("Python", "problem", version, "Install Python 3.11 or newer and run ./start.sh with it.")
    return Finding("Python", "ok", version)


def _torch() -> tuple[Finding, dict[str, object]]:
    try:
        # -P keeps a file named torch.py in the current folder from being taken for the real one.
        answer = subprocess.run(  # noqa: S603 - our own interpreter and our own text
            [sys.executable, "-P", "-c", TORCH], capture_output=True, text=True, timeout=TORCH_SECONDS, check=False
        )
        if answer.returncode:
            last = (answer.stderr.strip().splitlines() or [f"it ended with code {answer.returncode}"])[-1]
            return Finding("torch", "problem", f"cannot be imported: {last}", START), {}
        facts: dict[str, object] = json.loads(answer.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        what = f"its import took more than {TORCH_SECONDS} s"
        return Finding("torch", "problem", what, "Try again when the machine is less busy."), {}
    except (OSError, ValueError, IndexError) as error:
        return Finding("torch", "problem", f"could not be examined: {error}", START), {}
    build = facts["built for"]
    return Finding("torch", "ok", f"{facts['version']}, built for {f'CUDA {build}' if build else 'the CPU'}"), facts


def _libraries() -> Finding:
    found, missing = [], []
    for name in ("diffusers", "transformers", "safetensors", "pillow", "pydantic", "ipywidgets"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("libraries", "problem", f"not installed: {', '.join(missing)}", START)
    return Finding("libraries", "ok", ", ".join(found))


def _driver() -> str | None:
    """Ask NVIDIA's driver for its GPUs; None where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _device(facts: dict[str, object]) -> Finding:
    driver = _driver()
    if facts.get("cuda"):
        devices = facts["devices"]
        assert isinstance(devices, list)  # noqa: S101 - our own JSON of a moment ago
        names = ", ".join(f"{device['name']} with {size(device['bytes'])}" for device in devices)
        return Finding("device", "ok", f"{names}; driver: {driver or 'unknown'}")
    if driver:
        if facts.get("built for"):
            mend = "The driver is perhaps older than torch's CUDA: update it, or let ./start.sh choose another torch."
        else:
            mend = "torch is built for the CPU: remove the folder .venv and run ./start.sh for the CUDA build."
        return Finding("device", "problem", f"there is a GPU ({driver}) that torch cannot use", mend)
    if driver == "":
        mend = "Reinstall the NVIDIA driver, or go on with the CPU."
        return Finding("device", "warning", "nvidia-smi is there but names no GPU; the CPU is used", mend)
    if facts.get("mps"):
        return Finding("device", "ok", "Apple GPU (MPS)")
    threads = facts.get("threads", os.cpu_count())
    return Finding("device", "ok", f"CPU with {threads} threads, no NVIDIA driver: fine for the miniatures")


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    what = f"{size(memory.available)} free of {size(memory.total)}"
    if memory.available < MEMORY:
        return Finding("memory", "problem", what, f"Close something: a picture needs {size(MEMORY)} free.")
    return Finding("memory", "ok", what)


def _home(argument: str | None) -> Iterator[Finding]:
    """Examine the home folder, its database and the space on its disk."""
    from zimage_lab.home import home, settings

    try:
        place = home(argument)
        settings(place)
        with tempfile.NamedTemporaryFile(dir=place) as probe:
            probe.write(b"zimage-lab")
    except (ZImageError, OSError) as error:
        yield Finding("home", "problem", str(error), "Make the folder writable, or name another in ZIMAGE_LAB_HOME.")
        return
    yield _guarded("home", lambda: _database(place))
    free = shutil.disk_usage(place).free
    if free < SPACE:
        mend = f"Delete something: pictures and records want {size(SPACE)}."
        yield Finding("space", "problem", f"{size(free)} free at {place}", mend)
    else:
        yield Finding("space", "ok", f"{size(free)} free")


def _database(place: Path) -> Finding:
    from zimage_lab.store.database import connect

    try:
        connection = connect(place)
        try:
            answer = connection.execute("PRAGMA quick_check").fetchone()[0]
        finally:
            connection.close()
    except ZImageError as error:
        return Finding("home", "problem", str(error))
    if answer != "ok":
        mend = f"Move {place / 'lab.db'} away; every picture still holds its own recipe."
        return Finding("home", "problem", f"the database is damaged: {answer}", mend)
    return Finding("home", "ok", f"{place} is writable")


def _miniature() -> Finding:
    from zimage_lab.models import DEFAULT_MODEL, find

    path = find(DEFAULT_MODEL).path
    if path is None:
        return Finding(
            "miniature", "problem", f"the weights of {DEFAULT_MODEL} are missing", "Install the package again."
        )
    wanted = ("model_index.json", "card.json", "scheduler", "tokenizer", "text_encoder", "transformer", "vae")
    missing = [name for name in wanted if not (Path(path) / name).exists()]
    if missing:
        what = f"{DEFAULT_MODEL} is incomplete: no {', '.join(missing)}"
        return Finding("miniature", "problem", what, "Install the package again.")
    return Finding("miniature", "ok", f"{DEFAULT_MODEL} is complete")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _jupyterlab() -> Finding:
    try:
        version = metadata.version("jupyterlab")
    except metadata.PackageNotFoundError:
        return Finding("JupyterLab", "problem", "is not installed here", START)
    if _version(version) < JUPYTERLAB:
        return Finding(
            "JupyterLab", "problem", f"{version} is too old for the panel", "Install jupyterlab 4.4 or newer."
        )
    return Finding("JupyterLab", "ok", version)


def _extension() -> Finding:
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    missing = [name for name in (EXTENSION, WIDGETS) if not any((f / name / "package.json").is_file() for f in folders)]
    if missing:
        what = f"JupyterLab has no {' and no '.join(missing)}"
        return Finding(
            "extension", "problem", what, f"{START} In a notebook, zimage_lab.panel() works without the launcher."
        )
    return Finding("extension", "ok", "the launcher card and the widgets are installed")


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager

    try:
        version = metadata.version("ipykernel")
    except metadata.PackageNotFoundError:
        return Finding("kernel", "problem", "ipykernel is not installed here", START)
    specs = KernelSpecManager().get_all_specs()
    here = Path(sys.executable)
    # A native "python3" names this interpreter only loosely ("python"); the client starts it with its own.
    ours = [name for name, spec in specs.items() if name == "python3" or Path(spec["spec"]["argv"][0]) == here]
    if not ours:
        return Finding("kernel", "problem", "no kernel uses this Python", f"{here} -m ipykernel install --sys-prefix")
    return Finding("kernel", "ok", f"{ours[0]} with ipykernel {version}")
