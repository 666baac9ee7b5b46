"""Muon: momentum with orthogonalised updates, for weight matrices and convolution kernels.

Each step moves all directions of a weight matrix equally far, instead of mostly along the few directions that all
gradients share (Jordan et al., 2024, including the coefficients of the fifth-order Newton-Schulz iteration). torch's
own `torch.optim.Muon` accepts matrices only; here a kernel [out, in, i, j, k] is treated as the matrix [out, in*i*j*k].
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the iteration x <- a x + (b A + c A A) x with A = x x^T; it brings all singular values near 1."""
FLOOR = 1e-10
"""Entries that are smaller beside the norm of a matrix are 0. The momentum of a unit without gradient decays towards
numbers whose squares are subnormal, with which a processor takes forty times as long."""


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum.

    Args:
        parameters: Tensors with two or more dimensions; the first one is the output.
        lr: Spectral norm of a step (times the square root of rows / columns for tall matrices).
        momentum: Decay of the gradient's running sum.
        weight_decay: Decoupled, times the learning rate.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
        direction = parameter.grad + group["momentum"] * state["momentum"]
        rows, columns = len(direction), direction[0].numel()
        step = orthogonalised(direction.reshape(rows, columns)).reshape(parameter.shape)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(step.to(parameter.dtype), alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Map [m, n] to float32 [m, n] with the same singular vectors and singular values near 1 (0.7 to 1.2).

    Every iterate is the first one times a polynomial of its Gram matrix. The iteration therefore runs on the Gram
    matrix of the short side, and only the first and the last product involve the full matrix. For a convolution kernel
    this takes a fifth of the work, and makes float32 faster than bfloat16 on every CPU we tried.
    """
    a, b, c = COEFFICIENTS
    x = (matrix.T if matrix.shape[0] > matrix.shape[1] else matrix).float()
    x = x / (x.norm() + 1e-12)
    x = x.where(x.abs() >= FLOOR, 0.0)
    gram = x @ x.T
    product = torch.eye(len(x), dtype=x.dtype, device=x.device)
    for _ in range(ITERATIONS):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        product = factor @ product
        gram = factor @ gram @ factor  # they commute: this is the Gram matrix of factor @ x
    result: Tensor = product @ x
    return result.T if matrix.shape[0] > matrix.shape[1] else result
