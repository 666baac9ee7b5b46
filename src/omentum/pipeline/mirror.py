"""Detection of mirrored images: if the first prediction is doubtful, the mirror image is segmented as well.

Networks are trained on bodies with the liver on the right. In a mirrored body they find only part of the liver, with
part of a spleen in its place and lower probabilities; in the mirror image of such a body, probabilities are as high as
usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from omentum.infer.windows import plan_windows
from omentum.json_values import from_json_values
from omentum.pipeline.inference import InferencePlan, infer
from omentum.preprocess.prepare import Prepared
from omentum.quality import Confidence

DOUBTED = "liver"
LATERALISED = (DOUBTED, "spleen", "stomach", "aorta", "inferior_vena_cava")
"""Structures on one side of the body, or with a different shape on each side."""
SURE = 0.92
"""Threshold for the mean probability of the liver: 0.94 to 0.96 in nine bodies, 0.85 to 0.90 in their mirror images."""
CLEARER = 0.02
"""Smallest relevant difference of mean probabilities."""
AGREE = 3
"""Minimum number of structures that must be clearer in the mirror image, including the liver, with none less clear."""
OVERLAP = 0.25
"""Window overlap in the mirror image, where smooth masks are not needed."""


@dataclass(frozen=True)
class MirrorCheck:
    """Result of the check.

    Args:
        checked: Whether the mirror image was segmented.
        clearer: Structure recognised better in the mirror image -> mean probability as stored, and mirrored.
        mirrored: Whether the image (or the body, situs inversus) is mirrored.
    """

    checked: bool
    clearer: Mapping[str, tuple[float, float]]
    mirrored: bool

    def to_json(self) -> dict[str, Any]:
        """Convert to the entry of the manifest, in JSON values."""
        clearer = {key: list(pair) for key, pair in self.clearer.items()}
        return {"checked": self.checked, "clearer_mirrored": clearer, "mirrored": self.mirrored}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> MirrorCheck:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        values = {key: value for key, value in raw.items() if key != "clearer_mirrored"}
        return from_json_values(cls, values | {"clearer": raw["clearer_mirrored"]})


def check_mirror_image(prepared: Prepared, plan: InferencePlan, seen: Mapping[str, Confidence]) -> MirrorCheck:
    """Segment the mirror image if the first prediction is doubtful.

    Args:
        prepared: The CT.
        plan: Plan of the first prediction.
        seen: Confidence of the first prediction, by key.
    """
    if DOUBTED not in seen or _sure(seen, DOUBTED) >= SURE or len(set(LATERALISED) & set(plan.classes)) < AGREE:
        return MirrorCheck(False, {}, False)
    (across,) = (axis for axis, (world, _) in enumerate(prepared.undo.model.axis_directions()) if world == 0)
    flipped = replace(prepared, tensor=prepared.tensor.flip(2 + across))
    windows = plan_windows(prepared.undo.model.shape, plan.windows.patch, OVERLAP)
    progress, before = plan.run.progress, len(plan.windows)
    run = replace(plan.run, progress=progress and (lambda done, of: progress(before + done, before + of)))
    again = infer(flipped, replace(plan, windows=windows, run=run, probabilities=None)).confidence
    return compare(seen, again)


def compare(seen: Mapping[str, Confidence], again: Mapping[str, Confidence]) -> MirrorCheck:
    """Compare the confidence in the stored and the mirrored image.

    Args:
        seen: Confidence in the image as stored, by key.
        again: Confidence in its mirror image, by key.
    """
    pairs = {key: (_sure(seen, key), _sure(again, key)) for key in LATERALISED if key in seen or key in again}
    clearer = {key: pair for key, pair in pairs.items() if pair[1] - pair[0] >= CLEARER}
    against = any(pair[0] - pair[1] >= CLEARER for pair in pairs.values())
    return MirrorCheck(True, clearer, DOUBTED in clearer and len(clearer) >= AGREE and not against)


def _sure(confidence: Mapping[str, Confidence], key: str) -> float:
    found = confidence.get(key)
    return 0.0 if found is None or found.mean_probability is None else found.mean_probability
