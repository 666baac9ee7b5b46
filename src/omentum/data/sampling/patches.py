"""Patches on their way from cases to the network: as they are cut, and as the network gets them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.data.sampling.class_sets import Truth


class Fault(NamedTuple):
    """A case that could not be read when it was drawn; another was drawn in its place.

    Attributes:
        case: As `PatchBatch.names` would have named it.
        reason: The error's message.
    """

    case: str
    reason: str


@dataclass(frozen=True, eq=False)
class RawBatch:
    """Boxes of CT large enough for the patches that will be sampled from them; see `augment.augmented`.

    Args:
        hu, labels: int16 [n], the boxes of all samples one after the other; labels are rows of `sets`.
        boxes: Their shapes.
        lattices: float32 [m, m, m, 3] for each sample: see `warp.sample`.
        sets: bool [S, K] for each sample: the sets of classes that occur.
        annotated: bool [B, K].
        seeds: Of what is drawn for each sample after this.
        slices: The axial slice of each patch that holds the voxel it was drawn for.
        size: Of a patch.
        names: The cases, for messages.
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
        """The voxels on another device, without waiting where the memory is pinned."""
        hu, labels = (voxels.to(device, non_blocking=True) for voxels in (self.hu, self.labels))
        return replace(self, hu=hu, labels=labels)

    def pin_memory(self) -> RawBatch:
        """In memory that a GPU can read while the processor goes on; called by torch's DataLoader."""
        return replace(self, hu=self.hu.pin_memory(), labels=self.labels.pin_memory())


@dataclass(frozen=True, eq=False)
class PatchBatch:
    """Patches with what is known about them.

    Args:
        images: float32 [B, 1, X, Y, Z], HU window mapped to 0..1.
        truth: Labels int32 [B, X, Y, Z]; see `Truth`.
        annotated: bool [B, K].
        names: The cases, for messages.
        faults: Cases that could not be read, and were replaced by others.
    """

    images: Tensor
    truth: Truth
    annotated: Tensor
    names: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
