"""The network's prediction for a prepared CT, on the CT's own grid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.infer.blend import Slab
from omentum.infer.confidence import Tally, WindowAgreement
from omentum.infer.maps import ProbabilityMaps
from omentum.infer.sliding import Predictor, WindowRun, sliding_slabs
from omentum.infer.stream import AxisPositions, Bits, pack_slabs
from omentum.infer.windows import WindowPlan
from omentum.pipeline.compressed_array import CompressedSparseArray
from omentum.pipeline.thresholds import above_thresholds, logit
from omentum.preprocess.grid import Undo
from omentum.preprocess.prepare import Prepared
from omentum.preprocess.resample import sample_along
from omentum.quality import Confidence
from omentum.segmentation import BITS_PER_PLANE, bits_dtype, no_bits, planes_for


@dataclass(frozen=True, eq=False)
class Prediction:
    """The network's prediction before post-processing; fields as in `CaseSegmentation`."""

    bits: CompressedSparseArray
    confidence: Mapping[str, Confidence]
    lesion_probability: CompressedSparseArray | None
    probabilities: Mapping[str, CompressedSparseArray]

    def without(self, keys: Sequence[str], classes: Sequence[str]) -> Prediction:
        """A copy in which some classes other than lesions were not found anywhere.

        Args:
            keys: The classes; those that it does not know have no effect.
            classes: Its classes in bit order.
        """
        gone = [k for k, key in enumerate(classes) if key in keys]
        if not gone:
            return self
        cleared = np.zeros(self.bits.planes, self.bits.dtype)
        for k in gone:
            cleared[k // BITS_PER_PLANE] |= cleared.dtype.type(1 << k % BITS_PER_PLANE)
        maps = {
            key: CompressedSparseArray(one.undo, one.dtype) if key in keys else one
            for key, one in self.probabilities.items()
        }
        confidence = {key: one for key, one in self.confidence.items() if key not in keys}
        return replace(self, bits=self.bits.without(cleared), confidence=confidence, probabilities=maps)


@dataclass(frozen=True)
class InferencePlan:
    """How the network is run on a CT.

    Args:
        predictor: The network; its channels are the requested classes only.
        thresholds: Class key, in channel order -> probability above which a voxel belongs to the class.
        windows: Positions of the sliding window.
        run: Device, batch size, precision, progress.
        probabilities: Integer type in which probabilities are kept (a key of `omentum.infer.maps.STEPS`), or None.
        among: Keys of all classes of the result in bit order, where a second pass will add some; those of the channels
            by default.
    """

    predictor: Predictor
    thresholds: Mapping[str, float]
    windows: WindowPlan
    run: WindowRun
    probabilities: str | None = None
    among: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Keys of the requested classes, in the order of the channels."""
        return tuple(self.thresholds)

    @property
    def offsets(self) -> list[float]:
        """Logits of the thresholds, by channel."""
        return [logit(threshold) for threshold in self.thresholds.values()]


class Keeps(Protocol):
    """What may change slabs of logits before they become masks; see `Border` and `Neighbourhood`."""

    def keep(self, slabs: Iterable[Slab]) -> Iterator[Slab]:
        """The slabs, in which nothing is positive where nothing may be found."""
        ...


def infer(prepared: Prepared, plan: InferencePlan, border: Keeps | None = None) -> Prediction:
    """Predict packed masks on the CT's own grid, plane by plane as windows are finished.

    Args:
        prepared: The CT.
        plan: Network, windows, thresholds, device.
        border: Border of the segmented region; the whole CT by default.
    """
    undo, classes = prepared.undo, plan.among or plan.classes
    bits = CompressedSparseArray(undo, bits_dtype(len(classes)), (planes_for(len(classes)),))
    probability = CompressedSparseArray(undo, np.dtype(np.uint8)) if any(map(_is_lesion, classes)) else None
    found = Prediction(bits, {}, probability, _no_probabilities(undo, plan.probabilities, classes))
    return replace(found, confidence=infer_into(found, classes, prepared, plan, border))


def infer_into(
    found: Prediction, classes: Sequence[str], prepared: Prepared, plan: InferencePlan, border: Keeps | None = None
) -> dict[str, Confidence]:
    """Add what a network predicts to a prediction.

    Args:
        found: Prediction for the same CT; its arrays are added to.
        classes: Its classes, in bit order; those of the plan are among them.
        prepared: The CT, or a part of it, on the grid of the network.
        plan: See `infer`.
        border: See `infer`.

    Returns:
        Confidence of every class of the plan that has voxels.
    """
    own = plan.classes
    lesions = [k for k, key in enumerate(own) if _is_lesion(key)]
    places = [list(classes).index(key) for key in own]
    tally, agreement = Tally(len(own), lesions, plan.offsets), WindowAgreement()
    predict = above_thresholds(plan.predictor, plan.offsets)
    image = prepared.tensor[0] if prepared.tensor.shape[1] > 1 else prepared.tensor[0, 0]
    slabs = sliding_slabs(image, predict, plan.windows, plan.run, agreement)
    maps = _maps(found.probabilities, plan)
    axes = _axes(prepared.undo)
    for part in pack_slabs(border.keep(slabs) if border else slabs, axes, sample_along, tally, maps):
        found.bits.add(part.box, _moved(part.bits, places, len(classes)))
        if found.lesion_probability is not None and part.probability is not None:
            found.lesion_probability.add(*part.probability)
    return _confidence(own, tally, agreement)


def _is_lesion(key: str) -> bool:
    return STRUCTURES[key].is_lesion


def _moved(bits: Bits, places: Sequence[int], number: int) -> Bits:
    """Bits of some classes at their places among all classes; classes that stay side by side are moved together."""
    if list(places) == list(range(len(places))) and planes_for(number) == len(bits):
        return bits
    out = no_bits(number, bits.shape[1:])
    first = 0
    for k in range(1, len(places) + 1):
        at, to = divmod(first, BITS_PER_PLANE), divmod(places[first], BITS_PER_PLANE)
        runs_on = k < len(places) and places[k] == places[k - 1] + 1
        if runs_on and k % BITS_PER_PLANE and places[k] % BITS_PER_PLANE:
            continue
        run = (bits[at[0]] >> at[1]) & ((1 << (k - first)) - 1)
        out[to[0]] |= run.astype(out.dtype) << to[1]
        first = k
    return out


def _no_probabilities(undo: Undo, kind: str | None, classes: Sequence[str]) -> dict[str, CompressedSparseArray]:
    return {} if kind is None else {key: CompressedSparseArray(undo, np.dtype(kind)) for key in classes}


def _maps(arrays: Mapping[str, CompressedSparseArray], plan: InferencePlan) -> ProbabilityMaps | None:
    """What fills the arrays for the probabilities of each class; None where they are not kept."""
    if plan.probabilities is None:
        return None
    own = [arrays[key] for key in plan.classes]
    return ProbabilityMaps(plan.probabilities, plan.offsets, lambda k, box, part: own[k].add(box, part))


def _confidence(classes: tuple[str, ...], tally: Tally, agreement: WindowAgreement) -> dict[str, Confidence]:
    """Confidence of every class that has voxels."""
    columns = (tally.mean_probability(), tally.unsure_share(), agreement.disagreement())
    rows = zip(classes, *(column.tolist() for column in columns), strict=True)
    known = {key: [None if math.isnan(x) else round(x, 4) for x in numbers] for key, *numbers in rows}
    return {key: Confidence(*numbers) for key, numbers in known.items() if numbers[0] is not None}


def _axes(undo: Undo) -> tuple[AxisPositions, AxisPositions, AxisPositions]:
    x, y, z = (AxisPositions(p, n) for p, n in zip(undo.positions, undo.model.shape, strict=True))
    return x, y, z
