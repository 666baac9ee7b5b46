"""What an extension gained and lost: Dice of every structure before and after, and the six axes they are judged by.

The axes are those of surveys on continual learning in segmentation (e.g. arXiv:2605.06160): performance, forgetting,
plasticity, forward generalisation, parameter efficiency, replay burden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

import numpy as np

from omentum.data.sampling.cases import LabelledCase
from omentum.json_values import from_json_values
from omentum.model import UniversalModel
from omentum.schemas import Schema, read_stamped, stamped
from omentum.spec import Trust
from omentum.train.extend.options import Protection
from omentum.train.validate import case_dice, mean_of_cases

WEAK_BELOW = 0.5
"""Mean Dice of a new structure on held-out cases below which the weights are recorded as weak with it."""


class Reference(StrEnum):
    """What the Dice of a structure is measured against."""

    TRUTH = "truth"
    """Annotated cases that were not trained on."""
    PARENT = "parent"
    """The parent's own confident predictions in held-out cases: shows change, not quality."""
    NOTHING = "nothing"
    """No case to measure it in."""


@dataclass(frozen=True)
class StructureChange:
    """One structure before and after.

    Args:
        key: The structure.
        is_new: Whether it was added.
        reference: What it was measured against.
        cases: Number of cases.
        before: Mean Dice of the parent; of a new structure, of the parent given its words alone. None: not measured.
        after: Mean Dice of the extended model.
    """

    key: str
    is_new: bool
    reference: Reference
    cases: int
    before: float | None
    after: float | None

    @property
    def lost(self) -> float:
        """Dice lost; negative if gained, 0 if not measured."""
        return 0.0 if self.before is None or self.after is None else self.before - self.after


@dataclass(frozen=True)
class Axes:
    """The six axes; Dice are means over structures, None where nothing was measured.

    Args:
        performance: Dice of all structures after.
        forgetting: Dice that known structures lost.
        worst_forgetting: The largest loss of a known structure.
        plasticity: Dice of the new structures after.
        forward_generalisation: Dice of the new structures from their words alone, before training.
        parameter_growth: Parameters added in all extensions, as a share of the network.
        replayed_cases: Cases of known structures that were trained on again.
        passes: Passes through the backbone for all structures together.
    """

    performance: float | None
    forgetting: float | None
    worst_forgetting: float | None
    plasticity: float | None
    forward_generalisation: float | None
    parameter_growth: float
    replayed_cases: int
    passes: int


@dataclass(frozen=True)
class Extension:
    """A model with further structures.

    Args:
        path: The checkpoint; None if it was not written.
        parent: Name of the parent.
        parent_sha256: Hash of its tensors.
        added: Keys of the new structures.
        made: Those of them for which a structure was made from the words.
        protection: How the known ones were kept.
        structures: All structures, in channel order.
        axes: The six axes.
        pseudo_labels: Known structure -> number of training cases with a pseudo-label of it.
        steps: Training steps.
    """

    path: str | None
    parent: str
    parent_sha256: str
    added: tuple[str, ...]
    made: tuple[str, ...]
    protection: Protection
    structures: tuple[StructureChange, ...]
    axes: Axes
    pseudo_labels: Mapping[str, int]
    steps: int

    def forgotten(self, allowed: float) -> tuple[StructureChange, ...]:
        """Known structures that lost more Dice than allowed, the worst first."""
        found = [row for row in self.structures if not row.is_new and row.lost > allowed]
        return tuple(sorted(found, key=lambda row: -row.lost))

    def to_json(self) -> dict[str, Any]:
        """JSON-serialisable values."""
        return stamped(Schema.EXTENSION, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Extension:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, read_stamped(raw, Schema.EXTENSION))


@dataclass(frozen=True, eq=False)
class ReferenceCase:
    """A case that was not trained on.

    Args:
        case: With all classes of the extended model, known ones first.
        pseudo: Keys of the structures whose labels are the parent's.
    """

    case: LabelledCase
    pseudo: frozenset[str] = frozenset()


Figures = dict[tuple[str, Reference], tuple[float, int]]
"""Structure and reference -> mean Dice and number of cases."""


def measured(
    model: UniversalModel, cases: Sequence[ReferenceCase], progress: Callable[[int, int], None] | None = None
) -> Figures:
    """Mean Dice by structure, apart for true labels and for the parent's.

    Args:
        model: With the classes of the cases, in their order.
        cases: To predict.
        progress: Called with the cases done and their total.
    """

    def each() -> Iterator[tuple[tuple[str, Reference], float]]:
        for number, one in enumerate(cases):
            if progress:
                progress(number, len(cases))
            for key, dice in case_dice(model, one.case, bf16=False).items():
                yield (key, Reference.PARENT if key in one.pseudo else Reference.TRUTH), dice

    return mean_of_cases(each())


def changes(
    classes: Sequence[str], added: Sequence[str], before: Figures, after: Figures
) -> tuple[StructureChange, ...]:
    """One row per structure; the truth counts where there is any."""
    rows = []
    for key in classes:
        reference = next((r for r in (Reference.TRUTH, Reference.PARENT) if (key, r) in after), Reference.NOTHING)
        dice, cases = after.get((key, reference), (None, 0))
        first = before.get((key, reference), (None, 0))[0]
        rows.append(StructureChange(key, key in added, reference, cases, first, dice))
    return tuple(rows)


def axes_of(rows: Sequence[StructureChange], *, growth: float, replayed: int, passes: int) -> Axes:
    """The six axes of some changes."""
    known, new = [r for r in rows if not r.is_new], [r for r in rows if r.is_new]
    lost = [row.lost for row in known if row.after is not None and row.before is not None]
    return Axes(
        performance=_mean([row.after for row in rows]),
        forgetting=_mean(lost),
        worst_forgetting=max(lost, default=None),
        plasticity=_mean([row.after for row in new]),
        forward_generalisation=_mean([row.before for row in new]),
        parameter_growth=growth,
        replayed_cases=replayed,
        passes=passes,
    )


def trust_of(change: StructureChange) -> Trust:
    """Trust in a new structure: a few held-out cases can show that it is weak, not that it is reliable."""
    if change.after is None:
        return Trust.UNKNOWN
    return Trust.NOT_FOUND if change.after == 0 else Trust.WEAK if change.after < WEAK_BELOW else Trust.UNKNOWN


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return fmean(known) if known else None
