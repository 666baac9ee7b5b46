"""HU to what the network reads."""

from __future__ import annotations

from torch import Tensor

from omentum.spec import PreprocessSpec


def window(hu: Tensor, spec: PreprocessSpec) -> Tensor:
    """Map the window to 0..1 and clip what lies outside.

    Args:
        hu: Floating point, HU.
        spec: Has the window.
    """
    low, high = spec.window_hu
    return hu.sub(low).div_(high - low).clamp_(0, 1)
