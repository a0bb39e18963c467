"""ComfyUI's UI format becomes the API format: subgraphs are taken apart, and what only the canvas knows is dropped.

Format facts: schema version 0.4 and 1; a subgraph's own ends are the nodes -10 and -20, a node inside of one is named
``outer:inner``. Muted nodes are left out, bypassed ones hand on what has their output's type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zimage_lab.errors import InvalidRequest, shown

FIELD = "workflow"
DEEPEST = 8
MOST = 2000
BEGIN, END = -10, -20
MUTED, BYPASSED = 2, 4
SKIPPED = {"Note", "MarkdownNote"}
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"


@dataclass
class _Link:
    origin: str
    slot: int


@dataclass
class _Literal:
    value: object


@dataclass
class _Level:
    """Nodes of a graph or subgraph, by their whole ids, and what reaches its own inputs and outputs."""

    prefix: str
    nodes: dict[str, dict[str, Any]]
    links: dict[int, tuple[int, int]]
    given: dict[int, _Link | _Literal | None] = field(default_factory=dict)


class _Flat:
    def __init__(self, graph: dict[str, Any]) -> None:
        definitions = _mapping(graph.get("definitions")).get("subgraphs") or []
        self.subgraphs = {str(one.get("id")): one for one in _objects(definitions)}
        self.nodes: dict[str, dict[str, Any]] = {}
        self.levels: dict[str, _Level] = {}
        self.outputs: dict[str, dict[int, tuple[_Level, int, int] | None]] = {}
        self._open(graph, "", {}, 0)

    def _open(
        self, graph: dict[str, Any], prefix: str, given: dict[int, _Link | _Literal | None], depth: int
    ) -> _Level:
        if depth > DEEPEST:
            what = f"its subgraphs are nested deeper than {DEEPEST}"
            raise _wrong(what)
        links = dict(_link(one) for one in graph.get("links") or [])
        level = _Level(prefix, {}, links, given)
        for node in _objects(graph.get("nodes")):
            number = f"{prefix}{node.get('id')}"
            level.nodes[number] = node
            self.nodes[number], self.levels[number] = node, level
            if len(self.nodes) > MOST:
                what = f"it has more than {MOST} nodes"
                raise _wrong(what)
        for number, node in level.nodes.items():
            inner = self.subgraphs.get(str(node.get("type")))
            if inner is not None and node.get("mode", 0) not in {MUTED, BYPASSED}:
                self._enter(number, node, inner, depth)
        return level

    def _enter(self, number: str, node: dict[str, Any], inner: dict[str, Any], depth: int) -> None:
        """Take a subgraph apart: its inputs are what reaches the node, or the values that stand on it."""
        given: dict[int, _Link | _Literal | None] = {}
        own = {one.get("name"): one for one in _objects(node.get("inputs"))}
        values = self._promoted(node)
        for slot, one in enumerate(_objects(inner.get("inputs"))):
            name = one.get("name")
            link = own.get(name, {}).get("link")
            if isinstance(link, int):
                given[slot] = _Link(number, -1 - link)  # resolved when asked for, in the level of the node
            elif name in values:
                given[slot] = _Literal(values[name])
            else:
                given[slot] = None
        opened = self._open(inner, f"{number}:", given, depth + 1)
        ends: dict[int, tuple[_Level, int, int] | None] = {}
        for one in _objects(inner.get("links")):
            if one.get("target_id") == END:
                ends[int(one.get("target_slot", 0))] = (opened, *_ends(one))
        self.outputs[number] = ends

    def _promoted(self, node: dict[str, Any]) -> dict[str, Any]:
        """Give the values that stand on a subgraph's node itself, by the names of its inputs."""
        values = node.get("widgets_values")
        if isinstance(values, dict):
            return dict(values)
        if not isinstance(values, list):
            return {}
        proxies = _mapping(node.get("properties")).get("proxyWidgets")
        if isinstance(proxies, list):
            names = [
                one[1] if isinstance(one, list) and len(one) > 1 and str(one[0]) == "-1" else None for one in proxies
            ]
        else:
            names = [one.get("name") for one in _objects(node.get("inputs")) if "widget" in one]
        pairs = zip(names, values, strict=False)
        return {name: value for name, value in pairs if isinstance(name, str) and value is not None}

    def source(self, level: _Level, link: object) -> _Link | _Literal | None:
        """Follow a link to the node that gives it, through whatever only hands on."""
        for _ in range(MOST):
            found = level.links.get(link) if isinstance(link, int) else None
            if found is None:
                return None
            origin, slot = found
            if origin == BEGIN:
                given = level.given.get(slot)
                if not isinstance(given, _Link):
                    return given
                level, link = self.levels[given.origin], -1 - given.slot
                continue
            number = f"{level.prefix}{origin}"
            node = level.nodes.get(number)
            if node is None or node.get("mode", 0) == MUTED:
                return None
            if number in self.outputs:
                end = self.outputs[number].get(slot)
                if end is None:
                    return None
                inside, inner, inner_slot = end
                level, link = self._single(inside, inner, inner_slot)
                continue
            if node.get("type") == PRIMITIVE:
                values = node.get("widgets_values")
                return _Literal(values[0]) if isinstance(values, list) and values else None
            if node.get("type") == REROUTE or node.get("mode", 0) == BYPASSED:
                link = _through(node, slot)
                continue
            return _Link(number, slot)
        what = "its links go round in a circle"
        raise _wrong(what)

    @staticmethod
    def _single(level: _Level, origin: int, slot: int) -> tuple[_Level, int]:
        """Make a link of an output's source, so that it can be followed."""
        number = -1 - len(level.links)
        while number in level.links:
            number -= 1
        level.links[number] = (origin, slot)
        return level, number


