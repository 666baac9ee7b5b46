"""Data that a run must not learn from: other parts of the split, validation cases, and copies of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from omentum.data.datasets.fingerprint import IdentifiedScan
from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.sampler import PatchSource
from omentum.data.splits.division import Division, ScanOfDataset, by_split, copies, drawn
from omentum.data.splits.split import Roles, Split, SplitCase
from omentum.errors import UsageError, warn_of_case
from omentum.fingerprint import TRAINED_ON, TRAINED_ON_ROWS, scan_digest, sketch
from omentum.formatting import listed
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.run.start import Start

AnyCase = TypeVar("AnyCase", bound=ScanOfDataset)


@dataclass
class HeldOut:
    """Decides which cases of a run are held out.

    Args:
        split, roles: None if there is no split.
        about: The fold or part, for the record.
        start: Initial weights; scans they have seen count as trained on.
        remarks: Receives a message for each omission.
    """

    split: Split | None = None
    roles: Roles | None = None
    about: dict[str, Any] = field(default_factory=dict)
    start: Start = field(default_factory=Start)
    remarks: list[str] = field(default_factory=list)
    _known: dict[str, SplitCase] = field(default_factory=dict)
    _used: int = 0

    @classmethod
    def of(cls, config: TrainConfig) -> HeldOut:
        """Create from a configuration.

        Raises:
            InputError: The split or the initial weights cannot be read.
            UsageError: The split has no such fold or part.

        Warns:
            CaseWarning: The split was made by an earlier version and knows cases by name only.
        """
        start = Start.of(config)
        if not config.split:
            return cls(start=start)
        split = Split.read(Path(config.split))
        if unknown := sum(name not in split.cases or not split.cases[name].hashes for name in split.part_of):
            reason = "copies of those that are not in the data are not recognised; make it again: omentum data split"
            warn_of_case(f"{split.source}: knows {unknown} cases by name only; {reason}", stacklevel=2)
        fold = None if config.fold < 0 else config.fold
        about = {"part": config.part} if fold is None else {"fold": fold}
        return cls(split, split.roles(fold, config.part), about, start)

    def divide(self, cases: Sequence[AnyCase], data: DataConfig) -> Division:
        """Divide a collection into training and validation cases.

        Raises:
            UsageError: A name in the split refers to another scan here.
        """
        place = data.folder or data.store
        if self.split is None or self.roles is None:
            division = drawn(cases, data.validation, self.start.has_seen)
            if len(division.validation) < data.validation and any(map(self.start.has_seen, cases)):
                found = f"{len(division.validation)} of {data.validation} cases for validation"
                self.remarks.append(f"{place}: {found}, since {self.start.path} has learned from the others")
            return division
        division = by_split(cases, self.split, self.roles, data.validation, place)
        named = [case for case in cases if case.name in self.split.part_of] if not division.whole else []
        self._known |= {c.name: SplitCase(c.name, c.dataset, c.patient, hashes=c.hashes) for c in named}
        self._used += len(named)
        if division.unknown:
            self.remarks.append(f"{place}: {division.unknown} cases are in no part of the split and left out")
        return division

    def describe(self, data: DataConfig) -> str:
        """Human-readable description of what is held out of a collection."""
        return f"{data.validation} cases" if self.split is None else f"what the split {self.split.source}"

    def without_copies(self, sources: Sequence[PatchSource], validated: Sequence[LabelledCase]) -> list[PatchSource]:
        """Remove cases that are also held out; with a split this is an error instead.

        Raises:
            UsageError: A case held out by the split is among the sources, or they contain no case of the split.
        """
        if self.split is not None and not self._used:
            remedy = "give --data the store or folder that the split was made of"
            raise UsageError("no case of it is in the data", source=self.split.source, remedy=remedy)
        held = self._held_out(validated)
        cases: list[Any] = [case for source in sources for case in source.cases]
        found = copies(held, cases)
        if found and self.split is not None:
            raise self._refusal(held, cases, found, sources)
        gone = {there for _, there, _ in found}
        if gone:
            names = ", ".join(sorted(cases[number].name for number in gone))
            self.remarks.append(f"left out, since they are validated on under another name: {names}")
        return _without(sources, {id(cases[number]) for number in gone})

    def check_start(self, validated: Sequence[LabelledCase]) -> None:
        """Refuse initial weights that have seen held-out cases.

        Raises:
            UsageError: They have.

        Warns:
            CaseWarning: The weights do not record what they were trained on.
        """
        held = self._held_out(validated)
        seen = [scan.name for scan in held if self.start.has_seen(scan)]
        if seen:
            part = "validation" if self.split is None else self.split.part_of[seen[0]]
            reason = f"has learned from {listed([f'{seen[0]} ({part})', *seen[1:]], 1)}, held out here"
            remedy = 'start from weights of the same fold or part, or others that never saw it, or from none: init = ""'
            raise UsageError(reason, source=self.start.path, remedy=remedy)
        self.start.warn_where_unknown(held)

    def record(self, sources: Sequence[PatchSource], validated: Sequence[LabelledCase]) -> dict[str, Any]:
        """Record of trained-on and held-out scans as digests (see `omentum.fingerprint.scan_digest`).

        Returns:
            `split` (its hash and the fold or part, if there is a split), `started_from` (if any), `trained_on` and
            `trained_on_rows` (including those of the initial weights), and `held_out` by part.
        """
        about = learned_from((case for source in sources for case in source.cases), self.start)
        if self.split is None or self.roles is None:
            return {**about, "held_out": {"validation": _digests(validated)}}
        held = Counter(self.split.part_of[name] for name in self.roles.held_out)
        known = {**self._known, **self.split.cases}
        parts = {
            part: _digests(known[n] for n in self.split.parts[part] if n in self.roles.held_out and n in known)
            for part in sorted(held)
        }
        return {
            "split": {"sha256": self.split.sha256, **self.about},
            **about,
            "held_out": parts,
        }

    def _held_out(self, validated: Sequence[LabelledCase]) -> list[IdentifiedScan]:
        if self.split is None or self.roles is None:
            return list(validated)
        known = {**self._known, **self.split.cases}
        return [known[name] for name in sorted(self.roles.held_out) if name in known]

    def _refusal(
        self,
        held: Sequence[IdentifiedScan],
        cases: Sequence[Any],
        found: Sequence[tuple[int, int, int]],
        sources: Sequence[PatchSource],
    ) -> UsageError:
        assert self.split is not None
        here, there, slices = found[0]
        copy = next(source.describe(case) for source in sources for case in source.cases if case is cases[there])
        how = f"the same scan ({slices} slices in common)" if slices else "of the same patient"
        more = f", and {len(found) - 1} more such pairs" if len(found) > 1 else ""
        part = self.split.part_of[held[here].name]
        reason = f"{held[here].name} ({part}) is held out, and {copy} is {how}{more}"
        remedy = "take that case out of the training data, or make the split over all collections: omentum data split"
        return UsageError(reason, source=self.split.source, remedy=remedy)


def learned_from(cases: Iterable[Any], start: Start) -> dict[str, Any]:
    """Record of the scans that a run learns from, and of those that its initial weights have learned from.

    Args:
        cases: With their `hashes`, see `omentum.fingerprint`.
        start: Initial weights.
    """
    given = list(cases)
    seen = sorted({*_digests(given), *start.seen.digests})
    rows = start.seen.rows.union(*(sketch(case.hashes) for case in given))
    return {**start.record(), TRAINED_ON: seen, TRAINED_ON_ROWS: " ".join(sorted(rows))}


def _digests(cases: Iterable[Any]) -> list[str]:
    return sorted({digest for case in cases if (digest := scan_digest(case.hashes))})


def _without(sources: Sequence[PatchSource], gone: set[int]) -> list[PatchSource]:
    left = [replace(s, cases=tuple(case for case in s.cases if id(case) not in gone)) for s in sources]
    return [source for source in left if source.cases]
