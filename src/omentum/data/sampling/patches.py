"""Training patches: raw boxes as cut from the cases, and batches as the network receives them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.data.sampling.class_sets import Truth


class Fault(NamedTuple):
    """A case that could not be read and was replaced by another.

    Attributes:
        case: Name as in `PatchBatch.names`.
        reason: Error message.
    """

    case: str
    reason: str


@dataclass(frozen=True, eq=False)
class RawBatch:
    """Boxes of CT that contain the patches to be sampled from them; see `augment.augmented`.

    Args:
        hu, labels: int16 [n], the concatenated boxes of all samples; labels are rows of `sets`.
        boxes: Shape of each box.
        lattices: float32 [m, m, m, 3] per sample; see `warp.sample`.
        sets: bool [S, K] per sample: the class sets that occur.
        annotated: bool [B, K].
        seeds: Seed of each sample for the following augmentation.
        slices: Axial slice of each patch with the voxel it was sampled for.
        size: Patch size in voxels.
        names: Case names, for messages.
        faults: Cases that could not be read.
    """

    hu: Tensor
    labels: Tensor
    boxes: tuple[tuple[int, ...], ...]
    lattices: tuple[Tensor, ...]
    sets: tuple[NDArray[np.bool_], ...]
    annotated: Tensor
    seeds: tuple[int, ...]
    slices: tuple[int, ...]
    size: tuple[int, int, int]
    names: tuple[str, ...]
    faults: tuple[Fault, ...]

    def to(self, device: torch.device) -> RawBatch:
        """Copy the voxels to another device, asynchronously if the memory is pinned."""
        hu, labels = (voxels.to(device, non_blocking=True) for voxels in (self.hu, self.labels))
        return replace(self, hu=hu, labels=labels)

    def pin_memory(self) -> RawBatch:
        """Copy to pinned memory for asynchronous transfer; called by torch's DataLoader."""
        return replace(self, hu=self.hu.pin_memory(), labels=self.labels.pin_memory())


@dataclass(frozen=True, eq=False)
class PatchBatch:
    """A batch of patches and their labels.

    Args:
        images: float32 [B, 1, X, Y, Z], HU window mapped to 0..1.
        truth: Labels int32 [B, X, Y, Z]; see `Truth`.
        annotated: bool [B, K].
        names: Case names, for messages.
        faults: Cases that could not be read and were replaced.
    """

    images: Tensor
    truth: Truth
    annotated: Tensor
    names: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
