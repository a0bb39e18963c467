"""What is wrong with a graph, in ComfyUI's words and shapes, so that its clients read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zimage_lab.errors import InvalidRequest


@dataclass
class Errors:
    """What a check of a graph found; true where nothing of it can run.

    Attributes
    ----------
    error
        `type`, `message`, `details` and `extra_info` of what stops all of it, or None.
    node_errors
        Per node id: `errors` (each with the four keys of above), `dependent_outputs`, `class_type`.
    outputs
        Ids of the output nodes that can run.
    warnings
        Sentences about what is run otherwise than a person may expect.
    """

    error: dict[str, Any] | None = None
    node_errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.error is not None

    def __str__(self) -> str:
        """Give a sentence for a person: the first error of a node, or that of the graph."""
        if self.error is None:
            return ""
        for number, told in self.node_errors.items():
            for one in told["errors"]:
                return f"node {number} ({told['class_type']}): {one['message']}: {one['details']}"
        return f"{self.error['message']}: {self.error['details']}".rstrip(": ")


class InvalidWorkflow(InvalidRequest):
    """A graph that cannot run.

    Parameters
    ----------
    errors
        What the check found.
    """

    def __init__(self, errors: Errors) -> None:
        what = str(errors).rstrip(".")
        super().__init__("workflow", None, what, "Change the graph; Workflow.validate() lists all that is wrong.")
        self.errors = errors

    def __reduce__(self) -> tuple[type[InvalidWorkflow], tuple[Errors]]:
        """Pickle by this class's own argument."""
        return type(self), (self.errors,)
