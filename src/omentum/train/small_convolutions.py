"""Float32 for convolutions whose bfloat16 weight gradient torch computes wrongly on CPUs.

Where a kernel is larger than its input, such as 3x3x3 over the two slices left at the deepest level of a small patch,
the bfloat16 kernel of oneDNN (3.12, AVX-512) leaves parts of the weight gradient unwritten: they hold whatever was in
memory, often NaN. Outputs and input gradients are right, so inference is not affected. Float32 is right for kernels of
3 and 5 voxels; a dense 7x7x7 over a smaller input crashes there, too, and no backbone has one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv3d, nn.ConvTranspose3d)


def train_small_convolutions_in_float32(network: nn.Module) -> None:
    """Make convolutions with a kernel larger than their input compute in float32 under autocast on a CPU.

    Their outputs keep the dtype of autocast. Other convolutions, parameter names and values do not change.

    Args:
        network: Changed in place, at any depth.
    """
    for layer in network.modules():
        if isinstance(layer, CONVOLUTIONS):
            span = [d * (k - 1) + 1 for k, d in zip(layer.kernel_size, layer.dilation, strict=True)]
            layer.forward = partial(_convolve, layer.forward, span)  # type: ignore[method-assign]


def _convolve(forward: Callable[[Tensor], Tensor], span: list[int], x: Tensor) -> Tensor:
    """Output of `forward` for x [B, C, X, Y, Z]; `span` is the extent of the dilated kernel along X, Y, Z in voxels."""
    fits = all(size >= reach for size, reach in zip(x.shape[2:], span, strict=True))
    if fits or x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return forward(x)
    with torch.autocast("cpu", enabled=False):
        y = forward(x.float())
    return y.to(torch.get_autocast_dtype("cpu"))
