"""The network's prediction for a prepared CT, on the CT's own grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.infer.confidence import Tally, WindowAgreement
from omentum.infer.maps import ProbabilityMaps
from omentum.infer.regions import Border
from omentum.infer.sliding import Predictor, WindowRun, sliding_slabs
from omentum.infer.stream import AxisPositions, pack_slabs
from omentum.infer.windows import WindowPlan
from omentum.pipeline.compressed_array import CompressedSparseArray
from omentum.pipeline.thresholds import above_thresholds, logit
from omentum.preprocess.grid import Undo
from omentum.preprocess.prepare import Prepared
from omentum.preprocess.resample import sample_along
from omentum.quality import Confidence
from omentum.segmentation import bits_dtype, planes_for


@dataclass(frozen=True, eq=False)
class Prediction:
    """The network's prediction before post-processing; fields as in `CaseSegmentation`."""

    bits: CompressedSparseArray
    confidence: Mapping[str, Confidence]
    lesion_probability: CompressedSparseArray | None
    probabilities: Mapping[str, CompressedSparseArray]


@dataclass(frozen=True)
class InferencePlan:
    """How the network is run on a CT.

    Args:
        predictor: The network; its channels are the requested classes only.
        thresholds: Class key, in channel order -> probability above which a voxel belongs to the class.
        windows: Positions of the sliding window.
        run: Device, batch size, precision, progress.
        probabilities: Integer type in which probabilities are kept (a key of `omentum.infer.maps.STEPS`), or None.
    """

    predictor: Predictor
    thresholds: Mapping[str, float]
    windows: WindowPlan
    run: WindowRun
    probabilities: str | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Keys of the requested classes, in the order of the channels."""
        return tuple(self.thresholds)

    @property
    def offsets(self) -> list[float]:
        """Logits of the thresholds, by channel."""
        return [logit(threshold) for threshold in self.thresholds.values()]


def infer(prepared: Prepared, plan: InferencePlan, border: Border | None = None) -> Prediction:
    """Predict packed masks on the CT's own grid, plane by plane as windows are finished.

    Args:
        prepared: The CT.
        plan: Network, windows, thresholds, device.
        border: Border of the segmented region; the whole CT by default.
    """
    undo, classes = prepared.undo, plan.classes
    lesions = [k for k, key in enumerate(classes) if STRUCTURES[key].is_lesion]
    bits = CompressedSparseArray(undo, bits_dtype(len(classes)), (planes_for(len(classes)),))
    probability = CompressedSparseArray(undo, np.dtype(np.uint8)) if lesions else None
    tally, agreement = Tally(len(classes), lesions, plan.offsets), WindowAgreement()
    predict = above_thresholds(plan.predictor, plan.offsets)
    slabs = sliding_slabs(prepared.tensor[0, 0], predict, plan.windows, plan.run, agreement)
    kept, maps = _maps(undo, plan)
    for part in pack_slabs(border.keep(slabs) if border else slabs, _axes(undo), sample_along, tally, maps):
        bits.add(part.box, part.bits)
        if probability is not None and part.probability is not None:
            probability.add(*part.probability)
    return Prediction(bits, _confidence(classes, tally, agreement), probability, kept)


def _maps(undo: Undo, plan: InferencePlan) -> tuple[dict[str, CompressedSparseArray], ProbabilityMaps | None]:
    """Arrays for the probabilities of each class, and the object that fills them."""
    if plan.probabilities is None:
        return {}, None
    arrays = [CompressedSparseArray(undo, np.dtype(plan.probabilities)) for _ in plan.classes]
    maps = ProbabilityMaps(plan.probabilities, plan.offsets, lambda k, box, part: arrays[k].add(box, part))
    return dict(zip(plan.classes, arrays, strict=True)), maps


def _confidence(classes: tuple[str, ...], tally: Tally, agreement: WindowAgreement) -> dict[str, Confidence]:
    """Confidence of every class that has voxels."""
    columns = (tally.mean_probability(), tally.unsure_share(), agreement.disagreement())
    rows = zip(classes, *(column.tolist() for column in columns), strict=True)
    known = {key: [None if math.isnan(x) else round(x, 4) for x in numbers] for key, *numbers in rows}
    return {key: Confidence(*numbers) for key, numbers in known.items() if numbers[0] is not None}


def _axes(undo: Undo) -> tuple[AxisPositions, AxisPositions, AxisPositions]:
    x, y, z = (AxisPositions(p, n) for p, n in zip(undo.positions, undo.model.shape, strict=True))
    return x, y, z
