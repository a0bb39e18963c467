"""Holds a graph against its nodes before anything is queued, as ComfyUI does, and tells it in its words.

Contract: error types, their keys and which nodes bear them are ComfyUI's. Where its own check stumbles (a link to no
node, a slot that is no number) the link is told as wrong.
"""

from __future__ import annotations

import json
import math
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import shown
from zimage_lab.values import JSON_CHARACTERS
from zimage_lab.workflow import registry
from zimage_lab.workflow.errors import Errors
from zimage_lab.workflow.node import MOST_LISTED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zimage_lab.workflow.given import Named
    from zimage_lab.workflow.node import Input, Node

Graph = dict[str, dict[str, Any]]
FIRST_OUTPUTS = 1000  # told as dependent of one node


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """A value that is none of its input's.

    Parameters
    ----------
    kind, message, details, **facts
        As they are told: type, message, details, and what of `extra_info` is its own.
    """

    def __init__(self, *, kind: str, message: str, details: str, **facts: object) -> None:
        super().__init__(kind)
        self.kind, self.message, self.details, self.facts = kind, message, details, facts


def checked(graph: Graph, home: Path | None, pictures: Named) -> tuple[Errors, Graph]:
    """Check a graph.

    Parameters
    ----------
    graph
        As `reading.read` gives it.
    home
        The home folder, whose models and LoRAs may be named.
    pictures
        What the names of pictures mean.

    Returns
    -------
    Errors, and the part of the graph that can run, its literals of the types that the nodes take.
    """
    nodes = registry.nodes()
    for number, one in graph.items():
        if not isinstance(one["class_type"], str) or one["class_type"] not in nodes:
            return Errors(_missing(number, one)), {}
    outputs = [number for number, one in graph.items() if nodes[one["class_type"]].output_node]
    if not outputs:
        return Errors(_top("prompt_no_outputs", "Prompt has no outputs", "")), {}
    return _Check(graph, nodes, home, pictures).run(outputs)


