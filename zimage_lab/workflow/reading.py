"""A graph from outside becomes plain data within bounds: of a file, JSON, a dictionary, or a picture that holds it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.values import JSON_CHARACTERS, json_object
from zimage_lab.workflow import canvas

FIELD = "workflow"
MOST_NODES = 2000
MOST_VALUES = 200_000
DEEPEST = 32
MOST_BYTES = 64 * 2**20  # of a PNG that holds a graph

_PNG = b"\x89PNG\r\n\x1a\n"
_SCALARS = (str, int, float, bool, type(None))


def read(source: object, *, from_canvas: bool = True) -> dict[str, dict[str, Any]]:
    """Give a graph in the API format: node ids, each with `class_type`, `inputs` and `_meta`.

    Parameters
    ----------
    source
        A dictionary, JSON text, a path (``.json``, or ``.png`` with a graph in it), or the bytes of either.
    from_canvas
        Whether the UI format is taken, too.

    Raises
    ------
    InvalidRequest
        It is no graph, or larger than any that a person draws. Whether its nodes fit is not looked at here.
    """
    graph = source if isinstance(source, dict) else _parsed(source)
    bounded(graph)
    if isinstance(graph.get("nodes"), list):
        if not from_canvas:
            what = "is in the UI format, with nodes and links"
            raise InvalidRequest(FIELD, None, what, "Export it with ComfyUI's 'Export (API)'.")
        graph = canvas.flattened(graph)
    elif isinstance(graph.get("prompt"), dict) and "class_type" not in graph["prompt"]:
        graph = graph["prompt"]  # the body of a POST, as people save it
    if len(graph) > MOST_NODES:
        raise InvalidRequest(FIELD, None, f"{len(graph)} nodes are too many", f"Use at most {MOST_NODES}.")
    return {str(number): _node(str(number), node) for number, node in graph.items()}


def _node(number: str, node: object) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise InvalidRequest(FIELD, node, f"node {shown(number)} is {shown(node)}, not an object", "Give its inputs.")
    inputs, meta = node.get("inputs", {}), node.get("_meta")
    if not isinstance(inputs, dict):
        what = f"node {shown(number)} has inputs that are no object"
        raise InvalidRequest(FIELD, inputs, what, "Give them by their names.")
    return {
        "class_type": node.get("class_type"),
        "inputs": {str(name): value for name, value in inputs.items()},
        **({"_meta": dict(meta)} if isinstance(meta, dict) else {}),
    }


def _parsed(source: object) -> dict[str, Any]:
    if isinstance(source, bytes | bytearray):
        return _of_bytes(bytes(source), "the bytes")
    if isinstance(source, str) and source.lstrip()[:1] in {"{", "["}:
        return json_object(FIELD, source)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            if path.stat().st_size > MOST_BYTES:
                raise InvalidRequest(FIELD, str(source), f"{shown(path.name)} is too large", "Give a graph's file.")
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no usable path"
            what = f"{shown(str(source))} cannot be read ({reason})"
            raise InvalidRequest(FIELD, str(source), what, "Give the path of a .json or .png file.") from error
        return _of_bytes(data, path.name)
    raise InvalidRequest(FIELD, source, f"{shown(source)} is no graph", "Give a dictionary, JSON, or a file's path.")


def _of_bytes(data: bytes, name: str) -> dict[str, Any]:
    if data.startswith(_PNG):
        return _of_png(data, name)
    if len(data) > 4 * JSON_CHARACTERS:
        raise InvalidRequest(FIELD, name, f"{shown(name)} is too large", "Give a graph's file.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"{shown(name)} is neither JSON nor a PNG"
        raise InvalidRequest(FIELD, name, what, "Give a workflow's .json or .png.") from error
    return json_object(FIELD, text)


def _of_png(data: bytes, name: str) -> dict[str, Any]:
    """Read the graph that ran, else the one of the canvas; no pixel is decoded."""
    import io

    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            found = [picture.info.get(key) for key in ("prompt", "workflow")]
    except Exception as error:  # whatever a stranger's file does to Pillow, it cannot be read
        what = f"{shown(name)} cannot be read as a PNG"
        raise InvalidRequest(FIELD, name, what, "Give the file as ComfyUI wrote it.") from error
    for text in found:
        if isinstance(text, str):
            return json_object(FIELD, str(text))
    what = f"{shown(name)} holds no graph: it may be a copy that some program saved anew"
    raise InvalidRequest(FIELD, name, what, "Look for the file that ComfyUI or zimage_lab wrote.")


def bounded(graph: dict[str, Any]) -> None:
    """Refuse what is no plain data, too deep or too much; never by calling itself."""
    waiting: list[tuple[object, int]] = [(graph, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST:
            raise InvalidRequest(FIELD, None, f"it is nested deeper than {DEEPEST}", "Give a plain graph.")
        if seen > MOST_VALUES:
            raise InvalidRequest(FIELD, None, f"more than {MOST_VALUES} values are too many", "Give a smaller graph.")
        if isinstance(value, dict):
            if not all(isinstance(key, str | int) for key in value):
                raise InvalidRequest(FIELD, None, "a name in it is no text", "Give a graph as JSON has it.")
            waiting += [(one, depth + 1) for one in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(one, depth + 1) for one in value]
        elif not isinstance(value, _SCALARS):
            raise InvalidRequest(FIELD, value, f"{shown(value)} is nothing that JSON knows", "Give plain values.")
