"""Rules that turn comparisons of labels with predictions into suspected faults with a degree of certainty.

A model is often wrong where it differs from a label. Three things tell its errors from faults of labels: its own
quality score in this case, its usual Dice for the structure in the other cases, and whether the difference has the form
of a known fault. Certainties are products of ramps between "says nothing" and "as clear as it gets"; they order the
findings and are no probabilities. docs/how-to/annotate.md lists the rules in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.annotate.audit.comparison import LabelComparison
from omentum.formatting import volume
from omentum.quality.ct_flags import CLEAR_DISTANCE
from omentum.quality.limits import QUALITY_RULES
from omentum.spec import Trust
from omentum.volume import Grid

LEAST_SURE = 0.05
"""Findings below this are left out."""
IN_PIECES = 0.6
"""Weight of loose pieces of a structure that need not be one piece, such as bowel and vessels."""
TRUSTED = {Trust.RELIABLE: 1.0, Trust.UNKNOWN: 0.8, Trust.WEAK: 0.5, Trust.NOT_FOUND: 0.2}
"""Weight of a lesion that the model found and the label does not have."""


class FaultKind(StrEnum):
    """Kinds of faults."""

    LESION_EMPTY = "lesion empty"
    """Annotated without a voxel, but the model sees a lesion, or one is said to be there."""
    MISSING = "missing"
    """An organ annotated without a voxel, but the model sees it."""
    SIDES = "sides swapped"
    OTHER = "on another structure"
    """The label lies on what the model calls another structure."""
    SHIFTED = "shifted"
    CUT = "cut off"
    """The label ends flat where the structure goes on."""
    HOLES = "holes"
    ISLANDS = "islands"
    """Loose pieces far from the structure."""
    VOLUME = "implausible volume"
    PHASE = "wrong phase"
    """Enhancement contradicts the declared contrast phase."""
    DIFFERS = "differs"
    """Differs from the prediction far more than usual, in no known form."""


@dataclass(frozen=True)
class Usual:
    """What is usual for a structure over all cases; the defaults hold for one that occurs in too few of them.

    Args:
        dice: Median Dice of labels with a voxel and their predictions.
        islands_ml: Median volume of loose pieces; some structures come in pieces.
    """

    dice: float = 0.8
    islands_ml: float = 0.0


@dataclass(frozen=True)
class LabelFault:
    """A suspected fault.

    Args:
        case: Name of the case.
        structure: Structure key; None for the case as a whole.
        kind: See `FaultKind`.
        sure: Certainty, 0..1; orders the findings.
        reason: What was seen.
        slice_index, slice_axis: Slice of the CT to look at, counted from 0 along i, j or k; None for a case as a whole.
    """

    case: str
    structure: str | None
    kind: FaultKind
    sure: float
    reason: str
    slice_index: int | None = None
    slice_axis: str | None = None


@dataclass(frozen=True, eq=False)
class ComparedCase:
    """A case compared with its prediction.

    Args:
        case: Name of the case.
        grid: Grid of the CT.
        structures: LabelComparison of each annotated structure, by key.
        trust: Reliability of the weights, by structure.
        phase: Declared contrast phase; None if it is not known.
        phase_distances: How badly each phase fits the enhancement, best first; see `quality.ct_flags`.
        declared: Structures that are said to be there.
    """

    case: str
    grid: Grid
    structures: Mapping[str, LabelComparison]
    trust: Mapping[str, Trust]
    phase: str | None
    phase_distances: Mapping[str, float]
    declared: frozenset[str] = frozenset()


def faults_of(case: ComparedCase, usual: Mapping[str, Usual]) -> list[LabelFault]:
    """All suspected faults of a case: at most one per structure, the surest, and one of the case.

    Args:
        case: The compared case.
        usual: Structure key -> what is usual for it.
    """
    found = list(_of_phase(case))
    for key, one in case.structures.items():
        ramps = _Rules(case, one, usual.get(key, Usual()))
        suspected = [(round(sure, 3), kind, reason) for kind, sure, reason in ramps.all() if sure >= LEAST_SURE]
        if suspected:
            sure, kind, reason = max(suspected, key=lambda s: s[0])
            found.append(LabelFault(case.case, key, kind, sure, reason, one.slice_index, "ijk"[one.slice_axis]))
    return _once_per_pair(found)


def ramp(x: float, low: float, high: float) -> float:
    """0 up to low, 1 from high on, linear between."""
    return min(1.0, max(0.0, (x - low) / (high - low)))


Suspicion = tuple[FaultKind, float, str]


@dataclass(frozen=True, eq=False)
class _Rules:
    """The rules for one structure."""

    case: ComparedCase
    c: LabelComparison
    u: Usual

    def all(self) -> Iterator[Suspicion]:
        """Every rule with its certainty, the more specific ones first."""
        if not self.c.label_voxels:
            yield from self._empty()
            return
        yield from self._sides()
        yield from self._other()
        yield from self._shifted()
        yield from self._cut()
        yield from self._holes()
        yield from self._islands()
        yield from self._volume()
        yield from self._differs()

    @property
    def model_score(self) -> float:
        """Quality score of the prediction; 0 if there is none."""
        return self.c.model_score or 0.0

    def _ml(self, voxels: int) -> float:
        return voxels * self.case.grid.voxel_volume_ml

    def _empty(self) -> Iterator[Suspicion]:
        c, ml = self.c, self._ml(self.c.model_voxels)
        if c.key in self.case.declared:
            kind = FaultKind.LESION_EMPTY if STRUCTURES[c.key].is_lesion else FaultKind.MISSING
            yield kind, 1.0, "no voxel, though it is said to be there"
            return
        if not c.model_voxels or c.probability is None:
            return
        told = f"no voxel, but the model sees {volume(ml)} with a mean probability of {c.probability:.2f}"
        if STRUCTURES[c.key].is_lesion:
            trust = TRUSTED[self.case.trust.get(c.key, Trust.UNKNOWN)]
            sure = trust * ramp(c.probability, 0.5, 0.9) * ramp(ml, 0.1, 1.0)
            yield FaultKind.LESION_EMPTY, sure, told
        else:
            least = STRUCTURES[c.key].volume_ml[0]
            yield FaultKind.MISSING, self.model_score * ramp(ml / least, 0.1, 0.7), told

    def _sides(self) -> Iterator[Suspicion]:
        pair = STRUCTURES[self.c.key].pair
        if pair is None:
            return
        share = self.c.taken.get(pair, 0.0)
        other = self.case.structures.get(pair)
        back = share if other is None or not other.label_voxels else other.taken.get(self.c.key, 0.0)
        told = f"{100 * share:.0f} % of it lies where the model sees {pair}"
        score = self.model_score if other is None else max(self.model_score, other.model_score or 0.0)
        yield FaultKind.SIDES, ramp(min(share, back), 0.3, 0.6) * score, told

    def _other(self) -> Iterator[Suspicion]:
        c = self.c
        pair = STRUCTURES[c.key].pair
        shares = {k: s for k, s in c.taken.items() if k not in (c.key, pair) and not may_overlap(k, c.key)}
        if not shares:
            return
        key = max(shares, key=lambda k: shares[k])
        sure = ramp(shares[key], 0.3, 0.6) * ramp(self.u.dice - c.dice, 0.2, 0.5)
        told = f"{100 * shares[key]:.0f} % of it lies where the model sees {key}"
        yield FaultKind.OTHER, sure, told

    def _shifted(self) -> Iterator[Suspicion]:
        c = self.c
        if c.shift is None:
            return
        distance = math.sqrt(sum(mm * mm for mm in c.shift.mm))
        far = ramp(distance, 1.5 * max(self.case.grid.spacing_mm), 3 * max(self.case.grid.spacing_mm))
        fits = ramp(c.shift.dice / max(self.u.dice, 0.1), 0.75, 0.95)
        sure = far * fits * ramp(c.shift.dice - c.dice, 0.05, 0.25) * self.model_score
        right, front, up = (f"{mm:+.0f}" for mm in c.shift.mm)
        told = f"moved by ({right}, {front}, {up}) mm (R, A, S) from where the model sees it: Dice {c.dice:.2f}, "
        yield FaultKind.SHIFTED, sure, f"{told}moved back {c.shift.dice:.2f}"

    def _cut(self) -> Iterator[Suspicion]:
        cut = self.c.cut
        if cut is None:
            return
        fits = ramp(cut.inner_dice / max(self.u.dice, 0.1), 0.75, 0.95)
        sure = ramp(cut.share, 0.04, 0.2) * fits * ramp(cut.end_area, 0.1, 0.4) * self.model_score
        told = (
            f"ends flat along {'ijk'[cut.axis]} where the model goes on with {100 * cut.share:.0f} % of the structure"
        )
        yield FaultKind.CUT, sure, told

    def _holes(self) -> Iterator[Suspicion]:
        c = self.c
        told = f"cavities of {100 * c.holes:.1f} % of its volume, with a mean probability of {c.holes_probability:.2f}"
        yield FaultKind.HOLES, ramp(c.holes, 0.001, 0.01) * ramp(c.holes_probability, 0.3, 0.8), told

    def _islands(self) -> Iterator[Suspicion]:
        c = self.c
        if STRUCTURES[c.key].is_lesion:
            return  # lesions come in pieces, and models miss some
        told = f"loose pieces of {volume(c.islands_ml)}, with a mean probability of {c.islands_probability:.2f}"
        least = 5 * self.case.grid.voxel_volume_ml + 2 * self.u.islands_ml
        whole = 1.0 if c.key in QUALITY_RULES.single else IN_PIECES
        sure = whole * ramp(c.islands_ml, least, 5 * least) * ramp(1 - c.islands_probability, 0.6, 0.98)
        yield FaultKind.ISLANDS, sure, told

    def _volume(self) -> Iterator[Suspicion]:
        c, (low, high) = self.c, STRUCTURES[self.c.key].volume_ml
        ml, theirs = self._ml(c.label_voxels), self._ml(c.model_voxels)
        outside = math.log(ml / high) if ml > high else math.log(low / ml) if not c.touches_border else 0.0
        told = f"{volume(ml)}, plausible {low:g} to {high:g}; the model sees {volume(theirs)}"
        sure = ramp(outside, 0.0, 0.7) * self.model_score * ramp(self.u.dice - c.dice, 0.05, 0.3)
        yield FaultKind.VOLUME, sure if low <= theirs <= high else 0.3 * sure, told

    def _differs(self) -> Iterator[Suspicion]:
        c = self.c
        doubt = 1.0 - 0.5 * (c.label_score or 0.0)
        lesion = 0.3 if STRUCTURES[c.key].is_lesion else 1.0
        sure = 0.8 * lesion * doubt * self.model_score * ramp(self.u.dice - c.dice, 0.1, 0.4)
        yield FaultKind.DIFFERS, sure, f"Dice {c.dice:.2f} with the model, usually {self.u.dice:.2f}"


def _of_phase(case: ComparedCase) -> Iterator[LabelFault]:
    if case.phase is None or case.phase not in case.phase_distances:
        return
    best = next(iter(case.phase_distances))
    gap = case.phase_distances[case.phase] - case.phase_distances[best]
    if (sure := ramp(gap, CLEAR_DISTANCE, 6 * CLEAR_DISTANCE)) >= LEAST_SURE:
        reason = f"declared {case.phase}, but the enhancement is that of {best}"
        yield LabelFault(case.case, None, FaultKind.PHASE, round(sure, 3), reason)


def _once_per_pair(faults: list[LabelFault]) -> list[LabelFault]:
    """Report swapped sides once, for the first structure of the pair."""
    kept: list[LabelFault] = []
    swapped: set[str] = set()
    for fault in faults:
        if fault.kind is FaultKind.SIDES and fault.structure is not None:
            if STRUCTURES[fault.structure].pair in swapped:
                continue
            swapped.add(fault.structure)
        kept.append(fault)
    return kept
