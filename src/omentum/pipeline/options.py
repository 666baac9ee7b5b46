"""How cases are segmented, and what is written of them; repeated in every manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from omentum.anatomy.numbering import Numbering
from omentum.errors import UsageError
from omentum.infer.profiles import Profile, find_profile
from omentum.infer.sliding import Precision
from omentum.pipeline.thresholds import Thresholds

Step = Callable[[str], None]
"""Told in a word or two what is begun, e.g. "measuring"."""

RESULT_NEUTRAL_OPTIONS = ("device", "batch")
"""SegmentOptions that say where a case is computed, not what comes out."""


@dataclass(frozen=True)
class SegmentOptions:
    """How cases are segmented.

    Args:
        classes: Structures wanted, by key, synonym or plural, also in one string with commas; all that the weights know
            by default.
        device: auto, cpu, cuda, cuda:1 or mps; a `torch.device` will do.
        precision: Of the network; what the profile says by default.
        batch: Windows per forward pass.
        volume: Which volume of a 4D file.
        assume_orientation: Axis directions such as "RAS" for a file that states none.
        force: Accept an image that does not look like a CT in HU.
        postprocess: omentum cleans by our rules, published by those of the published code, none not at all.
        profile: How thoroughly the CT is looked at; see `omentum.infer.profiles`.
        engine: openvino or torch; auto takes OpenVINO on a CPU where it is installed.
        locate: With `classes`, skip windows that are far from all of them, where a coarse pass finds all of them.
        threshold: Probability above which a voxel belongs to a structure: one for all, or by name (see
            `omentum.pipeline.thresholds`); those of the weights by default, 0.5 where they say nothing.
        probabilities: Keep the probability of every structure, too, as uint8 or uint16; the whole CT is then looked at.
    """

    classes: tuple[str, ...] | None = None
    device: str = "auto"
    precision: Precision | None = None
    batch: int = 1
    volume: int | None = None
    assume_orientation: str | None = None
    force: bool = False
    postprocess: str = "omentum"
    profile: str = "exact"
    locate: bool = True
    engine: str = "auto"
    threshold: Thresholds | None = None
    probabilities: str | None = None

    def __post_init__(self) -> None:
        # What comes of a caller's own objects is words: "liver, kidneys", a `torch.device`.
        words = self.classes.split(",") if isinstance(self.classes, str) else self.classes
        if words is not None:
            if odd := [word for word in words if not isinstance(word, str)]:
                raise UsageError(f"structures are named in words, not by {odd[0]!r}", remedy="see omentum classes")
            object.__setattr__(self, "classes", tuple(word.strip() for word in words if word.strip()))
        object.__setattr__(self, "device", str(self.device))

    def resolved_profile(self) -> Profile:
        """The profile, with the precision asked for.

        Raises:
            UsageError: an unknown profile or precision.
        """
        profile = find_profile(self.profile)
        return profile if self.precision is None else Profile(**asdict(profile) | {"precision": self.precision})


@dataclass(frozen=True)
class SaveOptions:
    """What is written of a case; see `CaseSegmentation.save`."""

    masks: bool = False
    preview: bool = True
    statistics: bool = False
    report: bool = True
    meshes: str | None = None
    overwrite: bool = False
    numbering: Numbering | None = None

    def outputs(self) -> dict[str, Any]:
        """Which files there are, in JSON values."""
        wanted = {**vars(self), "numbering": self.numbering and self.numbering.to_json()}
        del wanted["overwrite"]
        return wanted
