"""Window attention of MONAI's Swin transformers, a few windows at a time where no gradient is needed."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import torch
from monai.networks.nets.swin_unetr import WindowAttention
from torch import Tensor

SCORES_AT_ONCE = {"cpu": 6_000_000, "cuda": 2**28}
"""Numbers of one attention matrix: what a processor's cache holds, and what a GPU does not notice."""


class AttentionInParts(WindowAttention):
    """Computes what MONAI's does, parameter names included.

    The scores of all windows of a 96^3 patch are 121 million numbers at the first level, and they are gone over
    several times; gradients would need them all the same.
    """

    relative_position_index: Tensor

    @classmethod
    def in_place_of(cls, attention: WindowAttention) -> Self:
        """One of the same size, with its own fresh weights."""
        return cls(attention.dim, attention.num_heads, attention.window_size, qkv_bias=attention.qkv.bias is not None)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attend within each window.

        Args:
            x: Tokens [B * W, n, C], the windows of each sample behind one another.
            mask: Added to the scores of the windows of every sample, [W, n, n]; None where no window is cut in two.

        Returns:
            [B * W, n, C].
        """
        windows, n, channels = x.shape
        q, k, v = self.qkv(x).reshape(windows, n, 3, self.num_heads, channels // self.num_heads).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.relative_position_index[:n, :n].flatten()]
        bias = bias.reshape(n, n, self.num_heads).permute(2, 0, 1)
        seen = []
        for start, stop in pairwise(self._cuts(windows, n, x.device.type)):
            scores = (q[start:stop] * self.scale) @ k[start:stop].mT + bias
            if mask is not None:
                scores = scores + _of_windows(mask, start, stop)[:, None]
            seen.append((scores.softmax(dim=-1) @ v[start:stop]).transpose(1, 2).flatten(2))
        mixed: Tensor = self.proj(torch.cat(seen))
        return mixed

    def _cuts(self, windows: int, n: int, device: str) -> list[int]:
        limit = SCORES_AT_ONCE.get(device, SCORES_AT_ONCE["cuda"])
        at_once = windows if torch.is_grad_enabled() else max(1, limit // (self.num_heads * n * n))
        return [*range(0, windows, at_once), windows]


def _of_windows(mask: Tensor, start: int, stop: int) -> Tensor:
    """The masks of some of all samples' windows."""
    if stop <= len(mask):
        return mask[start:stop]
    return mask[torch.arange(start, stop, device=mask.device) % len(mask)]
