"""Turn cut boxes of CT into augmented patches, one batch at a time, on the device that holds the boxes.

The augmentation of a sample depends only on its seed, never on the rest of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from omentum.data.sampling import appearance, warp
from omentum.data.sampling.augmentation import Augmentation
from omentum.data.sampling.class_sets import Truth
from omentum.data.sampling.patches import PatchBatch, RawBatch
from omentum.preprocess.intensity import window_
from omentum.volume import PADDING_HU


@torch.no_grad()
def augmented(raw: RawBatch, how: Augmentation, window_hu: tuple[float, float]) -> PatchBatch:
    """Resample, augment and window a batch of patches.

    Args:
        raw: Batch on the device that does the work.
        how: Augmentation settings (positions were sampled when the boxes were cut).
        window_hu: HU values mapped to 0 and 1.
    """
    with torch.autocast(raw.hu.device.type, enabled=False):
        hu, labels = _warped(raw)
        _cut_slabs(hu, labels, raw, how)
        unscanned = hu <= PADDING_HU + 1
        hu = appearance.shift_structures(hu, labels, raw.sets, raw.seeds, how)
        hu = appearance.vary(hu, raw.seeds, how).masked_fill_(unscanned, PADDING_HU)
        images = window_(hu, window_hu)
        _shift_intensity(images, raw.seeds, how)
        return PatchBatch(images[:, None], _truth(labels, raw), raw.annotated.to(hu.device), raw.names, raw.faults)


def _warped(raw: RawBatch) -> tuple[Tensor, Tensor]:
    """HU float32 and labels int16 [B, x, y, z]."""
    hu = torch.empty(len(raw.boxes), *raw.size, device=raw.hu.device)
    labels = torch.empty(hu.shape, dtype=torch.int16, device=raw.hu.device)
    lengths = [int(np.prod(box)) for box in raw.boxes]
    boxes = zip(raw.hu.split(lengths), raw.labels.split(lengths), raw.boxes, raw.lattices, strict=True)
    for row, (voxels, numbers, shape, lattice) in enumerate(boxes):
        warp.sample(voxels.float().view(shape), numbers.view(shape), lattice.to(hu.device), hu[row], labels[row])
    return hu, labels


def _cut_slabs(hu: Tensor, labels: Tensor, raw: RawBatch, how: Augmentation) -> None:
    """Keep only axial slices around the voxel a patch was sampled for, in place, as in a scan with a short range."""
    depth = hu.shape[3]
    thinnest, thickest = (min(n, depth) for n in how.slab_voxels)
    for row, (seed, seen) in enumerate(zip(raw.seeds, raw.slices, strict=True)):
        rng = appearance.stream(seed, "slab")
        if rng.random() < how.slab:
            keep = int(rng.integers(thinnest, thickest + 1))
            start = int(rng.integers(max(0, seen - keep + 1), min(seen, depth - keep) + 1))
            for z in (slice(0, start), slice(start + keep, depth)):
                hu[row, :, :, z] = PADDING_HU
                labels[row, :, :, z] = 0


def _shift_intensity(images: Tensor, seeds: Sequence[int], how: Augmentation) -> None:
    probability, most = how.intensity_shift
    for row, seed in enumerate(seeds):
        rng = appearance.stream(seed, "intensity")
        if rng.random() < probability:
            images[row] += float(rng.uniform(-most, most))


def _truth(labels: Tensor, raw: RawBatch) -> Truth:
    """Labels of all samples as int32 rows of one shared table."""
    before = np.cumsum([0, *(len(sets) for sets in raw.sets[:-1])])
    rows = labels.int() + torch.from_numpy(before).to(labels.device, torch.int32).view(-1, 1, 1, 1)
    return Truth(rows, torch.from_numpy(np.concatenate(raw.sets)).to(labels.device))
