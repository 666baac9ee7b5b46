"""The dynamic head: three 1x1x1 layers whose weights are generated per sample and class, applied in chunks of voxels.

The hidden activations of 32 classes and 8 channels are 64 times as large as the features. Here they exist for one run
of voxels at a time, in memory that stays in the processor's cache; the backward pass recomputes them.

Every layer carries a channel that is always 1, whose weights are the biases: adding the biases separately would be one
more pass over the hidden activations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from omentum.model.thread_map import map_on_threads

CHUNKS = 32
"""Number of chunks into which the voxels of a window are divided among threads."""

Chunk = tuple[int, int, int]
"""Index of the sample, first voxel, one past the last voxel."""


def forward_full(features: Tensor, parts: Sequence[Tensor]) -> Tensor:
    """Apply the generated layers to all voxels at once: for few voxels, and for graphs that must not contain a loop.

    Args:
        features: [B, c, V].
        parts: w1, w2, w3, b1, b2, b3, each [B, K, size]; w1 and w2 are c x c.

    Returns:
        [B, K, V].
    """
    w1, w2, w3, b1, b2, b3 = parts
    batch, classes, c = b1.shape
    hidden = torch.baddbmm(b1.reshape(batch, -1, 1), w1.reshape(batch, -1, c), features).relu_()
    hidden = hidden.reshape(batch * classes, c, -1)
    hidden = torch.baddbmm(b2.reshape(-1, c, 1), w2.reshape(-1, c, c), hidden).relu_()
    return torch.baddbmm(b3.reshape(-1, 1, 1), w3.reshape(-1, 1, c), hidden).reshape(batch, classes, -1)


def forward_chunked(features: Tensor, parts: Sequence[Tensor], voxels: int, dtype: torch.dtype | None = None) -> Tensor:
    """Apply the generated layers to some voxels at a time; equal to `forward_full`, differentiable once.

    Args:
        features: [B, c, V].
        parts: w1, w2, w3, b1, b2, b3, each [B, K, size]; w1 and w2 are c x c.
        voxels: Voxels of one run.
        dtype: Of the result; that of the features by default.

    Returns:
        [B, K, V].
    """
    first, second, third = with_biases(parts)
    apply = _ForwardChunked.apply  # torch types this method neither for itself nor for its subclasses
    logits: Tensor = apply(features, first, second, third, voxels, dtype or features.dtype)  # type: ignore[no-untyped-call]
    return logits


def with_biases(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The layers as three matrices per class, biases included: as weights of a last channel that is always 1.

    Args:
        parts: w1, w2, w3, b1, b2, b3, each [B, K, size]; w1 and w2 are c x c.

    Returns:
        [B, K (c + 1), c + 1], [B, K, c + 1, c + 1], [B, K, 1, c + 1].
    """
    w1, w2, w3, b1, b2, b3 = parts
    c = b1.shape[2]
    first = _with_bias(w1.unflatten(2, (c, c)), b1, carried=True).flatten(1, 2)
    second = _with_bias(w2.unflatten(2, (c, c)), b2, carried=True)
    return first, second, _with_bias(w3.unflatten(2, (1, c)), b3, carried=False)


class _ForwardChunked(torch.autograd.Function):
    """From features [B, c, V] and layers [B, K (c + 1), c + 1], [B, K, c + 1, c + 1], [B, K, 1, c + 1] to [B, K, V]."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, first: Tensor, second: Tensor, third: Tensor, voxels: int, dtype: torch.dtype
    ) -> Tensor:
        ctx.save_for_backward(features, first, second, third)
        ctx.voxels = voxels
        logits = features.new_empty((len(features), second.shape[1], features.shape[2]), dtype=dtype)

        def forward_chunk(chunk: Chunk) -> None:
            sample = chunk[0]
            for run, _, _, two in _hidden(features, first, second, chunk, voxels):
                logits[sample, :, run] = torch.bmm(third[sample], two)[:, 0]

        _for_each(forward_chunk, _chunks(features, voxels), features.device)
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        features, first, second, third = ctx.saved_tensors
        chunks = _chunks(features, ctx.voxels)
        to_features = torch.empty_like(features)
        # Sums over voxels: of each chunk by itself, so that they do not depend on which thread comes first.
        sums = [
            torch.zeros((len(chunks), *layer.shape[1:]), dtype=_wide(layer.dtype), device=layer.device)
            for layer in (first, second, third)
        ]

        def backward_chunk(numbered: tuple[int, Chunk]) -> None:
            n, chunk = numbered
            sample = chunk[0]
            for run, inputs, one, two in _hidden(features, first, second, chunk, ctx.voxels):
                back = grad[sample, :, None, run].to(features.dtype)
                sums[2][n] += torch.bmm(back, two.mT)
                back = torch.ops.aten.threshold_backward(torch.bmm(third[sample].mT, back), two, 0)
                sums[1][n] += torch.bmm(back, one.mT)
                back = torch.ops.aten.threshold_backward(torch.bmm(second[sample].mT, back), one, 0).flatten(0, 1)
                sums[0][n] += torch.mm(back, inputs.T)
                to_features[sample, :, run] = torch.mm(first[sample].T, back)[:-1]

        _for_each(backward_chunk, list(enumerate(chunks)), features.device)
        of_sample = torch.tensor([sample for sample, _, _ in chunks], device=grad.device)
        to_layers = [
            torch.stack([part[of_sample == sample].sum(0) for sample in range(len(features))]).to(layer.dtype)
            for part, layer in zip(sums, (first, second, third), strict=True)
        ]
        return to_features, *to_layers, None, None


def _hidden(
    features: Tensor, first: Tensor, second: Tensor, chunk: Chunk, voxels: int
) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """By run of voxels: its slice, inputs [c + 1, n] and both hidden layers [K, c + 1, n]; reused by the next run."""
    sample, begin, end = chunk
    classes, width = second.shape[1:3]
    for start in range(begin, end, voxels):
        n = min(voxels, end - start)
        if start == begin or n < voxels:
            inputs, (one, two) = features.new_ones((width, n)), features.new_empty((2, classes, width, n))
            flat = one.view(-1, n)
        run = slice(start, start + n)
        inputs[:-1] = features[sample, :, run]
        torch.mm(first[sample], inputs, out=flat).relu_()
        torch.bmm(second[sample], one, out=two).relu_()
        yield run, inputs, one, two


def _chunks(features: Tensor, voxels: int) -> list[Chunk]:
    """Divide the voxels of each sample into about `CHUNKS` chunks of whole runs, so that no thread idles at the end."""
    length = features.shape[2]
    step = voxels * max(1, length // (voxels * CHUNKS))
    return [(b, begin, min(begin + step, length)) for b in range(len(features)) for begin in range(0, length, step)]


def _for_each(work: Callable[[Any], None], items: Sequence[Any], device: torch.device) -> None:
    if device.type == "cpu":
        map_on_threads(work, items)
    else:
        for item in items:
            work(item)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _with_bias(weights: Tensor, bias: Tensor, *, carried: bool) -> Tensor:
    """Append the bias [B, K, out] to weights [B, K, out, in] as one more input; `carried`: pass that input on."""
    extended = torch.cat([weights, bias[..., None]], dim=3)
    if not carried:
        return extended
    carry = torch.zeros_like(extended[:, :, :1])
    carry[..., -1] = 1
    return torch.cat([extended, carry], dim=2)
