"""What a node is: its inputs with their ranges, what it gives, and the function that does it; also one's own.

    @node(title="Greyer", category="mine")
    def greyer(image: PIL.Image.Image, amount: Annotated[float, Within(0, 1)] = 0.5) -> PIL.Image.Image:
        ...

A package names such functions in the entry points of the group ``zimage_lab.nodes``; then every process knows them.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

NUMBERS = ("INT", "FLOAT")
LITERALS = (*NUMBERS, "STRING", "BOOLEAN", "COMBO")
MOST_LISTED = 20
"""Most choices that an error repeats, as in ComfyUI."""

_PLAIN: dict[object, str] = {int: "INT", float: "FLOAT", str: "STRING", bool: "BOOLEAN"}
_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]{0,99}")

Choices = tuple[str, ...] | Callable[[Path | None], list[str]]


@dataclass(frozen=True, slots=True)
class Within:
    """The range of a number, for `Annotated`; None leaves an end open."""

    low: float | None = None
    high: float | None = None
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a node.

    Parameters
    ----------
    name, type
        As ComfyUI has them: INT, FLOAT, STRING, BOOLEAN and COMBO may be literal, all others come from other nodes.
    default
        The literal that it has on a new node; None where there is none.
    within
        Range of a number.
    choices
        What a COMBO may be: names, or a function from the home to them.
    accepts
        Whether a value that is no choice is taken all the same: an alias.
    optional
        Whether it may be missing.
    multiline
        Whether a STRING has several lines.
    control
        Whether the canvas shows "control after generate" behind it, as for seeds.
    upload
        Whether the canvas shows a button for uploads behind it.
    """

    name: str
    type: str
    default: Any = None
    within: Within = Within()
    choices: Choices = ()
    accepts: Callable[[str, Path | None], bool] | None = None
    optional: bool = False
    multiline: bool = False
    control: bool = False
    upload: bool = False

    @property
    def literal(self) -> bool:
        """Whether it may be a value that stands in the graph."""
        return self.type in LITERALS

    def options(self, home: Path | None) -> list[str]:
        """List what a COMBO may be."""
        return self.choices(home) if callable(self.choices) else list(self.choices)

    def config(self) -> dict[str, Any]:
        """Give ComfyUI's dictionary of facts."""
        facts: dict[str, Any] = {} if self.default is None else {"default": self.default}
        ends = {"min": self.within.low, "max": self.within.high, "step": self.within.step}
        facts |= {name: value for name, value in ends.items() if value is not None}
        flags = {"multiline": self.multiline, "control_after_generate": self.control, "image_upload": self.upload}
        return facts | {name: True for name, flag in flags.items() if flag}

    def described(self, home: Path | None) -> list[Any]:
        """Give it as ``/object_info`` does: type or choices, then its facts where there are any."""
        first: Any = self.options(home) if self.type == "COMBO" else self.type
        facts = self.config()
        return [first, facts] if facts else [first]


