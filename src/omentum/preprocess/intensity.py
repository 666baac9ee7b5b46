"""The HU window: the input range of the network."""

from __future__ import annotations

from torch import Tensor


def window(hu: Tensor, window_hu: tuple[float, float]) -> Tensor:
    """Map a HU window to 0..1 and clip values outside it.

    Args:
        hu: Floating point, any shape.
        window_hu: HU values mapped to 0 and to 1.

    Returns:
        Tensor of the same shape and dtype.
    """
    low, high = window_hu
    return hu.sub(low).div_(high - low).clamp_(0, 1)


def window_(hu: Tensor, window_hu: tuple[float, float]) -> Tensor:
    """In-place `window` that multiplies by the reciprocal, for training batches; may differ in the last bit."""
    low, high = window_hu
    return hu.sub_(low).mul_(1 / (high - low)).clamp_(0, 1)
