"""What happens to one corrected mask: accepted, left alone, or refused with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.annotate.accept.options import AcceptOptions
from omentum.data.correction_records import CaseCorrections, CorrectionRecord
from omentum.data.corrections import mask_sha256
from omentum.data.label_precedence import LabelSource
from omentum.evaluate.metrics.overlap import Overlap, dice, overlap

Mask = NDArray[np.bool_]

UNLIKE_DICE, LIKE_DICE = 0.2, 0.6
"""A correction this unlike its own proposal and this like that of another case belongs to the other case."""

REVERSED_GAIN = 0.3
"""So much more Dice with the proposal, when reversed along an axis, that corrections are reversed."""


class AcceptStatus(StrEnum):
    """What happened to a corrected structure."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    """Equals the proposal; accepted only on request."""
    KNOWN = "known"
    """Accepted earlier, with the same mask."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Verdict:
    """What happens to a corrected mask.

    Args:
        status: See `AcceptStatus`.
        reason: Why it is not accepted, with the remedy; "" for an accepted one.
        changed_voxels: Voxels that differ from the proposal.
        replaced: Label that it replaces.
    """

    status: AcceptStatus
    reason: str
    changed_voxels: int
    replaced: LabelSource | None = None


@dataclass(frozen=True)
class KnownLabels:
    """Labels that a case has already.

    Args:
        annotated: Structures annotated by the dataset.
        corrections: Earlier corrections; None without any.
    """

    annotated: frozenset[str]
    corrections: CaseCorrections | None

    def earlier(self, key: str) -> CorrectionRecord | None:
        """Record of an earlier correction of a structure."""
        return None if self.corrections is None else self.corrections.current.get(key)


def judge(key: str, mask: Mask, proposal: Mask, known: KnownLabels, options: AcceptOptions) -> Verdict:
    """Decide about a corrected mask.

    Args:
        key: Structure key.
        mask: The corrected mask, bool [i, j, k].
        proposal: The proposed mask.
        known: Labels that the case has already.
        options: What may be accepted and replaced.
    """
    changed = int(np.count_nonzero(mask ^ proposal))
    earlier = known.earlier(key)
    if earlier is not None and earlier.mask_sha256 == mask_sha256(mask):
        return Verdict(AcceptStatus.KNOWN, f"accepted earlier, by {earlier.by}", changed)
    if changed == 0 and not options.unchanged:
        return Verdict(AcceptStatus.UNCHANGED, "equals the proposal; --unchanged accepts it", changed)
    if earlier is not None and not options.replace:
        told = f"corrected earlier, by {earlier.by} on {earlier.when[:10]}, in another way; --replace takes the new one"
        return Verdict(AcceptStatus.REFUSED, told, changed)
    if earlier is not None:
        return Verdict(AcceptStatus.ACCEPTED, "", changed, LabelSource.CORRECTED)
    if key in known.annotated:
        if options.replace_truth:
            return Verdict(AcceptStatus.ACCEPTED, "", changed, LabelSource.TRUTH)
        told = "annotated by the dataset; --replace-truth takes the correction instead"
        return Verdict(AcceptStatus.REFUSED, told, changed)
    return Verdict(AcceptStatus.ACCEPTED, "", changed)


def fits_the_other_side(key: str, masks: Mapping[str, Mask], proposals: Mapping[str, Mask]) -> bool:
    """Whether a correction of one side lies where the other side was proposed."""
    other = STRUCTURES[key].pair
    if other is None or key not in masks or not masks[key].any() or key not in proposals or other not in proposals:
        return False
    own = dice(masks[key], proposals[key])
    return own < UNLIKE_DICE and dice(masks[key], proposals[other]) > LIKE_DICE


def reversed_axis(masks: Mapping[str, Mask], proposals: Mapping[str, Mask]) -> int | None:
    """The axis along which corrections are the proposals reversed, as a map with a wrong affine is; or None.

    Paired structures do not count: both sides of a proposal may be swapped (see `fits_the_other_side`).

    Args:
        masks: Corrections, bool [i, j, k].
        proposals: Proposed masks.
    """
    keys = [key for key in masks if key in proposals and STRUCTURES[key].pair is None]
    own = _joint_dice((masks[key] for key in keys), (proposals[key] for key in keys))
    if own is None or own > 1 - REVERSED_GAIN:
        return None
    for axis in range(3):
        found = _joint_dice((np.flip(masks[key], axis) for key in keys), (proposals[key] for key in keys))
        if found is not None and found > LIKE_DICE and found - own > REVERSED_GAIN:
            return axis
    return None


def _joint_dice(masks: Iterable[Mask], others: Iterable[Mask]) -> float | None:
    """Dice of all masks together; None without a voxel."""
    return sum(map(overlap, masks, others), Overlap()).dice


def belongs_elsewhere(masks: Mapping[str, Mask], own: Mapping[str, Mask], other: Mapping[str, Mask]) -> bool:
    """Whether corrections fit the proposals of another case and not those of their own.

    Args:
        masks: Corrections by key.
        own: Proposals of their case, by key.
        other: Proposals of the other case on the same grid, by key.
    """
    keys = [key for key, mask in masks.items() if mask.any() and key in own and key in other]
    if not keys:
        return False
    to_own, to_other = (np.mean([dice(masks[key], of[key]) for key in keys]) for of in (own, other))
    return bool(to_own < UNLIKE_DICE and to_other > LIKE_DICE)
