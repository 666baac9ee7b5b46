"""Training cases of a second pass: boxes around the organs that the first pass found, and what is annotated in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from omentum.components import component_sizes, connected_components
from omentum.errors import InputError, OmentumError, OutputError, warn_of_case
from omentum.fingerprint import SliceHashes, slice_hashes
from omentum.io.truth import read_case
from omentum.preprocess.grid import model_grid, nearest_on_model_grid
from omentum.preprocess.organ_crop import SMALLEST_ORGAN_ML, joined, relative_hu, surroundings
from omentum.preprocess.upright import labels_upright, upright
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec, RegionSpec
from omentum.volume import PADDING_HU, Volume

SMALLEST_PIECE = 3
"""A piece of a lesion or vessel with fewer voxels is not sought by crops; it has a loss like any other."""
MOST_PIECES = 30
"""Of a class in a box; where there are more, the largest are sought."""
POINTS_PER_PIECE = 200
POINTS_PER_ORGAN = 2000
INSIDE, NEAR, FIRST_CLASS = 0, 1, 2
"""Bits of `OrganBox.bits`: the organ, its neighbourhood, and from there on the classes."""

Points = NDArray[np.int16]
"""Voxels, int16 [n, 3]."""


@dataclass(frozen=True)
class Where:
    """Where and how training looks, the same for all cases.

    Args:
        regions: Where which classes are looked for.
        classes: Keys of the second pass's classes, in channel order.
        spec: Grid of the second pass.
        standing: Grid of the first pass, which decides how an oblique CT is made upright.
    """

    regions: tuple[RegionSpec, ...]
    classes: tuple[str, ...]
    spec: PreprocessSpec
    standing: PreprocessSpec


@dataclass(frozen=True, eq=False)
class OrganBox:
    """A box around an organ (or several that share it), on the second pass's grid.

    Args:
        region: Number of its region.
        channels: Classes looked for there that are annotated in the case, by number; there is one at least.
        relative: HU relative to the organ's median, int16 [x, y, z].
        bits: Unsigned [x, y, z]; see `INSIDE`. Bit `FIRST_CLASS + n` is class `channels[n]`.
        organ: Some voxels of the organ.
        pieces: For each channel that has any near the organ, some voxels of each piece.
    """

    region: int
    channels: tuple[int, ...]
    relative: NDArray[np.int16] = field(repr=False)
    bits: NDArray[np.unsignedinteger] = field(repr=False)
    organ: Points = field(repr=False)
    pieces: tuple[tuple[Points, ...], ...] = field(repr=False)

    def truth(self, channel: int) -> NDArray[np.bool_]:
        """Mask of an annotated class, bool [x, y, z].

        Args:
            channel: One of `channels`.
        """
        return (self.bits >> (FIRST_CLASS + self.channels.index(channel)) & 1).astype(np.bool_)


@dataclass(frozen=True, eq=False)
class OrganCase:
    """A case as the second pass is trained on it.

    Args:
        name: For messages and logs.
        boxes: Around its organs.
        hashes: Fingerprint of the CT.
    """

    name: str
    boxes: tuple[OrganBox, ...]
    hashes: SliceHashes = field(default=(), repr=False)

    @property
    def checksum(self) -> str:
        """Checksum of everything that training sees of it."""
        found = 0
        for box in self.boxes:
            found = isal_zlib.crc32(f"{box.region} {box.channels} {box.relative.shape}".encode(), found)
            for part in (box.relative, box.bits):
                found = isal_zlib.crc32(np.ascontiguousarray(part), found)
        return f"{found:08x}"


def load_cases(
    folder: Path, where: Where, find_organs: Callable[[Volume], Segmentation], progress: Callable[[int, int], None]
) -> tuple[OrganCase, ...]:
    """Load every case folder below a folder, by name; those in which nothing is looked for are left out.

    Args:
        folder: Written by `omentum phantom`.
        where: Regions and grids.
        find_organs: The first pass.
        progress: Called with the number of finished cases and the total.

    Raises:
        InputError: There is no usable case.
        OutputError: What the first pass found cannot be kept.

    Warns:
        CaseWarning: A case cannot be read, or has nothing to look for.
    """
    found = sorted(path.parent for path in folder.glob("*/case.json"))
    cases = []
    for number, place in enumerate(found):
        progress(number, len(found))
        try:
            ct, truth, _ = read_case(place)
            ct = replace(ct, voxels=np.nan_to_num(ct.voxels, nan=PADDING_HU))
            case = organ_case(place.name, ct, truth, find_organs(ct), where)
        except OutputError:
            raise
        except OmentumError as fault:
            warn_of_case(f"left out of training: {fault}", stacklevel=2)
            continue
        if case.boxes:
            cases.append(case)
        else:
            warn_of_case(f"left out of training: {place}: no organ with an annotated class was found", stacklevel=2)
    if not cases:
        remedy = "it should hold case folders as `omentum phantom` writes them, with the classes of [[regions]]"
        raise InputError("no usable cases", source=folder, remedy=remedy)
    return tuple(cases)


def organ_case(name: str, ct: Volume, truth: Segmentation, organs: Segmentation, where: Where) -> OrganCase:
    """A case from its CT, its truth and what the first pass found, all on one grid.

    Args:
        name: Of the case.
        ct: HU, finite.
        truth: What is not annotated there gives no box a channel.
        organs: Found by the first pass; preprocessed exactly as in `omentum.pipeline.passes.second`.
        where: Regions and grids.
    """
    standing = upright(ct, where.standing)

    def moved(masks: Segmentation) -> Segmentation:
        bits = nearest_on_model_grid(*labels_upright(masks.bits, masks.grid, where.standing), where.spec)
        return Segmentation(np.ascontiguousarray(bits), whole.affine, masks.classes, masks.annotated)

    whole = model_grid(standing.grid, where.spec)
    found, true = moved(organs), moved(truth)
    rng = np.random.default_rng(list(name.encode()))  # a case has the same sampled voxels in every run
    boxes = (
        _box(standing, found, true, part, number, where, rng)
        for number, region in enumerate(where.regions)
        for part in region.parts
    )
    return OrganCase(name, tuple(box for box in boxes if box is not None), slice_hashes(ct))


def _box(
    ct: Volume,
    organs: Segmentation,
    truth: Segmentation,
    part: Sequence[str],
    number: int,
    where: Where,
    rng: np.random.Generator,
) -> OrganBox | None:
    """One box; None where nothing is annotated or too little of the organ was found."""
    region = where.regions[number]
    assert truth.annotated is not None
    around = region.classes_around(part)
    channels = tuple(k for k, key in enumerate(where.classes) if key in around and key in truth.annotated)
    mask = joined(organs.mask(key) for key in part)
    if not channels or mask.sum() * organs.grid.voxel_volume_ml < SMALLEST_ORGAN_ML:
        return None
    box, near = surroundings(mask, region.margin_mm, where.spec)
    hu = relative_hu(ct, mask[box], organs.grid, box, where.spec, region.median_above_hu)
    relative = hu.numpy().round().clip(-32768, 32767)
    true = [truth.mask(where.classes[k], box) for k in channels]
    pieces = (tuple(_pieces(one & near, rng)) for one in true)
    return OrganBox(
        number,
        channels,
        relative.astype(np.int16),
        _packed([mask[box], near, *true]),
        _some(np.flatnonzero(mask[box]), near.shape, POINTS_PER_ORGAN, rng),
        tuple(found for found in pieces if found),
    )


def _pieces(mask: NDArray[np.bool_], rng: np.random.Generator) -> Iterator[Points]:
    """Some voxels of each connected piece that is worth a crop, the largest piece first."""
    if not mask.any():
        return
    labels = connected_components(mask)
    sizes = component_sizes(labels)
    sizes[0] = 0  # background
    for label in np.argsort(-sizes, kind="stable")[:MOST_PIECES]:
        if sizes[label] >= SMALLEST_PIECE:
            yield _some(np.flatnonzero(labels == label), mask.shape, POINTS_PER_PIECE, rng)


def _some(flat: NDArray[np.intp], shape: tuple[int, ...], most: int, rng: np.random.Generator) -> Points:
    chosen = np.sort(rng.choice(flat, most, replace=False)) if len(flat) > most else flat
    return np.stack(np.unravel_index(chosen, shape), axis=1).astype(np.int16)


def _packed(masks: Sequence[NDArray[np.bool_]]) -> NDArray[Any]:
    """Masks as bits of one array, the first one lowest."""
    bits = np.zeros(masks[0].shape, np.min_scalar_type((1 << len(masks)) - 1))
    for k, mask in enumerate(masks):
        bits |= mask.astype(bits.dtype) << k
    return bits
