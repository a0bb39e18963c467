"""The loop that every stage of training runs in: rate, update, average, checkpoint and diary, from the last one on."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from zimage_lab.diary import Diary
from zimage_lab.miniature.training import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch
    from PIL import Image

SAVED = 250
"""Updates between two checkpoints."""

SHOWN = 1000
"""Updates between two sheets of samples."""

TRIED = 20
"""Updates after which the pace is known well enough to fit a schedule to some minutes."""


class Loop:
    """One stage under way.

    A checkpoint holds the parameters as they are (`now.`) and their average; a stage goes on from both, with fresh
    moments in its optimizers. A checkpoint of the average alone will do.

    Parameters
    ----------
    path
        Its checkpoint, `<stage>.safetensors`; an existing one is gone on from.
    module
        What is trained.
    optimizers
        Those of its parameters.
    steps
        Updates in all.
    rate
        Gives the learning rate from a step and the number of steps.
    decay
        Share of the average that is kept at each update.
    minutes
        Where given, `steps` is fitted to this much time.
    seed
        Where the randomness starts; a stage that goes on draws other samples than before.
    show
        Gives samples for the sheet.
    report
        Called with a line of progress.
    """

    def __init__(
        self,
        path: Path,
        module: torch.nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        *,
        steps: int,
        rate: Callable[[int, int], float],
        decay: float,
        minutes: float | None = None,
        seed: int = 0,
        show: Callable[[], Sequence[Image.Image]] | None = None,
        report: Callable[[str], None] = print,
    ) -> None:
        import torch

        self._path, self._module, self._optimizers = path, module, optimizers
        self._rate, self._minutes, self._show, self._report = rate, minutes, show, report
        self._average = checkpoint.Average(module, decay)
        self.step, self.steps, self._loss = 0, steps, 0.0
        if path.exists():
            now, average, state = checkpoint.both(path)
            # A packaged model lacks the layer that only training needs; a fresh one does.
            module.load_state_dict({**module.state_dict(), **now})
            self.step = state["step"]
            self._average.restore(average, self.step)
        self._first = self.step
        torch.manual_seed(seed * 1_000_003 + self.step)
        self.rng = random.Random(seed * 1_000_003 + self.step)

    def __iter__(self) -> Iterator[int]:
        """Give the number of each update to make; the caller answers each with `learn`."""
        folder, stage = self._path.parent, self._path.stem
        with Diary(folder, stage, first=self._first, steps=self.steps, report=self._report) as self._diary:
            while self.step < self.steps:
                for optimizer in self._optimizers:
                    for group in optimizer.param_groups:
                        group["lr"] = self._rate(self.step, self.steps)
                yield self.step

    def learn(self, loss: torch.Tensor, samples: int, second: torch.Tensor | None = None) -> None:
        """Make an update from the loss of so many samples, and from a second one that the curve does not show."""
        import torch

        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        (loss if second is None else loss + second).backward()
        torch.nn.utils.clip_grad_norm_([p for p in self._module.parameters() if p.requires_grad], 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
        self._average.update(self._module)
        self.step += 1
        done = self.step - self._first
        if self._minutes is not None and done >= TRIED:
            self.steps = max(self.step, self._first + round(self._minutes * 60 * done / self._diary.seconds))
        self._diary.note(self.step, self.steps, loss.item(), samples)
        last = self.step >= self.steps
        if last or self.step % SAVED == 0:
            self._save()
        if self._show is not None and (last or self.step % SHOWN == 0):
            self._sheet(self._show)

    def _sheet(self, show: Callable[[], Sequence[Image.Image]]) -> None:
        """Show what the average makes, which is what ships."""
        now = {name: value.clone() for name, value in self._module.state_dict().items()}
        self._module.load_state_dict(self._average.values)
        self._diary.sheet(show())
        self._module.load_state_dict(now)

    def _save(self) -> None:
        tensors = {f"{checkpoint.NOW}{name}": value for name, value in self._module.state_dict().items()}
        tensors |= {f"{checkpoint.AVERAGE}{name}": value for name, value in self._average.values.items()}
        checkpoint.save(self._path, tensors, {"step": self.step, "steps": self.steps})


def cosine(peak: float, warm: int = 50) -> Callable[[int, int], float]:
    """Give a rate that is warmed up and falls along a cosine to a fiftieth of its peak."""
    import math

    def rate(step: int, steps: int) -> float:
        return peak * min(1.0, (step + 1) / warm) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))

    return rate


def trapezoid(peak: float, warm: int = 100, fall: float = 0.45) -> Callable[[int, int], float]:
    """Give a rate that is warmed up, stays, and falls to a fiftieth of its peak over the last share of the steps."""

    def rate(step: int, steps: int) -> float:
        return peak * min(1.0, (step + 1) / warm, 0.02 + 0.98 * (steps - step) / (fall * steps))

    return rate