@dataclass(frozen=True, slots=True)
class Output:
    """What a node gives at a place: its type and its name."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Node:
    """A class of nodes.

    Parameters
    ----------
    name
        ComfyUI's `class_type`.
    inputs, outputs
        In order.
    run
        Called with the run and the inputs by name; gives a tuple, as long as `outputs`.
    output_node
        Whether a graph is run for its sake: it saves or shows pictures.
    check
        Given the inputs and the run's pictures by name: a sentence about what is wrong with them, or None.
    title, description, category, module
        For people.
    """

    name: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    run: Callable[..., tuple[Any, ...]]
    output_node: bool = False
    check: Callable[[dict[str, Any], Any], str | None] | None = None
    title: str = ""
    description: str = ""
    category: str = ""
    module: str = "nodes"

    def input(self, name: str) -> Input | None:
        """Give an input by its name, or None."""
        return next((one for one in self.inputs if one.name == name), None)

    @property
    def widgets(self) -> list[str | None]:
        """List its literals in the order in which the canvas keeps their values; None for what only the canvas has."""
        listed: list[str | None] = []
        for one in self.inputs:
            if one.literal:
                listed += [one.name, *([None] if one.control or one.upload else [])]
        return listed


def node(
    function: Callable[..., Any] | None = None, *, name: str | None = None, title: str = "", category: str = "mine"
) -> Any:  # noqa: ANN401 - the function itself, or what takes it
    """Make a node of a Python function, and have this process know it.

    Its parameters are inputs: `int`, `float`, `str`, `bool` and `Literal[...]` are values of the graph, a
    `PIL.Image.Image` is an image of another node (the function is called for each of a batch), a
    `list[PIL.Image.Image]` a whole batch. It returns a picture, a list of them, or such a value.

    Parameters
    ----------
    function
        With annotations on all parameters and on what it returns.
    name
        The class of the node; None takes the function's name.
    title, category
        For people.

    Raises
    ------
    TypeError
        An annotation is missing or is none of these.
    """
    if function is None:
        return lambda real: node(real, name=name, title=title, category=category)
    from zimage_lab.workflow import registry

    registry.add(of_function(function, name=name, title=title, category=category))
    return function


def of_function(function: Callable[..., Any], *, name: str | None = None, title: str = "", category: str = "") -> Node:
    """Describe a function as a node; see `node`."""
    label = str(name or getattr(function, "__name__", ""))
    if not _CLASS.fullmatch(label):
        message = f"{label!r} is no name for a node: use letters, digits and underscores."
        raise TypeError(message)
    hints = typing.get_type_hints(function, include_extras=True)
    inputs, each = [], []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints or parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            message = f"{label}: the parameter {parameter.name} needs a type."
            raise TypeError(message)
        given = parameter.default if parameter.default is not parameter.empty else None
        inputs.append(_input(label, parameter.name, hints[parameter.name], given))
        if _picture(hints[parameter.name]):
            each.append(parameter.name)
    if "return" not in hints:
        message = f"{label}: say what it returns."
        raise TypeError(message)
    kind = _type(label, "return", hints["return"])[0]

    def run(_: object, **values: Any) -> tuple[Any, ...]:  # noqa: ANN401 - the graph's
        if not each:
            result = function(**values)
            return ([result] if kind == "IMAGE" and not isinstance(result, list) else result,)
        count = max(len(values[one]) for one in each)
        rows = [
            {**values, **{one: values[one][min(row, len(values[one]) - 1)] for one in each}} for row in range(count)
        ]
        results = [function(**row) for row in rows]
        if kind != "IMAGE":
            return (results[0],)
        return ([one for result in results for one in (result if isinstance(result, list) else [result])],)

    return Node(
        label,
        tuple(inputs),
        (Output(kind, kind),),
        run,
        title=title or label.replace("_", " "),
        description=inspect.getdoc(function) or "",
        category=category,
        module=str(getattr(function, "__module__", "")),
    )


def _input(label: str, name: str, hint: object, default: object) -> Input:
    kind, within, choices = _type(label, name, hint)
    return Input(
        name,
        kind,
        default if default is not None else (choices[0] if choices else None),
        within=within,
        choices=choices,
        optional=default is not None,
    )


def _type(label: str, name: str, hint: Any) -> tuple[str, Within, tuple[str, ...]]:  # noqa: ANN401 - any annotation
    within = Within()
    if typing.get_origin(hint) is typing.Annotated:
        within = next((one for one in hint.__metadata__ if isinstance(one, Within)), within)
        hint = hint.__origin__
    if hint in _PLAIN:
        return _PLAIN[hint], within, ()
    if typing.get_origin(hint) is Literal and all(isinstance(one, str) for one in hint.__args__):
        return "COMBO", within, tuple(hint.__args__)
    if _picture(hint) or (typing.get_origin(hint) is list and _picture(hint.__args__[0])):
        return "IMAGE", within, ()
    message = f"{label}: {name} has the type {hint!r}; use int, float, str, bool, Literal, Image or list[Image]."
    raise TypeError(message)


def _picture(hint: object) -> bool:
    from PIL import Image

    return hint is Image.Image
