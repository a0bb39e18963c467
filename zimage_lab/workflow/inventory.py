"""The nodes there are, as ComfyUI's clients ask for them: the answer to ``GET /object_info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.workflow import registry

if TYPE_CHECKING:
    from pathlib import Path


def object_info(class_type: str | None = None, home: Path | None = None) -> dict[str, Any]:
    """Describe the nodes, each by its class.

    Parameters
    ----------
    class_type
        Only this class; one that is unknown gives an empty dict, as ComfyUI does.
    home
        The home folder, whose models and LoRAs are listed; None takes the usual one.
    """
    nodes = registry.nodes()
    names = list(nodes) if class_type is None else [class_type] if class_type in nodes else []
    told: dict[str, Any] = {}
    for name in names:
        node = nodes[name]
        told[name] = {
            "input": {
                kind: {
                    given.name: given.described(home) for given in node.inputs if given.optional == (kind == "optional")
                }
                for kind in ("required", "optional")
                if kind == "required" or any(given.optional for given in node.inputs)
            },
            "input_order": {
                kind: [given.name for given in node.inputs if given.optional == (kind == "optional")]
                for kind in ("required", "optional")
                if kind == "required" or any(given.optional for given in node.inputs)
            },
            "output": [one.type for one in node.outputs],
            "output_is_list": [False] * len(node.outputs),
            "output_name": [one.name for one in node.outputs],
            "name": name,
            "display_name": node.title,
            "description": node.description,
            "python_module": node.module,
            "category": node.category,
            "output_node": node.output_node,
        }
    return told