class _Check:
    def __init__(self, graph: Graph, nodes: Mapping[str, Node], home: Path | None, pictures: Named) -> None:
        self.graph, self.nodes, self.home, self.pictures = graph, nodes, home, pictures
        self.reasons: dict[str, list[dict[str, Any]]] = {}
        self.values: Graph = {}

    def run(self, outputs: list[str]) -> tuple[Errors, Graph]:
        needed = {output: self._below(output) for output in outputs}
        for number in dict.fromkeys(number for below in needed.values() for number in below):
            self._node(number)
        self._cycles(set().union(*needed.values()))
        good = [output for output, below in needed.items() if not any(number in self.reasons for number in below)]
        told = {
            number: {
                "errors": reasons,
                "dependent_outputs": [output for output, below in needed.items() if number in below][:FIRST_OUTPUTS],
                "class_type": self.graph[number]["class_type"],
            }
            for number, reasons in self.reasons.items()
        }
        errors = Errors(None, told, good)
        if not good:
            errors.error = _failed(told)
        kept = set().union(*(needed[output] for output in good)) if good else set()
        return errors, {number: self.values[number] for number in self.graph if number in kept}

    def _below(self, output: str) -> set[str]:
        """Find all that an output needs, itself included."""
        found, waiting = {output}, [output]
        while waiting:
            for value in self.graph[waiting.pop()]["inputs"].values():
                link = _link(value)
                if link is not None and link[0] in self.graph and link[0] not in found:
                    found.add(link[0])
                    waiting.append(link[0])
        return found

    def _cycles(self, numbers: set[str]) -> None:
        sorter = TopologicalSorter(
            {
                number: {link[0] for value in self.graph[number]["inputs"].values() if (link := _link(value))} & numbers
                for number in numbers
            }
        )
        try:
            sorter.prepare()
        except CycleError as error:
            circle = [str(one) for one in error.args[1]]
            for number in dict.fromkeys(circle):
                details = " -> ".join(circle[:20])
                self._tell(
                    number, "dependency_cycle", "Dependency cycle detected", details, {"cycle_nodes": circle[:20]}
                )

    def _node(self, number: str) -> None:
        node, inputs = self.nodes[self.graph[number]["class_type"]], self.graph[number]["inputs"]
        values: dict[str, Any] = {}
        for one in node.inputs:
            if one.name not in inputs or (inputs[one.name] is None and one.optional):
                if not one.optional:
                    self._tell(
                        number,
                        "required_input_missing",
                        "Required input is missing",
                        one.name,
                        {"input_name": one.name},
                    )
                elif one.default is not None:
                    values[one.name] = one.default
                continue
            value = inputs[one.name]
            try:
                values[one.name] = self._linked(one, value) if isinstance(value, list) else self._literal(one, value)
            except _Wrong as wrong:
                known = {"input_name": one.name, "input_config": self._config(one), "received_value": _shown(value)}
                self._tell(number, wrong.kind, wrong.message, wrong.details, known | wrong.facts)
        self.values[number] = {**self.graph[number], "inputs": values}
        if node.check is not None and number not in self.reasons:
            self._custom(number, node, values)

    def _custom(self, number: str, node: Node, values: dict[str, Any]) -> None:
        """Ask the node itself, where nothing that it looks at comes from other nodes."""
        literals = {one.name: values[one.name] for one in node.inputs if one.literal and one.name in values}
        if any(isinstance(value, list) for value in literals.values()) or node.check is None:
            return
        sentence = node.check(literals, self.pictures)
        if sentence is not None:
            self._tell(number, "custom_validation_failed", "Custom validation failed for node", sentence, {})

    def _linked(self, one: Input, value: list[Any]) -> list[Any]:
        link = _link(value)
        if link is None or link[0] not in self.graph:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            details = one.name if link is None else f"{one.name}, there is no node {shown(link[0])}"
            raise _Wrong(kind="bad_linked_input", message=message, details=details)
        outputs = self.nodes[self.graph[link[0]]["class_type"]].outputs
        if not 0 <= link[1] < len(outputs):
            details = f"{one.name}, node {shown(link[0])} has no output {link[1]}"
            raise _Wrong(kind="bad_linked_input", message="Bad linked input, slot out of range", details=details)
        received = outputs[link[1]].type
        if received != one.type:
            details = f"{one.name}, received_type({received}) mismatch input_type({one.type})"
            message, facts = (
                "Return type mismatch between linked nodes",
                {"received_type": received, "linked_node": list(link)},
            )
            raise _Wrong(kind="return_type_mismatch", message=message, details=details, **facts)
        return list(link)

    def _literal(self, one: Input, value: object) -> object:
        if isinstance(value, dict) and set(value) == {"__value__"}:
            value = value["__value__"]
        if not one.literal:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            raise _Wrong(kind="bad_linked_input", message=message, details=one.name)
        converted = _converted(one, value)
        if one.type == "COMBO":
            self._listed(one, converted)
        low, high = one.within.low, one.within.high
        if isinstance(converted, int | float) and not isinstance(converted, bool):
            if low is not None and converted < low:
                raise _Wrong(
                    kind="value_smaller_than_min",
                    message=f"Value {shown(converted)} smaller than min of {low:g}",
                    details=one.name,
                )
            if high is not None and converted > high:
                raise _Wrong(
                    kind="value_bigger_than_max",
                    message=f"Value {shown(converted)} bigger than max of {high:g}",
                    details=one.name,
                )
        return converted

    def _listed(self, one: Input, value: object) -> None:
        text, options = str(value), one.options(self.home)
        if text in options or (one.accepts is not None and one.accepts(text, self.home)):
            return
        listed = f"(list of length {len(options)})" if len(options) > MOST_LISTED else str(options)
        raise _Wrong(
            kind="value_not_in_list", message="Value not in list", details=f"{one.name}: {shown(text)} not in {listed}"
        )

    def _config(self, one: Input) -> object:
        described = one.described(self.home)
        return None if isinstance(described[0], list) and len(described[0]) > MOST_LISTED else described

    def _tell(self, number: str, kind: str, message: str, details: str, facts: dict[str, Any]) -> None:
        self.reasons.setdefault(number, []).append(
            {"type": kind, "message": message, "details": details, "extra_info": facts}
        )


