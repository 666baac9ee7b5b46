"""Correct one structure by clicks, without training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from omentum.annotate.click.update import REACH, kernel, prior, weights_of_clicks
from omentum.boxes import Box
from omentum.components import connected_components
from omentum.data.label_precedence import LabelSource, settled
from omentum.errors import UsageError
from omentum.pipeline.options import SegmentOptions
from omentum.pipeline.reading import PreprocessSpecs, prepare_case, read_case
from omentum.pipeline.segmenter import Image, Segmenter
from omentum.pipeline.window_features import LARGEST_WINDOW, WindowFeatures, window_features
from omentum.segmentation import BITS_PER_PLANE, Segmentation
from omentum.volume import Grid
from omentum.words import keys_of, structures_in

LENGTH_MM = 10.0
"""Distance over which a click counts: at this distance by a factor of 0.6."""


@dataclass(frozen=True)
class Click:
    """A place that belongs to a structure, or does not.

    Args:
        position_mm: In the patient, RAS mm, as 3D Slicer shows it; of LPS (DICOM) the first two have the other sign.
        inside: Whether it belongs to the structure.
    """

    position_mm: tuple[float, float, float]
    inside: bool = True

    @classmethod
    def at_voxel(cls, grid: Grid, index: Sequence[float], *, inside: bool = True) -> Click:
        """A click at a voxel of a grid, counted from 0."""
        x, y, z = (float(mm) for mm in grid.to_world(index))
        return cls((x, y, z), inside)


@dataclass(frozen=True, eq=False)
class Correction:
    """A corrected structure.

    Args:
        structure: Its key.
        segmentation: All masks, with the corrected one.
        added, removed: Numbers of voxels.
        seconds: Wall-clock time, without reading the CT and the weights.
    """

    structure: str
    segmentation: Segmentation
    added: int
    removed: int
    seconds: float = field(compare=False)


class Corrector:
    """A CT and weights, loaded once, for any number of corrections; windows that were computed are kept.

    Args:
        image: As for `omentum.segment`.
        weights: A name or a file; of any model that knows the structures.
        length_mm: Distance over which a click counts.

    Raises:
        InputError, CheckpointError: The CT or the weights cannot be used.
    """

    def __init__(self, image: Image, weights: Any = "default", *, length_mm: float = LENGTH_MM) -> None:
        if not length_mm > 0:
            raise UsageError(f"length_mm is above 0, got {length_mm}")
        if isinstance(weights, list | tuple) and len(weights) != 1:
            raise UsageError(f"clicks correct with one model, got {len(weights)}", remedy="give one of them")
        options = SegmentOptions(device="cpu", locate=False)
        self._model, self._length_mm = Segmenter(weights, options).model, length_mm
        case = read_case(image, options)
        self.grid = case.ct.grid
        self._prepared = prepare_case(case, PreprocessSpecs(self._model.spec.preprocess, None)).prepared
        self._windows: dict[tuple[str, Sequence[float]], WindowFeatures] = {}

    def correct(self, masks: Segmentation, structure: str, clicks: Sequence[Click]) -> Correction:
        """Correct a structure; its mask changes only around the clicks, in voxels connected to one of them.

        Clicks of earlier corrections of the same structure should be given again: later ones might undo them.

        Args:
            masks: On the grid of the CT.
            structure: Any name of one of its classes, which the weights know, too.
            clicks: At least one.

        Raises:
            UsageError: No click, a click outside the CT, another grid, or a structure that is not known.
        """
        started = time.perf_counter()
        key = self._check(masks, structure, clicks)
        mask = masks.mask(key)
        changed = mask.copy()
        for group in self._groups(clicks):
            box = self._box_around(group)
            now = self._corrected(key, group, box, mask[box])
            np.copyto(changed[box], now, where=now != mask[box])  # boxes of two groups may overlap in their corners
        added, removed = int((changed & ~mask).sum()), int((mask & ~changed).sum())
        return Correction(key, _with_mask(masks, key, changed), added, removed, time.perf_counter() - started)

    def _check(self, masks: Segmentation, structure: str, clicks: Sequence[Click]) -> str:
        keys = keys_of(structures_in([structure], guesses=False))
        if len(keys) > 1:
            remedy = f"correct one after the other, {keys[0]} for example"
            raise UsageError(f"{structure!r} is {len(keys)} structures: {', '.join(keys)}", remedy=remedy)
        key = keys[0]
        if key not in masks.classes:
            raise UsageError(f"no mask of {key} in the segmentation", remedy=f"it has {', '.join(masks.classes)}")
        if key not in self._model.spec.class_keys:
            remedy = f"they know {', '.join(self._model.spec.class_keys)}"
            raise UsageError(f"the weights do not know {key}", remedy=remedy)
        if not masks.grid.same_as(self.grid):
            raise UsageError(f"the masks are not on the grid of the CT: {masks.grid}, not {self.grid}")
        if not clicks:
            raise UsageError("no click", remedy="give places inside or outside the structure")
        for click in clicks:
            index = self._index(np.asarray([click.position_mm]))[0]
            if not (
                np.isfinite(index).all() and (index > -0.5).all() and (index < np.subtract(self.grid.shape, 0.5)).all()
            ):
                place = ", ".join(f"{mm:g}" for mm in click.position_mm)
                raise UsageError(f"the click at ({place}) mm RAS lies outside the CT", remedy=f"it is {self.grid}")
        return key

    def _groups(self, clicks: Sequence[Click]) -> list[list[Click]]:
        """Clicks that influence each other, directly or through others."""
        groups: list[list[Click]] = []
        for click in dict.fromkeys(clicks):
            near = [group for group in groups if any(self._near(click, other) for other in group)]
            groups = [group for group in groups if group not in near]
            groups.append([click, *(other for group in near for other in group)])
        return groups

    def _near(self, one: Click, other: Click) -> bool:
        return float(np.linalg.norm(np.subtract(one.position_mm, other.position_mm))) <= 2 * REACH * self._length_mm

    def _index(self, places_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Voxel positions [n, 3] in the CT of places [n, 3]."""
        return (places_mm - self.grid.affine[:3, 3]) @ np.linalg.inv(self.grid.affine[:3, :3]).T

    def _box_around(self, clicks: Sequence[Click]) -> Box:
        """The part of the CT that clicks can change."""
        at = self._index(np.asarray([click.position_mm for click in clicks]))
        inverse = np.linalg.inv(self.grid.affine[:3, :3])
        reach = REACH * self._length_mm * np.linalg.norm(inverse, axis=1)
        low, high = np.floor(at.min(0) - reach), np.ceil(at.max(0) + reach) + 1
        i, j, k = (slice(max(0, int(a)), min(n, int(b))) for a, b, n in zip(low, high, self.grid.shape, strict=True))
        return i, j, k

    def _corrected(self, key: str, clicks: Sequence[Click], box: Box, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        places = np.asarray([click.position_mm for click in clicks], np.float64)
        inside = np.asarray([click.inside for click in clicks])
        indices = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1).reshape(-1, 3)
        voxels = self.grid.to_world(indices)
        logits, of_voxels = self._seen(key, places, voxels)
        before = prior(logits, mask.reshape(-1))
        corner = [s.start for s in box]
        at = np.rint(self._index(places)).astype(int) - corner
        flat = np.ravel_multi_index(at.T, mask.shape)
        own = kernel(places, of_voxels[flat], places, of_voxels[flat], self._length_mm)
        weights = weights_of_clicks(own, before[flat], inside)
        after: NDArray[Any] = before.copy()
        for place, feature, weight in zip(places, of_voxels[flat], weights, strict=True):
            after = after + weight * kernel(voxels, of_voxels, place[None], feature[None], self._length_mm)[:, 0]
        wanted = (after > 0).reshape(mask.shape)
        wanted.reshape(-1)[flat] = inside
        return _connected(mask, wanted, flat)

    def _seen(
        self, key: str, places: NDArray[np.float64], voxels: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logits [n] and features [n, c] of voxels, from one window if it holds all, else from the nearest click's."""
        middle = places.mean(0)
        spread = np.abs(voxels - middle).max()
        if spread <= min(self._model.spec.preprocess.spacing_mm) * LARGEST_WINDOW / 2:
            places = middle[None]
        nearest = np.argmin([((voxels - place) ** 2).sum(-1) for place in places], axis=0)
        logits, features = np.zeros(len(voxels)), np.zeros((len(voxels), 0))
        for number, place in enumerate(places):
            window, here = self._window(key, tuple(place)), nearest == number
            if not features.shape[1]:
                features = np.zeros((len(voxels), len(window.features)))
            logits[here] = _sampled(window.logits, window, voxels[here])
            features[here] = np.stack([_sampled(channel, window, voxels[here]) for channel in window.features], -1)
        return logits, features

    def _window(self, key: str, centre_mm: tuple[float, ...]) -> WindowFeatures:
        """The window around a place; one computed before whose middle is near is used again."""
        for (of, middle), window in self._windows.items():
            if of == key and np.linalg.norm(np.subtract(middle, centre_mm)) <= self._length_mm:
                return window
        found = window_features(self._model, self._prepared, key, centre_mm)
        self._windows[key, centre_mm] = found
        return found


def correct(
    image: Image,
    masks: Segmentation,
    structure: str,
    clicks: Sequence[Click],
    *,
    weights: Any = "default",
    length_mm: float = LENGTH_MM,
) -> Correction:
    """Correct a structure by clicks; for several corrections of one CT, keep a `Corrector`.

    Args:
        image: The CT, as for `omentum.segment`.
        masks: Present masks on its grid, such as the result of `omentum.segment`.
        structure: Any name of one of the classes.
        clicks: Places inside and outside.
        weights: A name or a file.
        length_mm: Distance over which a click counts.

    Raises:
        UsageError: See `Corrector.correct`.
        InputError, CheckpointError: The CT or the weights cannot be used.

    Example:
        >>> fixed = omentum.correct("ct.nii.gz", masks, "liver", [omentum.Click((42, -10, 130), inside=True)])
        >>> fixed.segmentation.mask("liver")
    """
    return Corrector(image, weights, length_mm=length_mm).correct(masks, structure, clicks)


def _sampled(
    volume: NDArray[np.float32], window: WindowFeatures, places_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values at places [n, 3], linear; outside the window those of its border."""
    at = np.linalg.solve(window.affine[:3, :3], (places_mm - window.affine[:3, 3]).T)
    found: NDArray[np.float64] = map_coordinates(volume, at, order=1, mode="nearest", output=np.float64)
    return found


def _connected(mask: NDArray[np.bool_], wanted: NDArray[np.bool_], clicks: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Only those changes that are connected to a click."""
    out = mask.copy()
    for adding in (True, False):
        changes = wanted & ~mask if adding else mask & ~wanted
        labels = connected_components(changes)
        reached = np.setdiff1d(np.unique(labels.reshape(-1)[clicks]), [0])
        out[np.isin(labels, reached)] = adding
    return out


def _with_mask(masks: Segmentation, key: str, mask: NDArray[np.bool_]) -> Segmentation:
    """The same masks with another one of a class.

    Where it grew, it outranks the other structures: those that cannot overlap with it leave, and its host joins it.
    """
    k = masks.classes.index(key)
    grown = mask & ~masks.mask(key)
    bits = masks.bits.copy()
    plane, one = k // BITS_PER_PLANE, bits.dtype.type(1 << k % BITS_PER_PLANE)
    bits[plane][mask] |= one
    bits[plane][~mask] &= ~one
    sources = dict.fromkeys(masks.classes, LabelSource.PSEUDO) | {key: LabelSource.CORRECTED}
    combinations, which = np.unique(bits[:, grown], axis=1, return_inverse=True)
    for n, column in enumerate(combinations.T):
        names = {c for i, c in enumerate(masks.classes) if column[i // BITS_PER_PLANE] >> (i % BITS_PER_PLANE) & 1}
        for i in map(masks.classes.index, settled(frozenset(names), sources) ^ names):
            combinations[i // BITS_PER_PLANE, n] ^= bits.dtype.type(1 << i % BITS_PER_PLANE)
    bits[:, grown] = combinations[:, which.reshape(-1)]
    return replace(masks, bits=bits)
