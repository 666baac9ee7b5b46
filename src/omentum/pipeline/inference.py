"""What the network says of a prepared CT, on the CT's own grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.infer.confidence import Agreement, Tally
from omentum.infer.locate import Border
from omentum.infer.sliding import Predictor, WindowRun, sliding_slabs
from omentum.infer.stream import AxisPositions, pack_slabs
from omentum.infer.windows import WindowPlan
from omentum.pipeline.deflated import DeflatedArray
from omentum.preprocess.grid import Undo
from omentum.preprocess.prepare import Prepared
from omentum.preprocess.resample import sample_along
from omentum.report import Confidence
from omentum.segmentation import bits_dtype, planes_for


@dataclass(frozen=True, eq=False)
class Inferred:
    """What the network said, before cleaning; see `CaseSegmentation`."""

    bits: DeflatedArray
    confidence: Mapping[str, Confidence]
    lesion_probability: DeflatedArray | None


@dataclass(frozen=True)
class Look:
    """How to look at a CT.

    Args:
        predict: The network, with only the wanted classes as its channels.
        classes: Their keys.
        plan: The windows.
        run: Device, batch size, precision, progress.
    """

    predict: Predictor
    classes: tuple[str, ...]
    plan: WindowPlan
    run: WindowRun


def infer(prepared: Prepared, look: Look, border: Border | None = None) -> Inferred:
    """Packed masks on the CT's own grid; written plane by plane as the windows are done.

    Args:
        prepared: The CT.
        look: See there.
        border: Of the region that is looked at; everything by default.
    """
    undo, classes = prepared.undo, look.classes
    lesions = [k for k, key in enumerate(classes) if STRUCTURES[key].is_lesion]
    bits = DeflatedArray(undo, bits_dtype(len(classes)), (planes_for(len(classes)),))
    probability = DeflatedArray(undo, np.dtype(np.uint8)) if lesions else None
    tally, agreement = Tally(len(classes), lesions), Agreement()
    slabs = sliding_slabs(prepared.tensor[0, 0], look.predict, look.plan, look.run, agreement)
    for part in pack_slabs(border.keep(slabs) if border else slabs, _axes(undo), sample_along, tally):
        bits.add(part.box, part.bits)
        if probability is not None and part.probability is not None:
            probability.add(*part.probability)
    return Inferred(bits, _confidence(classes, tally, agreement), probability)


def _confidence(classes: tuple[str, ...], tally: Tally, agreement: Agreement) -> dict[str, Confidence]:
    """Of the classes with a voxel."""
    columns = (tally.mean_probability(), tally.unsure_share(), agreement.disagreement())
    rows = zip(classes, *(column.tolist() for column in columns), strict=True)
    known = {key: [None if math.isnan(x) else round(x, 4) for x in numbers] for key, *numbers in rows}
    return {key: Confidence(*numbers) for key, numbers in known.items() if numbers[0] is not None}


def _axes(undo: Undo) -> tuple[AxisPositions, AxisPositions, AxisPositions]:
    x, y, z = (AxisPositions(p, n) for p, n in zip(undo.positions, undo.model.shape, strict=True))
    return x, y, z
