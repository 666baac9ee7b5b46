"""How the label of one structure differs from a prediction, as numbers; pure functions on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cc3d
import numpy as np
from numpy.typing import NDArray

from omentum.boxes import bounding_box
from omentum.components import connected_components
from omentum.evaluate.metrics.overlap import Overlap, overlap
from omentum.measure.diameters import axial_axis
from omentum.segmentation import BITS_PER_PLANE, Segmentation
from omentum.volume import Grid

Mask = NDArray[np.bool_]
SURE_IN, SURE_OUT = 0.9, 0.05
LEAST_CUT_SLICES = 2
"""A label that ends fewer slices before the prediction is not called cut."""


@dataclass(frozen=True)
class Shift:
    """The label moved so that its centroid lies on that of the prediction.

    Args:
        mm: Displacement of the label from the prediction along R, A, S.
        dice: Dice after moving it back by whole voxels.
    """

    mm: tuple[float, float, float]
    dice: float


@dataclass(frozen=True)
class Cut:
    """The prediction goes on where the label ends.

    Args:
        share: Share of the prediction beyond the end of the label.
        inner_dice: Dice where both are.
        end_area: Area of the last slice of the label relative to its largest: 0 for a label that tapers off.
        axis: Array axis along which it ends.
    """

    share: float
    inner_dice: float
    end_area: float
    axis: int


@dataclass(frozen=True)
class LabelComparison:
    """One structure in one case.

    Args:
        key: Structure key.
        label_voxels, model_voxels: Voxels of label and prediction.
        dice: Of the two; 1 if both are empty.
        taken: Key of another structure -> share of the label that the prediction gives to it.
        probability: Mean probability of the prediction; None if it is empty.
        shift: None if either is empty.
        cut: The worst cut; None without any.
        holes: Share of the label's volume in cavities that no other label fills.
        holes_probability: Mean probability in them.
        islands_ml: Volume of loose pieces of the label that the prediction does not touch.
        islands_probability: Mean probability in them.
        slice_index: Axial slice with the most differing voxels, along `slice_axis`.
        slice_axis: Array axis of axial slices.
        model_score, label_score: Quality scores; None for an empty mask.
        touches_border: The label reaches the border of the image.
    """

    key: str
    label_voxels: int
    model_voxels: int
    dice: float
    taken: Mapping[str, float] = field(default_factory=dict)
    probability: float | None = None
    shift: Shift | None = None
    cut: Cut | None = None
    holes: float = 0.0
    holes_probability: float = 0.0
    islands_ml: float = 0.0
    islands_probability: float = 0.0
    slice_index: int = 0
    slice_axis: int = 2
    model_score: float | None = None
    label_score: float | None = None
    touches_border: bool = False


@dataclass(frozen=True, eq=False)
class StructurePair:
    """Label and prediction of a structure on one grid.

    Args:
        label: Bool [i, j, k].
        model: Bool [i, j, k].
        probability: float32 [i, j, k].
        others: Bool [i, j, k], all other labels.
    """

    label: Mask
    model: Mask
    probability: NDArray[np.float32]
    others: Mask


def compare(key: str, pair: StructurePair, grid: Grid) -> LabelComparison:
    """Compare label and prediction of one structure; scores and `taken` are left out."""
    either = pair.label | pair.model
    axis = axial_axis(grid)
    if not either.any():
        return LabelComparison(key, 0, 0, 1.0, slice_axis=axis)
    box = bounding_box(either)
    label, model, p, others = pair.label[box], pair.model[box], pair.probability[box], pair.others[box]
    counts = overlap(model, label)
    n_label, n_model = counts.reference, counts.predicted
    holes, holes_p = _holes(label, others, p, n_label)
    islands_ml, islands_p = _islands(label, model, p, grid.voxel_volume_ml)
    across = tuple(a for a in range(3) if a != axis)
    return LabelComparison(
        key=key,
        label_voxels=n_label,
        model_voxels=n_model,
        dice=counts.dice or 0.0,
        probability=float(p[model].mean()) if n_model else None,
        shift=_shift(pair, grid) if n_label and n_model else None,
        cut=_worst_cut(label, model) if n_label and n_model else None,
        holes=holes,
        holes_probability=holes_p,
        islands_ml=islands_ml,
        islands_probability=islands_p,
        slice_index=int((label ^ model).sum(axis=across).argmax()) + box[axis].start,
        slice_axis=axis,
        touches_border=_touches_border(pair.label),
    )


def taken_by(label: Mask, predicted: Segmentation) -> dict[str, float]:
    """Share of a label that lies in each predicted structure."""
    total = int(np.count_nonzero(label))
    if not total:
        return {}
    shares = {}
    for plane, bits in enumerate(predicted.bits):
        octets = np.ascontiguousarray(bits[label].astype("<u8")).view(np.uint8).reshape(total, 8)
        counts = np.unpackbits(octets, axis=1, bitorder="little").sum(axis=0, dtype=np.int64)
        for n, key in enumerate(predicted.classes[plane * BITS_PER_PLANE : (plane + 1) * BITS_PER_PLANE]):
            if counts[n]:
                shares[key] = int(counts[n]) / total
    return shares


def _shift(pair: StructurePair, grid: Grid) -> Shift:
    ours, theirs = (np.argwhere(mask).mean(axis=0) for mask in (pair.label, pair.model))
    steps = np.rint(theirs - ours).astype(int)
    mm = grid.affine[:3, :3] @ (ours - theirs)
    moved = _moved(pair.label, steps)
    r, a, s = (round(float(x), 1) for x in mm)
    return Shift((r, a, s), overlap(pair.model, moved).dice or 0.0)


def _moved(mask: Mask, steps: NDArray[np.intp]) -> Mask:
    out = np.zeros_like(mask)
    source, target = [], []
    for step, n in zip(steps.tolist(), mask.shape, strict=True):
        source.append(slice(max(0, -step), min(n, n - step)))
        target.append(slice(max(0, step), min(n, n + step)))
    out[tuple(target)] = mask[tuple(source)]
    return out


def _worst_cut(label: Mask, model: Mask) -> Cut | None:
    cuts = [cut for axis in range(3) for cut in _cuts(label, model, axis)]
    return max(cuts, key=lambda cut: cut.share * cut.end_area, default=None)


def _cuts(label: Mask, model: Mask, axis: int) -> list[Cut]:
    """Cuts at both ends of the label along an axis."""
    across = tuple(a for a in range(3) if a != axis)
    areas, predicted = label.sum(axis=across), model.sum(axis=across)
    shared = (label & model).sum(axis=across)
    ends = np.flatnonzero(areas)
    first, last = int(ends[0]), int(ends[-1])
    inner = slice(first, last + 1)
    inner_dice = Overlap(int(shared.sum()), int(predicted[inner].sum()), int(areas[inner].sum())).dice or 0.0
    found = []
    for beyond, end in ((predicted[:first], first), (predicted[last + 1 :], last)):
        if np.count_nonzero(beyond) >= LEAST_CUT_SLICES:
            share = int(beyond.sum()) / int(predicted.sum())
            found.append(Cut(share, inner_dice, float(areas[end] / areas.max()), axis))
    return found


def _holes(label: Mask, others: Mask, p: NDArray[np.float32], voxels: int) -> tuple[float, float]:
    """Share of cavities, and the mean probability in them."""
    if not voxels:
        return 0.0, 0.0
    outside = np.pad(~label, 1, constant_values=True)
    pieces = cc3d.connected_components(outside, connectivity=6)[1:-1, 1:-1, 1:-1]
    cavity = (pieces > 1) & ~others  # the background is piece 1: it holds the first voxel of the padding
    n = int(np.count_nonzero(cavity))
    return n / voxels, float(p[cavity].mean()) if n else 0.0


def _islands(label: Mask, model: Mask, p: NDArray[np.float32], voxel_ml: float) -> tuple[float, float]:
    """Volume of pieces apart from the largest that the prediction does not touch, and the mean probability in them."""
    if not label.any():
        return 0.0, 0.0
    pieces = connected_components(label)
    sizes = np.bincount(pieces[label])
    touched = np.zeros(len(sizes), bool)
    touched[np.unique(pieces[label & model])] = True
    touched[sizes.argmax()] = True
    loose = label & ~touched[pieces]
    n = int(np.count_nonzero(loose))
    return n * voxel_ml, float(p[loose].mean()) if n else 0.0


def _touches_border(mask: Mask) -> bool:
    return any(bool(mask.take(end, axis=axis).any()) for axis in range(3) for end in (0, -1))
