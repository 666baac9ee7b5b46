"""Is left where the header says? A second look, at the mirror image, where the first one makes that doubtful.

Networks know bodies with the liver on the right. In a mirrored one they find part of it, part of the spleen where the
liver is, and are less sure of all of it; in the mirror image of such a body they are as sure as always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from omentum.infer.windows import plan_windows
from omentum.pipeline.inference import InferencePlan, infer
from omentum.preprocess.prepare import Prepared
from omentum.quality import Confidence

DOUBTED = "liver"
LATERALISED = (DOUBTED, "spleen", "stomach", "aorta", "inferior_vena_cava")
"""What has its place on one side, or is of another shape on either."""
SURE = 0.92
"""Mean probability of the liver. In nine bodies it was 0.94 to 0.96, in the same ones mirrored 0.85 to 0.90."""
CLEARER = 0.02
"""Difference of mean probabilities that says something."""
AGREE = 3
"""So many structures must be clearer in the mirror image, the liver among them, and none less clear."""
OVERLAP = 0.25
"""Of the windows of the second look, which needs no smooth masks."""


@dataclass(frozen=True)
class MirrorCheck:
    """What the second look came to.

    Args:
        checked: Whether there was one.
        clearer: Structures that are clearer in the mirror image: mean probability as stored, and mirrored.
        mirrored: Whether they say that the image is mirrored, or the body.
    """

    checked: bool
    clearer: Mapping[str, tuple[float, float]]
    mirrored: bool

    def to_json(self) -> dict[str, Any]:
        """JSON values only: the part of the manifest about this."""
        clearer = {key: list(pair) for key, pair in self.clearer.items()}
        return {"checked": self.checked, "clearer_mirrored": clearer, "mirrored": self.mirrored}


def check_mirror_image(prepared: Prepared, plan: InferencePlan, seen: Mapping[str, Confidence]) -> MirrorCheck:
    """Look again if the first look leaves doubt.

    Args:
        prepared: The CT.
        plan: How it was looked at.
        seen: How sure the network was of what it found.
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
    """What is clearer in which of two looks.

    Args:
        seen: As stored.
        again: Mirrored.
    """
    pairs = {key: (_sure(seen, key), _sure(again, key)) for key in LATERALISED if key in seen or key in again}
    clearer = {key: pair for key, pair in pairs.items() if pair[1] - pair[0] >= CLEARER}
    against = any(pair[0] - pair[1] >= CLEARER for pair in pairs.values())
    return MirrorCheck(True, clearer, DOUBTED in clearer and len(clearer) >= AGREE and not against)


def _sure(confidence: Mapping[str, Confidence], key: str) -> float:
    found = confidence.get(key)
    return 0.0 if found is None or found.mean_probability is None else found.mean_probability
