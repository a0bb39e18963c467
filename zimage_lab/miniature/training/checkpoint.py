"""Checkpoints that a training stage starts again from: one safetensors file and one JSON beside it, replaced whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

    import torch


NOW, AVERAGE = "now.", "average."
"""Prefixes of a stage's parameters as they are, and of their average."""


class Average:
    """Exponential moving average of a module's parameters; the average is what ships.

    Parameters
    ----------
    module
        The module to follow.
    decay
        Share of the old average kept at each step, warmed up from 0.
    """

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    def restore(self, values: dict[str, torch.Tensor], steps: int) -> None:
        """Go on from an average that was saved, on the device of the module that is followed."""
        for name, value in values.items():
            self.values[name].copy_(value)
        self.steps = steps

    def update(self, module: torch.nn.Module) -> None:
        """Move the average towards the module's present values."""
        import torch

        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for name, value in module.state_dict().items():
                self.values[name].lerp_(value, 1 - keep)


def save(path: Path, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
    """Write a checkpoint; a kill leaves the old one or the new one."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    contiguous = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    save_file(contiguous, partial, metadata={"state": json.dumps(state)})
    partial.replace(path)


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read a checkpoint: its tensors and its state.

    Raises
    ------
    InvalidRequest
        The stage that writes it has not run in the folder.
    """
    from safetensors import safe_open

    if not path.is_file():
        field, stage = "--folder", path.stem.split("-", maxsplit=1)[0]
        fix = f"Run zimage-lab miniature train {stage} on it first, or unpack, which takes a bundled model's weights."
        raise InvalidRequest(field, str(path.parent), f"{path.parent} has no {path.name}", fix)
    with safe_open(path, framework="pt") as file:
        state = json.loads(file.metadata()["state"])
        return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118 - not a mapping


def both(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, Any]]:
    """Read what a stage goes on from: its parameters, their average, its state; one stands in where it is alone."""
    tensors, state = load(path)
    now = {name.removeprefix(NOW): value for name, value in tensors.items() if name.startswith(NOW)}
    kept = {name.removeprefix(AVERAGE): value for name, value in tensors.items() if not name.startswith(NOW)}
    return now or kept, kept, state


def average(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what a stage has come to: the average of its parameters, and its state."""
    _, kept, state = both(path)
    return kept, state