def refused(errors: Errors, graph: Graph, number: str | None, sentence: str) -> Errors:
    """Add what only the model's card says, as an error of a node."""
    found = number if number in graph else errors.outputs[0]
    assert found is not None, "one of the two is a node"  # noqa: S101 - a slip of ours
    told = {"type": "custom_validation_failed", "message": "Custom validation failed for node", "details": sentence}
    node = {
        "errors": [{**told, "extra_info": {}}],
        "dependent_outputs": errors.outputs,
        "class_type": graph[found]["class_type"],
    }
    nodes = {**errors.node_errors, found: node}
    return Errors(_failed(nodes), nodes, [], errors.warnings)


def canonical(graph: Graph) -> str:
    """Give a graph as JSON that is the same text for the same graph."""
    return json.dumps(graph, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _converted(one: Input, value: object) -> object:
    try:
        if one.type == "INT":
            return int(value) if isinstance(value, int | float) else int(str(_scalar(value)))
        if one.type == "FLOAT":
            number = float(_scalar(value))  # type: ignore[arg-type] # what it raises is told
            if not math.isfinite(number):
                message = "it is no finite number"
                raise ValueError(message)  # noqa: TRY301 - told as the conversion's own
            return number
        if one.type == "BOOLEAN":
            return bool(_scalar(value))
        return value if isinstance(value, str) else str(_scalar(value))
    except (ValueError, TypeError, OverflowError) as error:
        reason = shown(str(error)[:60])
        message = f"Failed to convert an input value to a {one.type} value"
        details = f"{one.name}, {shown(value)}, {reason}"
        raise _Wrong(
            kind="invalid_input_type", message=message, details=details, exception_message=str(error)[:200]
        ) from error


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float):
        message = f"{shown(value)} is no single value"
        raise TypeError(message)
    if isinstance(value, str) and len(value) > JSON_CHARACTERS:
        message = "it is too long"
        raise ValueError(message)
    return value


def _link(value: object) -> tuple[str, int] | None:
    """Read a link: a node's id and a slot; None where a value is none, or one of no shape."""
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - as above
        return None
    number, slot = value
    if (
        isinstance(number, bool)
        or not isinstance(number, str | int)
        or isinstance(slot, bool)
        or not isinstance(slot, int)
    ):
        return None
    return str(number), slot


def _shown(value: object) -> object:
    """Give a received value where it is short, else a few words of it: it goes back over the wire."""
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, bool | type(None)) or (isinstance(value, int) and abs(value) < 2**70):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    link = _link(value)
    return list(link) if link is not None else shown(value)


def _top(kind: str, message: str, details: str, **facts: object) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": facts}


def _missing(number: str, one: dict[str, Any]) -> dict[str, Any]:
    kind, title = one["class_type"], one.get("_meta", {}).get("title")
    title = title if isinstance(title, str) else kind if isinstance(kind, str) else number
    if not isinstance(kind, str):
        sentence = "Cannot execute because a node is missing the class_type property."
        kind = None
    else:
        sentence = f"Node {shown(title[:100])} not found. The node {shown(kind[:100])} is not one we have."
        kind = kind[:200]
    details = f"Node ID '#{number[:100]}'"
    return _top("missing_node_type", sentence, details, node_id=number, class_type=kind, node_title=title[:200])


def _failed(told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    lines = []
    for number, node in list(told.items())[:20]:
        lines.append(f"* {node['class_type']} {number}:")
        lines += [f"  - {one['message']}: {one['details']}" for one in node["errors"]]
    return _top("prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(lines))
