"""Choose patch centres in a given case by a ratio of background to labelled voxels.

The published training does this (Liu et al., ICCV 2023, with MONAI's RandCropByPosNegLabel and RandCropByLabelClasses):
background to labelled voxels 1 : 2, or, for lesion datasets, background to organ to lesion 1 : 1 : 5. Groups that a
case does not have are left out of the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import TrainingCase
from omentum.data.sampling.warp import PatchWarp

TRIES = 50
"""Sampled voxels that are looked at for one outside of what it must not lie in."""


def centre_shares(case: TrainingCase, ratio: Sequence[float], classes: Sequence[str]) -> NDArray[np.float64]:
    """Probability [1 + K] that a patch of a case is centred on background or on each class.

    A class is sampled in proportion to its voxels. With a two-part ratio, lesions are sampled as part of their organ if
    the organ is annotated, so that a voxel labelled twice counts once.

    Args:
        case: Only its voxel counts are used.
        ratio: Background : labelled, or background : organs : lesions.
        classes: Structure keys, in the class order of the case.
    """
    voxels = np.array([case.voxels.get(k, 0) for k in range(len(classes))], float)
    voxels_of_their_own = voxels * ~_within_another(case, classes)
    lesion = _lesions(classes)
    groups = [voxels_of_their_own] if len(ratio) == 2 else [voxels_of_their_own * ~lesion, voxels * lesion]
    shares = sum(part * group / group.sum() for part, group in zip(ratio[1:], groups, strict=True) if group.any())
    shares = np.concatenate([[ratio[0]], np.zeros(len(classes)) + shares])
    return np.asarray(shares / shares.sum() if shares.any() else np.eye(1 + len(classes))[0])


def drawn_voxel(
    case: TrainingCase, ratio: Sequence[float], classes: Sequence[str], rng: np.random.Generator
) -> NDArray[np.int16]:
    """Sample the voxel [3] on which a patch is centred.

    Args:
        case: Case of the patch.
        ratio: Background : labelled, or background : organs : lesions.
        classes: Structure keys in the model's order.
        rng: Samples the class, then the voxel.

    Raises:
        InputError: The case cannot be read.
    """
    drawn = int(rng.choice(1 + len(classes), p=centre_shares(case, ratio, classes))) - 1
    excluded = np.zeros(len(classes), bool)
    if drawn < 0:
        excluded[:] = True
    elif len(ratio) == 3 and not _lesions(classes)[drawn]:
        excluded = _lesions(classes)
    return _voxel(case, drawn, np.asarray(~(case.sets & excluded).any(1)), rng)


def centre_inside(
    shape: Sequence[int], voxel: NDArray[np.int16], warp: PatchWarp, patch: Sequence[int]
) -> NDArray[np.float64]:
    """Centre of a patch in voxels: the given voxel, shifted so that the patch lies inside the case.

    Voxels of an unrotated patch coincide with voxels of the case, so it is not interpolated.

    Args:
        shape: Shape of the case; along axes where it is smaller than the patch, the patch is centred on the case.
        voxel: See `drawn_voxel`.
        warp: Spatial transform of the patch.
        patch: Patch size in voxels.
    """
    size = np.array(patch)
    to_middle = (size - 1) / 2
    least, most = -warp.lattice.min((0, 1, 2)), np.array(shape) - 1 - warp.lattice.max((0, 1, 2))
    inside = np.clip(voxel - size // 2 + to_middle, least, np.maximum(least, most))
    return np.asarray(np.where(least > most, to_middle - (size - np.array(shape)) // 2, inside))


def _voxel(case: TrainingCase, drawn: int, allowed: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int16]:
    """A sampled voxel of a class (-1: background, sampled in the body) with an allowed class set, if one is found."""
    places = rng.permutation(case.places(None if drawn < 0 else drawn))[:TRIES]
    if allowed.all():
        return np.asarray(places[0])
    return next((place for place in places if allowed[case.box(place, (1, 1, 1))[1].item()]), np.asarray(places[0]))


def _lesions(classes: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([STRUCTURES[key].is_lesion for key in classes])


def _within_another(case: TrainingCase, classes: Sequence[str]) -> NDArray[np.bool_]:
    """Bool [K], whether a class is part of another annotated class."""
    known = {key for key, annotated in zip(classes, case.annotated, strict=True) if annotated}
    return np.array([not known.isdisjoint(STRUCTURES[key].hosts) for key in classes])
