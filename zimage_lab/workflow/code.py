"""A graph as a notebook cell: one line for each node, so that a person can read and change it."""

from __future__ import annotations

from typing import Any


def written(graph: dict[str, dict[str, Any]]) -> str:
    """Give Python that makes the graph and runs it; every value is a literal, so that no text can become code."""
    lines = ["from zimage_lab.workflow import Workflow", "", "workflow = Workflow.load({"]
    for number, node in graph.items():
        lines.append(f"    {number!r}: {{")
        lines.append(f"        'class_type': {node['class_type']!r},")
        lines.append("        'inputs': {")
        lines += [f"            {name!r}: {value!r}," for name, value in node["inputs"].items()]
        lines.append("        },")
        if "_meta" in node:
            lines.append(f"        '_meta': {node['_meta']!r},")
        lines.append("    },")
    lines += ["})", "pictures = workflow.run()"]
    return "\n".join(lines)
