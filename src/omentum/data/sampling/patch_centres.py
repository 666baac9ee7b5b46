"""Where patches are centred in a case that was drawn before: in a ratio of background to what is labelled.

The published training does so (Liu et al., ICCV 2023, by MONAI's RandCropByPosNegLabel and RandCropByLabelClasses): a
voxel of background or of anything labelled, 1 : 2, or, where a lesion is what a dataset is for, a voxel of background,
organ or lesion, 1 : 1 : 5. What a case does not have is left out of the ratio.
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
    """[1 + K], how often a patch of a case is centred on its background and on each class.

    A structure is drawn as often as it has voxels. Lesions are drawn with their organ where there are only two
    numbers and the organ is annotated, so that a voxel labelled twice counts once.

    Args:
        case: Only its numbers of voxels are looked at.
        ratio: Background : labelled, or background : organs : lesions.
        classes: Structure keys, in the order of the case's classes.
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
    """The voxel [3] that a patch is to be centred on.

    Args:
        case: Of which the patch is.
        ratio: Background to labelled voxels, or background to organs to lesions.
        classes: Structure keys in the model's order.
        rng: Draws the class, then the voxel.

    Raises:
        InputError: the case cannot be read.
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
    """The centre of a patch in voxels: on a voxel, but moved so that the patch lies inside the case.

    Voxels of an unturned patch are voxels of the case: nothing is interpolated that need not be.

    Args:
        shape: Of the case; where it is smaller than the patch it lies in its middle.
        voxel: See `drawn_voxel`.
        warp: How the patch lies.
        patch: Its size.
    """
    size = np.array(patch)
    to_middle = (size - 1) / 2
    least, most = -warp.lattice.min((0, 1, 2)), np.array(shape) - 1 - warp.lattice.max((0, 1, 2))
    inside = np.clip(voxel - size // 2 + to_middle, least, np.maximum(least, most))
    return np.asarray(np.where(least > most, to_middle - (size - np.array(shape)) // 2, inside))


def _voxel(case: TrainingCase, drawn: int, allowed: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int16]:
    """A sampled voxel of a class (-1: of the body) whose set of classes is allowed, if one is found."""
    places = rng.permutation(case.places(None if drawn < 0 else drawn))[:TRIES]
    if allowed.all():
        return np.asarray(places[0])
    return next((place for place in places if allowed[case.box(place, (1, 1, 1))[1].item()]), np.asarray(places[0]))


def _lesions(classes: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([STRUCTURES[key].is_lesion for key in classes])


def _within_another(case: TrainingCase, classes: Sequence[str]) -> NDArray[np.bool_]:
    """[K], whether a class is part of another one that is annotated."""
    known = {key for key, annotated in zip(classes, case.annotated, strict=True) if annotated}
    return np.array([not known.isdisjoint(STRUCTURES[key].hosts) for key in classes])
