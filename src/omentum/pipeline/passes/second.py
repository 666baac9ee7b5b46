"""The second pass: another network looks for lesions and thin vessels inside the organs that the first pass found.

A lesion differs from its host by a few HU, hosts differ by a hundred between patients: the network sees HU relative to
the host's median, and the host's mask. It runs only in boxes around the organs (`omentum.spec.RegionSpec`), on a grid
of its own; nothing is found farther from the organs than the region's margin. An organ can be one of its classes, too:
it is then drawn again on the finer grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.infer.blend import Slab
from omentum.infer.regions import OUTSIDE
from omentum.infer.sliding import Predictor, WindowRun
from omentum.infer.windows import plan_windows
from omentum.pipeline.inference import InferencePlan, Prediction, infer_into
from omentum.preprocess.grid import model_grid, nearest_on_model_grid
from omentum.preprocess.organ_crop import SMALLEST_ORGAN_ML, joined, organ_crop, surroundings
from omentum.quality import Confidence
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec, SecondPassSpec
from omentum.volume import Volume

PredictorOf = Callable[[tuple[str, ...]], Predictor]
"""From classes to the network that computes their logits."""


@dataclass(frozen=True, eq=False)
class _Look:
    """A box around an organ.

    Args:
        wanted: Keys of the classes looked for.
        spec: Grid and window.
        median_above_hu: See `RegionSpec`.
        box: On the grid of the second pass.
        inside: The organ, bool [x, y, z] of the box.
        near: Where they may be, alike.
    """

    wanted: tuple[str, ...]
    spec: PreprocessSpec
    median_above_hu: float
    box: Box
    inside: NDArray[np.bool_]
    near: NDArray[np.bool_]


@dataclass(frozen=True)
class SecondPass:
    """A second pass, ready to run.

    Args:
        spec: Its regions and grid.
        predictor_of: Its network; called for each organ.
        thresholds: Keys of the classes wanted -> probability above which a voxel belongs to the class.
        run: Device, batch size, precision.
        overlap: Share of a window that its neighbour covers too.
        probabilities: See `InferencePlan`.
    """

    spec: SecondPassSpec
    predictor_of: PredictorOf
    thresholds: Mapping[str, float]
    run: WindowRun
    overlap: float
    probabilities: str | None = None

    def add_to(self, found: Prediction, classes: Sequence[str], ct: Volume) -> tuple[Prediction, dict[str, Any]]:
        """Add the classes of the second pass to a prediction, in place of what the first pass found of them.

        What the first pass found of a class stays where none of its organs is large enough to be looked at.

        Args:
            found: Of the first pass; its arrays may be added to.
            classes: Its classes in bit order, those of the second pass among them.
            ct: The CT on the grid of `found.bits.upright()`, HU.

        Returns:
            The prediction, and the entry for the manifest.
        """
        preprocess = self.spec.preprocess
        whole = model_grid(ct.grid, preprocess)
        bits = nearest_on_model_grid(found.bits.upright(), ct.grid, preprocess)
        organs = Segmentation(bits, whole.affine, tuple(classes))
        looks = list(self._looks(organs))
        found = found.without([key for look in looks for key in look.wanted], classes)
        confidence, number = dict(found.confidence), 0
        for look in looks:
            prepared = organ_crop(ct, look.inside, whole, look.box, look.spec, look.median_above_hu)
            windows = plan_windows(prepared.undo.model.shape, preprocess.patch, self.overlap).touching(look.near)
            number += len(windows)
            thresholds = {key: self.thresholds[key] for key in look.wanted}
            plan = InferencePlan(self.predictor_of(look.wanted), thresholds, windows, self.run, self.probabilities)
            for key, one in infer_into(found, classes, prepared, plan, Neighbourhood(look.near)).items():
                confidence[key] = _weaker(confidence.get(key), one)
        record = {
            "classes": list(self.thresholds),
            "organs": len(looks),
            "windows": number,
            "spacing_mm": list(preprocess.spacing_mm),
        }
        return replace(found, confidence=confidence), record

    def _looks(self, organs: Segmentation) -> Iterator[_Look]:
        """The boxes around organs in which a class is looked for."""
        for region in self.spec.regions:
            spec = region.preprocess(self.spec.preprocess)
            for part in region.parts:
                wanted = tuple(key for key in region.classes_around(part) if key in self.thresholds)
                if not wanted:
                    continue
                mask = joined(organs.mask(key) for key in part)
                if mask.sum() * organs.grid.voxel_volume_ml >= SMALLEST_ORGAN_ML:
                    box, near = surroundings(mask, region.margin_mm, spec)
                    yield _Look(wanted, spec, region.median_above_hu, box, mask[box].copy(), near)


class Neighbourhood:
    """Keeps what lies near an organ.

    Args:
        near: bool, on the grid of the slabs.
    """

    def __init__(self, near: NDArray[np.bool_]) -> None:
        self._far = torch.from_numpy(~near)

    def keep(self, slabs: Iterable[Slab]) -> Iterator[Slab]:
        """The slabs, in which nothing is positive far from the organ."""
        for slab in slabs:
            far = self._far[..., slab.start : slab.start + slab.sums.shape[-1]]
            slab.sums.masked_fill_(far.to(slab.sums.device), OUTSIDE)
            yield slab


def _weaker(one: Confidence | None, other: Confidence) -> Confidence:
    """Of two organs in which the same class was found, what is less sure of each measure."""
    if one is None:
        return other

    def worst(pick: Callable[..., float], a: float | None, b: float | None) -> float | None:
        return pick(a, b) if a is not None and b is not None else (b if a is None else a)

    return Confidence(
        worst(min, one.mean_probability, other.mean_probability),
        worst(max, one.unsure_share, other.unsure_share),
        worst(max, one.disagreement, other.disagreement),
    )
