"""The published training in plain loops, written from its description alone: losses, schedule and optimiser.

Liu et al., ICCV 2023, and the behaviour of its code: means over (patch, annotated class) pairs, Dice smoothed in the
denominator only and, in the code that trained the published weights, averaged over sagittal planes; a chainable warm-up
and cosine that is stepped before every epoch; AdamW.
"""

from __future__ import annotations

import math

import torch


def cross_entropy(z, t):
    """Of one class in one patch, both [X, Y, Z]; log(1 + e^-|z|) keeps it finite."""
    return (z.clamp(min=0) - z * t + torch.log(1 + torch.exp(-z.abs()))).mean()


def dice(p, t):
    """Of any voxels of one class."""
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum() + 1)


def slab_dice(p, t):
    """Of one class in one patch, plane by plane along x."""
    return sum(dice(p[x], t[x]) for x in range(len(p))) / len(p)


def loss_of_a_ct(logits, targets, annotated, in_slabs):
    """Patches of one CT as one GPU sees them: [B, K, X, Y, Z] twice, and bool [K].

    Returns:
        Loss, its cross-entropy and its Dice.
    """
    entropies, dices = [], []
    for z_of_patch, t_of_patch in zip(logits, targets, strict=True):
        for k in range(len(annotated)):
            if annotated[k]:
                z, t = z_of_patch[k], t_of_patch[k].to(logits.dtype)
                entropies.append(cross_entropy(z, t))
                dices.append((slab_dice if in_slabs else dice)(torch.sigmoid(z), t))
    entropy, overlap = sum(entropies) / len(entropies), sum(dices) / len(dices)
    return entropy + overlap, entropy, overlap


def rates(peak=1e-4, warmup=100, epochs=2000):
    """The learning rate of each epoch, each from the one before it as a chainable scheduler does."""
    found, rate = [], 0.0  # that of the scheduler's own start, before the first epoch steps it
    for at in range(1, epochs + 1):
        if at < warmup:
            rate += peak / (warmup - 1)
        elif at == warmup:
            rate = peak
        else:
            now, before = (1 + math.cos(math.pi * (n - warmup) / (epochs - warmup)) for n in (at, at - 1))
            rate *= now / before
        found.append(rate)
    return found


class AdamW:
    """Loshchilov and Hutter, ICLR 2019, algorithm 2, for a list of tensors that are replaced."""

    def __init__(self, weights, decay=1e-5, betas=(0.9, 0.999), eps=1e-8):
        self.weights, self.decay, self.betas, self.eps = weights, decay, betas, eps
        self.first, self.second = [torch.zeros_like(w) for w in weights], [torch.zeros_like(w) for w in weights]
        self.steps = 0

    def step(self, gradients, rate):
        self.steps += 1
        b1, b2 = self.betas
        for n, g in enumerate(gradients):
            self.first[n] = b1 * self.first[n] + (1 - b1) * g
            self.second[n] = b2 * self.second[n] + (1 - b2) * g * g
            m, v = self.first[n] / (1 - b1**self.steps), self.second[n] / (1 - b2**self.steps)
            self.weights[n] = self.weights[n] * (1 - rate * self.decay) - rate * m / (v.sqrt() + self.eps)
