"""Sample patches as a pure function of seed and patch number, so that a run can be repeated and resumed.

A patch does not depend on the number of processes, on their order, or on the rest of its batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.data.sampling import balance
from omentum.data.sampling.augment import augmented
from omentum.data.sampling.augmentation import Augmentation
from omentum.data.sampling.cases import TrainingCase
from omentum.data.sampling.class_sets import swap_paired_classes
from omentum.data.sampling.patch_centres import centre_inside, centre_shares, drawn_voxel
from omentum.data.sampling.patches import Fault, PatchBatch, RawBatch
from omentum.data.sampling.warp import draw_warp
from omentum.errors import InputError, OmentumError

JITTER = 0.35
"""The voxel that a patch is drawn for lies up to this share of the patch from its middle, along each axis."""
MOST_REDRAWS = 20
"""So many unreadable cases in a row mean that the data is gone, not that some cases are bad."""


@dataclass(frozen=True)
class PatchSource:
    """The cases of one dataset.

    Args:
        name: For messages and logs.
        cases: Cases with the model's classes.
        weight: Sampling weight relative to another dataset with as many cases.
        centres: Ratio of patch centres, see `patch_centres`; if empty, structures are sampled in turn.
        magnify: Overrides `Augmentation.magnify`.
        file: File of a single case whose name is not informative.
    """

    name: str
    cases: tuple[TrainingCase, ...]
    weight: float = 1.0
    centres: tuple[float, ...] = ()
    magnify: tuple[float, float, float] | None = None
    file: str = ""

    def describe(self, case: TrainingCase) -> str:
        """Description of one of its cases, for messages."""
        return self.file or f"{case.name} of {self.name}"


class _Sample(NamedTuple):
    """One patch as cut from its case; see `RawBatch`."""

    hu: NDArray[np.int16]
    labels: NDArray[np.int16]
    lattice: NDArray[np.float32]
    sets: NDArray[np.bool_]
    annotated: NDArray[np.bool_]
    seed: int
    slice: int
    name: str


@dataclass(frozen=True, eq=False)
class PatchSampler:
    """Samples patches: a dataset, one of its structures, a case with it, and a voxel of it.

    `balance` defines the shares. If a source defines `centres`, the order is dataset, case, voxel; see `patch_centres`.
    The case of a patch follows from counts and names alone. Structures that are not annotated are never chosen.

    Args:
        sources: Datasets to sample from.
        classes: Class keys of the model, in the bit order of the cases.
        patch: Patch size in voxels.
        window_hu: HU values mapped to 0 and 1.
        augmentation: Augmentation settings.
        foreground_probability: Probability of centring on a structure instead of anywhere in the body.
        temperature: Of datasets and structures: 1 shows every case equally often, infinity every dataset.
        lesion_weight: Factor by which a lesion is shown more often than an organ with as many cases.
        patches_per_case: Number of consecutive patches from one case.
        excluded: Cases never to be shown, named as in `PatchBatch.names`; other patches are unaffected.
        seed: Root seed of all randomness.
        spacing_mm: Voxel spacing of the cases in mm; rotations are applied in mm.
        structure_weights: Factors by which single structures are shown more often, by key.
    """

    sources: tuple[PatchSource, ...]
    classes: tuple[str, ...]
    patch: tuple[int, int, int]
    window_hu: tuple[float, float]
    augmentation: Augmentation
    foreground_probability: float = 0.75
    temperature: float = 2.0
    lesion_weight: float = 2.0
    patches_per_case: int = 1
    excluded: frozenset[str] = frozenset()
    seed: int = 0
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    structure_weights: Mapping[str, float] = field(default_factory=dict)

    def batch(self, indices: Sequence[int]) -> PatchBatch:
        """Patches with the given numbers, finished on the CPU."""
        return self.augmented(self.cut(indices))

    def augmented(self, raw: RawBatch) -> PatchBatch:
        """Finish cut boxes into network input, on their device."""
        return augmented(raw, self.augmentation, self.window_hu)

    def cut(self, indices: Sequence[int]) -> RawBatch:
        """Cut the boxes from which the patches with the given numbers are sampled.

        Raises:
            InputError: Several cases in a row cannot be read.
        """
        faults: list[Fault] = []
        samples = [self._sample(index, faults) for index in indices]
        return RawBatch(
            hu=torch.from_numpy(np.concatenate([s.hu.reshape(-1) for s in samples])),
            labels=torch.from_numpy(np.concatenate([s.labels.reshape(-1) for s in samples])),
            boxes=tuple(s.hu.shape for s in samples),
            lattices=tuple(torch.from_numpy(s.lattice) for s in samples),
            sets=tuple(s.sets for s in samples),
            annotated=torch.from_numpy(np.stack([s.annotated for s in samples])),
            seeds=tuple(s.seed for s in samples),
            slices=tuple(s.slice for s in samples),
            size=self.patch,
            names=tuple(s.name for s in samples),
            faults=tuple(faults),
        )

    @cached_property
    def dataset_shares(self) -> NDArray[np.float64]:
        """Share [D] of all patches from each source."""
        cases = np.array([len(source.cases) for source in self.sources], float)
        weights = np.array([source.weight for source in self.sources], float)
        return balance.dataset_shares(cases, weights, self.temperature)

    @cached_property
    def structure_shares(self) -> NDArray[np.float64]:
        """Share [D, K] of the structure-centred patches for each source and class."""
        weights = np.array([self.lesion_weight if STRUCTURES[key].is_lesion else 1.0 for key in self.classes])
        weights *= [self.structure_weights.get(key, 1.0) for key in self.classes]
        having = np.array([[len(cases) for cases in row] for row in self.having], float)
        return balance.structure_shares(having, self.dataset_shares, weights, self.temperature)

    @cached_property
    def centred(self) -> NDArray[np.float64]:
        """Share [D, K] of all patches for each source and centred class."""
        shares = self.foreground_probability * self.structure_shares
        for d, source in enumerate(self.sources):
            if source.centres:
                each = [centre_shares(case, source.centres, self.classes)[1:] for case in source.cases]
                shares[d] = self.dataset_shares[d] * np.mean(each, axis=0)
        return shares

    @cached_property
    def having(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """For each source and class, the indices of its cases with a voxel of the class."""
        return tuple(
            tuple(
                tuple(n for n, case in enumerate(source.cases) if case.voxels.get(k)) for k in range(len(self.classes))
            )
            for source in self.sources
        )

    def _sample(self, index: int, faults: list[Fault]) -> _Sample:
        for attempt in range(MOST_REDRAWS):
            rng = np.random.default_rng((self.seed, index, attempt))
            first = index - index % self.patches_per_case
            chooser = rng if first == index else np.random.default_rng((self.seed, first, attempt))
            source, case, k = self._choose(chooser)
            name = f"{source.name}/{case.name}"
            if name in self.excluded:
                continue
            try:
                return self._cut_one(source, case, k, name, rng)
            except OmentumError as fault:
                faults.append(Fault(name, str(fault)))
        last = f", the last one {faults[-1].case}: {faults[-1].reason}" if faults else ""
        raise InputError(
            f"no case could be read for patch {index} in {MOST_REDRAWS} attempts{last}", remedy="see omentum data check"
        )

    def _choose(self, rng: np.random.Generator) -> tuple[PatchSource, TrainingCase, int | None]:
        """Choose a case and the class it is shown for (None: the body, or the source's `centres` decide)."""
        d = rng.choice(len(self.sources), p=self.dataset_shares)
        source, shares = self.sources[d], self.structure_shares[d]
        if not source.centres and shares.any() and rng.random() < self.foreground_probability:
            k = int(rng.choice(len(shares), p=shares / shares.sum()))
            having = self.having[d][k]
            return source, source.cases[having[rng.integers(len(having))]], k
        return source, source.cases[rng.integers(len(source.cases))], None

    def _cut_one(
        self, source: PatchSource, case: TrainingCase, k: int | None, name: str, rng: np.random.Generator
    ) -> _Sample:
        if source.centres:
            voxel = drawn_voxel(case, source.centres, self.classes, rng)
        else:
            places = case.places(k)
            voxel = places[rng.integers(len(places))]
        size = np.array(self.patch)
        seen = np.rint((size - 1) / 2 + rng.uniform(-JITTER, JITTER, 3) * size).astype(int).tolist()
        warp = draw_warp(rng, self.patch, _with_magnify(self.augmentation, source.magnify), self.spacing_mm)
        if warp.mirrored:  # of the patch that it would be otherwise
            seen[0] = self.patch[0] - 1 - seen[0]
        # This patch voxel coincides with the voxel of the case: it is visible under any transform, and nothing of
        # an unrotated patch is interpolated.
        centre = voxel - warp.at(seen, self.patch)
        if source.centres:
            centre = centre_inside(case.shape, voxel, warp, self.patch)
            seen = warp.seen(voxel - centre, self.patch)
        start, shape = warp.box(centre)
        hu, labels = case.box(start, shape)
        sets, annotated = case.sets, case.annotated
        if warp.mirrored:
            sets = swap_paired_classes(sets, self.classes)
            annotated = swap_paired_classes(annotated, self.classes)
        lattice = (warp.lattice + (centre - start)).astype(np.float32)
        seed = int(rng.integers(2**62))
        return _Sample(hu, labels.astype(np.int16), lattice, sets, annotated, seed, seen[2], name)


@cache
def _with_magnify(how: Augmentation, magnify: tuple[float, float, float] | None) -> Augmentation:
    return how if magnify is None else replace(how, magnify=magnify)
