"""Muon: the optimizer of the matrices inside the blocks, which moves them by orthogonal steps; convolutions, too.

`torch.optim.Muon` iterates in bfloat16, one matrix after the other; a processor without such instructions imitates them
and needs seven seconds for an update of this network. Here matrices of one shape go together, in their own precision.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration that brings singular values near one (Jordan et al. 2024)."""

ITERATIONS = 5

RMS = 0.2
"""Root mean square of AdamW's usual step, which the step is matched to (Liu et al. 2025, arXiv 2502.16982)."""


class Muon(torch.optim.Optimizer):
    """Orthogonal steps with Nesterov's momentum and decoupled weight decay.

    Parameters
    ----------
    matrices
        Parameters of two dimensions or more; a convolution's kernel is a matrix with a row for each channel it makes.
    lr
        Learning rate, as AdamW would have it.
    momentum, weight_decay
        0 to 1.
    """

    def __init__(
        self, matrices: Iterable[torch.nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.02
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ANN401, ARG002 - torch's signature
        """Make one update; a closure has no meaning here."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.flatten(1).shape].append(matrix)
            for shape, matrices in alike.items():
                steps = orthogonal(torch.stack([self._direction(matrix, group["momentum"]) for matrix in matrices]))
                for matrix, step in zip(matrices, steps, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.add_(step.view_as(matrix), alpha=-group["lr"] * RMS * max(shape) ** 0.5)

    def _direction(self, matrix: torch.nn.Parameter, momentum: float) -> torch.Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(state["momentum"], momentum).flatten(1)  # type: ignore[union-attr]


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Bring the singular values of matrices (n, rows, columns) near one by Newton and Schulz's iteration."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
