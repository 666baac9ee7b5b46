"""Status of one structure in one case, which decides which metrics are defined."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Outcome for one structure in one case; only the last three have metrics."""

    NOT_ANNOTATED = "not_annotated"
    """Not annotated in the reference: a prediction is neither right nor wrong."""
    TRUE_NEGATIVE = "true_negative"
    """Annotated, absent and not predicted: correct, but no overlap is defined."""
    FALSE_POSITIVE = "false_positive"
    FALSE_NEGATIVE = "false_negative"
    EVALUATED = "evaluated"
    """Present in both, even if they do not overlap."""

    @property
    def is_evaluated(self) -> bool:
        """Whether the structure is annotated in the reference."""
        return self is not Status.NOT_ANNOTATED

    @property
    def counts(self) -> bool:
        """Whether the case enters means (misses and false positives do, with a Dice of 0)."""
        return self not in (Status.NOT_ANNOTATED, Status.TRUE_NEGATIVE)


def status(*, annotated: bool, predicted_voxels: int, reference_voxels: int) -> Status:
    """Determine the status of one structure in one case.

    Args:
        annotated: Whether the reference declares the structure as annotated, present or not.
        predicted_voxels: Number of voxels of the predicted mask.
        reference_voxels: Number of voxels of the reference mask.
    """
    if not annotated:
        return Status.NOT_ANNOTATED
    if predicted_voxels and reference_voxels:
        return Status.EVALUATED
    if predicted_voxels:
        return Status.FALSE_POSITIVE
    return Status.FALSE_NEGATIVE if reference_voxels else Status.TRUE_NEGATIVE
