"""What a saved file's name begins with: ComfyUI's placeholders expanded, and nothing that leads out of a folder."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from zimage_lab.store.file_names import safe

_PLACE = re.compile(r"%([^%\n]{1,100})%")
_DATE = re.compile(r"yyyy|yy|MM|M|dd|d|hh|h|mm|m|ss|s")
_FORMATS = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "hh": "%H", "mm": "%M", "ss": "%S"}
_MOST = 200


def wrong(prefix: str) -> str | None:
    """Say what is wrong with a prefix: a path that leads elsewhere; None for a good one."""
    parts = prefix.replace("\\", "/").split("/")
    if ".." in parts or prefix.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", prefix) or "\0" in prefix:
        return "filename_prefix - it must stay in the output folder; use letters, digits and single folders."
    if len(prefix) > _MOST:
        return f"filename_prefix - {len(prefix)} characters are too many; use at most {_MOST}."
    return None


def expanded(prefix: str, graph: dict[str, Any], size: tuple[int, int], now: datetime | None = None) -> str:
    """Expand ``%width%``, ``%height%``, ``%year%`` and so on, ``%date:yyyy-MM-dd%`` and ``%Node.field%``.

    Parameters
    ----------
    prefix
        As the graph has it.
    graph
        Nodes by id; a node is named by its title, or by its class.
    size
        Width and height of the picture.
    now
        The time; None takes the machine's.
    """
    time = datetime.now().astimezone() if now is None else now
    known = {"width": str(size[0]), "height": str(size[1])}
    known |= {name: f"{getattr(time, name):02d}" for name in ("year", "month", "day", "hour", "minute", "second")}

    def place(match: re.Match[str]) -> str:
        name = match[1]
        if name in known:
            return known[name]
        if name.startswith("date:"):
            return _DATE.sub(lambda part: _told(part[0], time), name.removeprefix("date:"))
        return _field(name, graph) or match[0]

    parts = _PLACE.sub(place, prefix).replace("\\", "/").split("/")
    return "/".join(safe(part) for part in parts if part.strip(" .")) or "ComfyUI"


def _told(part: str, time: datetime) -> str:
    return time.strftime(_FORMATS[part]) if part in _FORMATS else str(int(time.strftime(_FORMATS[part * 2])))


def _field(name: str, graph: dict[str, Any]) -> str | None:
    title, _, field = name.rpartition(".")
    for node in graph.values():
        if title in (node.get("_meta", {}).get("title"), node["class_type"]):
            value = node["inputs"].get(field)
            if isinstance(value, str | int | float):
                return re.sub(r"[/\\]", "_", str(value))[:100]
    return None
