"""Options of `omentum annotate propose`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from omentum.annotate.inference_options import InferenceOptions
from omentum.option_fields import Group, option
from omentum.pipeline.options import SaveOptions, SegmentOptions

OTHER_WINDOWS = {"exact": "fast", "balanced": "fast", "best": "exact", "fast": "balanced"}
"""Profile whose windows lie elsewhere: the second view of a single model."""


@dataclass(frozen=True)
class ProposeOptions(InferenceOptions):
    """How proposals are made and what is written.

    Args:
        weights, classes, profile, device: See `InferenceOptions`; of several weights each predicts for itself, and the
            proposal is their mean.
        force: Accept images that do not look like CT in HU.
        second_view: With a single model, predict once more with other windows, to see where the two differ.
        annotated: Also propose structures that are annotated or accepted already.
        masks: Also write a mask of each structure as NIfTI.
        monai_label: Also write a folder that MONAI Label serves as a local data store.
        overwrite: Replace proposals made otherwise; corrections not accepted yet are never replaced.
    """

    annotated: bool = field(
        default=False, metadata=option("also structures that are annotated or accepted already", Group.FIND)
    )
    force: bool = field(
        default=False, metadata=option("accept an image that does not look like a CT in HU", Group.INPUT, is_rare=True)
    )
    second_view: bool = field(
        default=True,
        metadata=option("with one model, predict again with other windows, to see where they differ", Group.HOW),
    )
    masks: bool = field(default=True, metadata=option("a NIfTI mask of each structure", Group.OUTPUT))
    monai_label: bool = field(
        default=False, metadata=option("also monai_label/, a data store for MONAI Label", Group.OUTPUT)
    )
    overwrite: bool = field(default=False, metadata=option("replace proposals made otherwise", Group.OUTPUT))

    def views(self) -> list[ViewPlan]:
        """Predictions to make, the first one first."""
        segmenting = self.segmenting(force=self.force)
        plans = [ViewPlan(f"{n}_model", w, segmenting) for n, w in enumerate(self.weights, start=1)]
        if len(plans) == 1 and self.second_view:
            other = replace(segmenting, profile=OTHER_WINDOWS[self.profile])
            plans.append(ViewPlan("1_other_windows", self.weights[0], other, is_model=False))
        return plans


@dataclass(frozen=True)
class ViewPlan:
    """One prediction of all cases.

    Args:
        name: Of its folder.
        weights: Name or checkpoint file.
        segmenting: Options of the prediction.
        is_model: Whether it counts towards the proposal; a second look of the same model only shows disagreement.
    """

    name: str
    weights: str
    segmenting: SegmentOptions
    is_model: bool = True


SAVED = SaveOptions(preview=False, report=False)
"""Outputs of each prediction."""
