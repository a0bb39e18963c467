"""What is the same in every picture of a sweep, in the words of an export's head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.engine.pace import plural, told
from zimage_lab.store.public import public_request

if TYPE_CHECKING:
    from zimage_lab.sweeps.sweep import Sweep


def prompt(sweep: Sweep) -> str | None:
    """Give the prompt as it was written; None where the prompts are an axis."""
    if any(axis.name == "prompt" and axis.kind == "field" for axis in sweep.axes):
        return None
    return sweep.cells[0].request.prompt  # the first text of a replacement is the one that stood there


def same(sweep: Sweep) -> list[str]:
    """List what every cell has, and how many pictures there are where some are missing."""
    asked = public_request(sweep.cells[0].request, sweep.home)
    on_axes = {axis.name for axis in sweep.axes if axis.kind != "replace"}
    said = {
        "model": asked.model,
        "size": f"{asked.width}x{asked.height}",
        "steps": plural(asked.steps, "step"),
        "guidance_scale": f"guidance {asked.guidance_scale:g}",
        "shift": "" if asked.shift is None else f"shift {asked.shift:g}",
        "variation": f"variation {asked.variation:g}" if asked.variation else "",
        "loras": ", ".join(f"{one.name}:{one.weight:g}" for one in asked.loras),
        "seed": f"seed {asked.seed}",
    }
    if {"width", "height"} & on_axes:
        on_axes.add("size")
    if "model" in on_axes:  # each has defaults of its own
        on_axes |= {name for name in ("size", "steps", "guidance_scale") if name not in on_axes}
    if "lora_weight" in on_axes:
        on_axes.add("loras")
    lines = [text for name, text in said.items() if text and name not in on_axes]
    counts = sweep.counts
    made, every = counts.pop("succeeded", 0), len(sweep.cells)
    return lines if made == every else [*lines, f"{made} of {plural(every, 'picture')} ({told(counts)})"]