def flattened(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the API graph of a UI graph.

    Raises
    ------
    InvalidRequest
        Its parts are not what the format says.
    """
    from zimage_lab.workflow import registry

    known, flat = registry.nodes(), _Flat(graph)
    api: dict[str, dict[str, Any]] = {}
    for number, node in flat.nodes.items():
        kind = node.get("type")
        skipped = kind in SKIPPED or kind in {REROUTE, PRIMITIVE} or number in flat.outputs
        if skipped or node.get("mode", 0) in {MUTED, BYPASSED}:
            continue
        described = known.get(str(kind))
        inputs = _widgets(node, None if described is None else described.widgets)
        for one in _objects(node.get("inputs")):
            if one.get("link") is None:
                continue
            found = flat.source(flat.levels[number], one["link"])
            name = str(one.get("name"))
            if isinstance(found, _Link):
                inputs[name] = [found.origin, found.slot]
            elif isinstance(found, _Literal):
                inputs[name] = found.value
        title = node.get("title")
        kept = _mapping(node.get("properties")).get("zimage_lab")
        meta = {"title": title if isinstance(title, str) else described.title if described else str(kind)}
        api[number] = {
            "class_type": kind,
            "inputs": inputs,
            "_meta": meta | ({"zimage_lab": kept} if isinstance(kept, dict) else {}),
        }
    return api


def _widgets(node: dict[str, Any], names: list[str | None] | None) -> dict[str, Any]:
    """Give the literal inputs of a node by their names."""
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return {str(name): value for name, value in values.items()}
    if not isinstance(values, list):
        return {}
    if names is None:  # a class that is not known: what the canvas says of it
        names = [one.get("name") for one in _objects(node.get("inputs")) if "widget" in one]
    return {name: value for name, value in zip(names, values, strict=False) if name is not None}


def _through(node: dict[str, Any], slot: int) -> object:
    """Find the link that a bypassed node hands on: of its inputs the first with the output's type."""
    inputs, outputs = _objects(node.get("inputs")), _objects(node.get("outputs"))
    if node.get("type") == REROUTE:
        return inputs[0].get("link") if inputs else None
    wanted = outputs[slot].get("type") if 0 <= slot < len(outputs) else None
    return next((one.get("link") for one in inputs if one.get("type") == wanted and one.get("link") is not None), None)


def _link(one: object) -> tuple[int, tuple[int, int]]:
    """Read a link: a row (id, origin, slot, target, slot, type), or an object with these."""
    if isinstance(one, dict):
        number = one.get("id")
        origin, slot = _ends(one)
    elif isinstance(one, list) and len(one) >= 5:  # noqa: PLR2004 - as above
        number, origin, slot = one[:3]
    else:
        what = f"{shown(one)} is no link"
        raise _wrong(what)
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in (number, origin, slot)):
        what = f"the link {shown(one)} has ends that are no numbers"
        raise _wrong(what)
    return int(str(number)), (int(origin), int(slot))


def _ends(one: dict[str, Any]) -> tuple[int, int]:
    origin, slot = one.get("origin_id"), one.get("origin_slot")
    if not isinstance(origin, int) or not isinstance(slot, int):
        what = f"the link {shown(one)} has ends that are no numbers"
        raise _wrong(what)
    return origin, slot


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _wrong(what: str) -> InvalidRequest:
    return InvalidRequest(FIELD, None, what, "Export it from ComfyUI once more.")
