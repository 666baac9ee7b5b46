"""Masked loss: a class that is not annotated in a case contributes exactly zero gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from omentum.anatomy import STRUCTURES

SMOOTH_VOXELS = 1.0
"""Added to numerator and denominator of Dice, so that a structure of a few voxels is not all or nothing."""


@dataclass(frozen=True, eq=False)
class Containment:
    """Class containment: a liver tumour is liver, so its probability must not exceed the liver's.

    Args:
        inner: int64 [R], classes that have a host.
        hosts: int64 [R, M], the hosts of each; the most probable one counts. A class with fewer than M hosts repeats
            its last one.
    """

    inner: Tensor
    hosts: Tensor

    @classmethod
    def among(cls, classes: Sequence[str], device: torch.device | str = "cpu") -> Containment:
        """Containment pairs of `anatomy` with all hosts among these structure keys."""
        found = {key: STRUCTURES[key].hosts for key in classes}
        rows = [(key, hosts) for key, hosts in found.items() if hosts and set(hosts) <= set(classes)]
        longest = max((len(hosts) for _, hosts in rows), default=1)
        padded = [[classes.index(h) for h in (*hosts, *hosts[-1:] * (longest - len(hosts)))] for _, hosts in rows]
        inner = torch.tensor([classes.index(key) for key, _ in rows], dtype=torch.int64, device=device)
        return cls(inner, torch.tensor(padded, dtype=torch.int64, device=device).reshape(len(rows), longest))

    def loss(self, logits: Tensor, annotated: Tensor) -> Tensor:
        """Mean excess of p(inner) over p(host) over voxels, summed over classes and averaged over samples.

        It applies only where the inner class and all its hosts are annotated.

        Args:
            logits: [B, K, V].
            annotated: bool [B, K].
        """
        known = annotated[:, self.inner] & annotated[:, self.hosts].all(2)
        sample, row = known.nonzero(as_tuple=True)
        inner = torch.sigmoid(logits[sample, self.inner[row]].float())
        host = torch.sigmoid(logits[sample[:, None], self.hosts[row]].float()).amax(1)
        return F.relu(inner - host).mean(1).sum() / len(annotated)


def partial_label_loss(
    logits: Tensor,
    targets: Tensor,
    annotated: Tensor,
    positive_weight: Tensor | None = None,
    *,
    cross_entropy: str = "sum",
    dice: str = "present",
    slabs: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:
    """Binary cross-entropy plus Dice, each over all voxels of the patch.

    Cross-entropy is summed over the annotated classes of a sample and averaged over samples and voxels, which puts it
    on the scale of one softmax over all classes. Dice is averaged over the structures present in the patch.

    *Empty targets.* A structure that is annotated but absent from the patch contributes to cross-entropy only. Its Dice
    could only be 0 or 1. A smoothed Dice would penalise the *sum* of all probabilities; in our experiments this drove
    every logit below -15, and the network predicted nothing. A structure that is not annotated contributes no loss.

    *The published loss* is `cross_entropy="mean"` and `dice="annotated"`: both are averaged over all annotated classes,
    so Dice is a constant 1 where a structure is absent, and smoothing is in the denominator only. The code that trained
    the published weights also used `slabs` = the patch size along x, an average over sagittal planes. The paper
    describes one Dice value per class and patch (Liu et al., ICCV 2023, section 3.3).

    Args:
        logits: [B, K, V], any float dtype; computed in float32.
        targets: bool [B, K, V].
        annotated: bool [B, K].
        positive_weight: float [K], weight in cross-entropy of a voxel inside the structure relative to one outside.
        cross_entropy: "sum" over the annotated classes of a sample, or "mean" over those of all samples.
        dice: "present" or "annotated", see above.
        slabs: Number of equal runs of the voxels over which Dice is averaged.

    Returns:
        Loss, its cross-entropy part and its Dice part; 0 (with a zero gradient) where no class qualifies.
    """
    pairs = annotated.nonzero(as_tuple=True)
    z, t = logits[pairs].float(), targets[pairs]
    if len(z) == 0:
        return z.sum(), z.sum(), z.sum()
    present = t.any(1)
    weight = None if positive_weight is None else positive_weight[pairs[1]][:, None]
    entropies = F.binary_cross_entropy_with_logits(z, t.float(), pos_weight=weight, reduction="none")
    entropy = entropies.mean() if cross_entropy == "mean" else entropies.mean(1).sum() / len(annotated)
    if dice == "annotated":
        overlap_loss = _dice_loss(z, t.float(), slabs, smooth_above=0.0)
    else:
        overlap_loss = _dice_loss(z[present], t[present].float(), slabs) if present.any() else z[:0].sum()
    return entropy + overlap_loss, entropy, overlap_loss


def _dice_loss(z: Tensor, t: Tensor, slabs: int, smooth_above: float = SMOOTH_VOXELS) -> Tensor:
    p, t = (x.unflatten(1, (slabs, -1)) for x in (torch.sigmoid(z), t))
    overlap, total = (p * t).sum(2), p.sum(2) + t.sum(2)
    loss: Tensor = (1 - (2 * overlap + smooth_above) / (total + SMOOTH_VOXELS)).mean()
    return loss
