"""What predicts the structures that are proposed or audited, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omentum.option_fields import Group, option
from omentum.pipeline.batch.options import WeightsChoice
from omentum.pipeline.options import PROFILES, SegmentOptions


@dataclass(frozen=True)
class InferenceOptions(WeightsChoice):
    """Weights and options of predictions whose probabilities are kept.

    Args:
        weights: See `WeightsChoice`.
        classes: Structures to predict, as in `SegmentOptions`; all of the weights by default.
        profile: Speed against thoroughness, see `SegmentOptions`.
        device: See `SegmentOptions`.
    """

    classes: tuple[str, ...] | None = field(
        default=None, metadata=option("only these: liver,kidneys; see omentum classes", Group.FIND, metavar="NAMES")
    )
    profile: str = field(default="exact", metadata=option("speed against thoroughness", Group.HOW, choices=PROFILES))
    device: str = field(
        default="auto", metadata=option("auto, cpu, cuda, mps", Group.HOW, metavar="DEVICE", is_rare=True)
    )

    def segmenting(self, **more: Any) -> SegmentOptions:
        """Options of each prediction; a comma-separated string of classes becomes a tuple there.

        Args:
            **more: Further fields of `SegmentOptions`.
        """
        return SegmentOptions(self.classes, self.device, profile=self.profile, probabilities="uint8", **more)
