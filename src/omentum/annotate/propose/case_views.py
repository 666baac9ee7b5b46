"""The predictions of one case, read from the case folders that the batch wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.annotate.propose.evidence import PredictedView, mean_probability
from omentum.boxes import Box, around, bounding_box
from omentum.errors import InputError
from omentum.io.nifti import read_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.pipeline.batch.resume import read_manifest
from omentum.pipeline.outputs import MASKS_SHA256
from omentum.result_files import MANIFEST, MASKS, PROBABILITIES
from omentum.segmentation import Segmentation
from omentum.spec import USUAL_THRESHOLD, Trust

DISTRUSTED = (Trust.WEAK, Trust.NOT_FOUND)


@dataclass(frozen=True, eq=False)
class CaseView:
    """One prediction of a case.

    Args:
        folder: Its case folder.
        masks: Post-processed masks on the grid of the CT.
        thresholds: Structure key -> threshold, where it is not 0.5.
        distrusted: Structures that the weights are known to miss.
        is_model: Whether it counts towards the proposal.
        sha256: Hash of its masks.
    """

    folder: Path
    masks: Segmentation
    thresholds: dict[str, float]
    distrusted: frozenset[str]
    is_model: bool
    sha256: str

    @classmethod
    def read(cls, folder: Path, *, is_model: bool) -> CaseView:
        """Read the masks and the manifest; probabilities are read on use.

        Raises:
            InputError: a file is missing or damaged.
        """
        manifest = _manifest(folder)
        masks = read_seg_nrrd(folder / MASKS)
        options = manifest["options"]
        distrusted = frozenset(key for key, trust in options["trust"].items() if trust in DISTRUSTED)
        return cls(folder, masks, dict(options["threshold"]), distrusted, is_model, manifest[MASKS_SHA256])

    def probability(self, key: str) -> NDArray[np.float32]:
        """Probability of a structure, float32 [i, j, k] on the grid of the CT.

        Raises:
            InputError: there is none.
        """
        return np.asarray(read_volume(self.folder / PROBABILITIES / f"{key}.nii.gz").voxels, np.float32)

    def threshold(self, key: str) -> float:
        """Probability above which a voxel belongs to a structure."""
        return self.thresholds.get(key, USUAL_THRESHOLD)


@dataclass(frozen=True, eq=False)
class StructureViews:
    """The views of one structure, in a part of the grid.

    Args:
        box: The part; everything outside it is 0 in all views.
        proposal: Bool, the proposed mask in it.
        views: All views in it.
    """

    box: Box
    proposal: NDArray[np.bool_]
    views: tuple[PredictedView, ...]


def structure_views(views: list[CaseView], key: str) -> StructureViews:
    """Cut the views of a structure to where they hold anything, and propose a mask.

    Models that do not know the structure are left out. The proposal of one model is its mask. That of several is where
    their mean probability exceeds the mean threshold and at least one of them has the structure after its
    post-processing.

    Raises:
        InputError: a probability map is missing or damaged.
    """
    views = [view for view in views if key in view.masks.classes]
    maps = [view.probability(key) for view in views]
    masks = [view.masks.mask(key) for view in views]
    held = np.logical_or.reduce([p > 0 for p in maps] + masks)
    if not held.any():
        empty: Box = (slice(0, 1), slice(0, 1), slice(0, 1))
        return StructureViews(
            empty, np.zeros((1, 1, 1), bool), tuple(PredictedView(m[empty], p[empty]) for m, p in _zip(masks, maps))
        )
    box = around([bounding_box(held)])
    cut = tuple(PredictedView(mask[box], p[box]) for mask, p in _zip(masks, maps))
    models = [view for view, whole in zip(cut, views, strict=True) if whole.is_model]
    if len(models) == 1:
        return StructureViews(box, models[0].mask, cut)
    limit = float(np.mean([view.threshold(key) for view in views if view.is_model]))
    proposal = (mean_probability(models) > limit) & np.logical_or.reduce([view.mask for view in models])
    return StructureViews(box, proposal, cut)


def _zip(masks: list[NDArray[np.bool_]], maps: list[NDArray[np.float32]]) -> zip[Any]:
    return zip(masks, maps, strict=True)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return read_manifest(folder)
    except (OSError, ValueError) as fault:
        raise InputError(f"is no finished prediction: {fault}", source=folder / MANIFEST) from fault
