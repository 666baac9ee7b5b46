"""What correcting a proposal is expected to bring, what it costs, and in which order to correct.

Gain is 1 - expected Dice: what a perfect correction adds to the mean Dice over all structures of all cases. Effort is
the time of a person who opens the structure, looks at its slices and repaints what is wrong. Structures are corrected
by gain per minute, the greedy rule for the highest mean Dice at any time at which the work is stopped.

Expected Dice mixes two possibilities by the quality score q, the probability that the Dice is 0.7 or more
(`omentum.quality.score`):

- The mask is good. Then its Dice is 2 t / (2 t + w) with t probable voxels inside and w voxels expected to be wrong
  (`Evidence`), and no more than the agreement between views.
- The mask is a failure. Then its Dice is `FAILURE_DICE`, or the former if that is lower.

The same mixture gives the voxels to be changed. The times are judgement, not measurement; only their ratios affect the
order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omentum.annotate.propose.evidence import Evidence

FAILURE_DICE = 0.4
MISSED = 0.5
"""Probability that a structure is there although it was not found, where its surroundings are (quality flag)."""
DISTRUSTED = 0.3
"""The same if the weights have been found to miss this structure (`Trust.WEAK` or `Trust.NOT_FOUND`)."""

OPEN_S = 15.0
"""Find the case, load it, select the structure."""
LOOK_S = 0.5
"""Look at one slice of the structure."""
PAINT_S = 4.0
"""Begin to repaint in one slice."""
PAINT_S_PER_CM2 = 1.5
"""Repaint one square centimetre."""
LEAST_CM2 = 0.25
"""A slice with less expected error than this is not repainted."""
ACCEPT_DICE = 0.95
"""Proposals with this expected Dice are suggested for acceptance as they are."""
LOOK_DICE = 0.85


class Suggestion(StrEnum):
    """What to do with a proposal."""

    ACCEPT = "accept"
    """Expected Dice of at least `ACCEPT_DICE`."""
    LOOK = "look"
    """In between."""
    CORRECT = "correct"
    """Expected Dice below `LOOK_DICE`."""


@dataclass(frozen=True)
class Expectation:
    """What correcting one structure is expected to bring.

    Args:
        dice: Expected Dice of the proposal, 0..1.
        changed_voxels: Voxels a correction is expected to change.
        effort_s: Time for it in seconds.
    """

    dice: float
    changed_voxels: float
    effort_s: float

    @property
    def gain(self) -> float:
        """Expected increase of the Dice."""
        return 1.0 - self.dice

    @property
    def priority(self) -> float:
        """Gain per minute; structures are corrected in descending order of it."""
        return 60.0 * self.gain / self.effort_s

    @property
    def suggestion(self) -> Suggestion:
        """What to do with the proposal."""
        if self.dice >= ACCEPT_DICE:
            return Suggestion.ACCEPT
        return Suggestion.LOOK if self.dice >= LOOK_DICE else Suggestion.CORRECT


def expect(evidence: Evidence, score: float | None, *, overlooked: float, pixel_cm2: float) -> Expectation:
    """Compute gain and effort of one structure.

    Args:
        evidence: What the views say.
        score: Quality score of the proposal, 0..1; None for one without voxels.
        overlooked: If it was not found, the least probability that it is there all the same.
        pixel_cm2: Area of a voxel in a slice, in cm².
    """
    if not evidence.voxels:
        return _of_absent(evidence, overlooked, pixel_cm2)
    quality = 1.0 if score is None else score
    wrong = evidence.wrong_voxels
    likely = 2 * evidence.probable_voxels / (2 * evidence.probable_voxels + wrong) if evidence.probable_voxels else 0.0
    good = likely if evidence.agreement is None else min(likely, evidence.agreement)
    bad = min(good, FAILURE_DICE)
    # Two masks of one size s with Dice d differ in 2 s (1 - d) voxels.
    wrong_if_good = max(wrong, 2 * evidence.voxels * (1 - good))
    wrong_if_bad = max(wrong_if_good, 2 * evidence.voxels * (1 - bad))
    changed = quality * wrong_if_good + (1 - quality) * wrong_if_bad
    return Expectation(quality * good + (1 - quality) * bad, changed, _effort_s(evidence, changed, pixel_cm2))


def _of_absent(evidence: Evidence, overlooked: float, pixel_cm2: float) -> Expectation:
    """A structure that was not found: right with the probability that it is absent."""
    present = max(evidence.peak, overlooked)
    return Expectation(1.0 - present, evidence.wrong_voxels, _effort_s(evidence, evidence.wrong_voxels, pixel_cm2))


def _effort_s(evidence: Evidence, changed: float, pixel_cm2: float) -> float:
    """Time to look at all slices and repaint, with the expected changes spread as the expected errors are."""
    by_slice = evidence.wrong_by_slice
    looked = int((by_slice > 0).sum())
    if not looked:
        return OPEN_S
    wrong_cm2 = by_slice * (pixel_cm2 * changed / max(evidence.wrong_voxels, 1e-9))
    painted = wrong_cm2[wrong_cm2 >= LEAST_CM2]
    return OPEN_S + LOOK_S * looked + PAINT_S * len(painted) + PAINT_S_PER_CM2 * float(painted.sum())
