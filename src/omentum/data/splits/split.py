"""A split into training, validation and test parts, as a value and as a file read by every command.

    {"schema": "omentum.split", "schema_version": 2, "made": {...},
     "parts": {"test": ["lits_3", ...], "fold-0": [...], ...},
     "cases": {"lits_3": {"dataset": ..., "patient": ..., "lesions": {...}, "scan": "<digest>", "slices": "<hashes>"}}}

`cases` describes each case, so that a copy under another name is recognised. Files of earlier versions contain only
the parts, {"train": [...], "test": [...]}; they can still be read, and identify cases by name only.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from omentum.atomic import write_json
from omentum.errors import InputError, UsageError
from omentum.fingerprint import SliceHashes, hashes_of, scan_digest, written
from omentum.schemas import VERSIONS, Schema, stamped, version_of

SPLIT_FORMAT = VERSIONS[Schema.SPLIT]
TRAIN, VALIDATION, TEST = "train", "validation", "test"
FOLD = "fold-"
"""Of cross-validation: the parts fold-0, fold-1, ..."""
FOLDS = "folds"
"""All of them together, wherever the name of a part is asked for."""

SHARES: Mapping[str, float] = {TRAIN: 0.8, VALIDATION: 0.1, TEST: 0.1}


@dataclass(frozen=True)
class SplitCase:
    """A case as described in a split.

    Args:
        name: Name in its collection.
        dataset: Recipe key; "" for a folder of cases.
        patient: Patient identifier; "" if unknown.
        lesions: Annotated lesion types, and whether each is present.
        hashes: Fingerprint of the scan; empty if unknown.
    """

    name: str
    dataset: str = ""
    patient: str = ""
    lesions: Mapping[str, bool] = field(default_factory=dict)
    hashes: SliceHashes = field(default=(), repr=False)


@dataclass(frozen=True)
class Roles:
    """Use of the cases of a split in one run.

    Args:
        train: Names of the training cases.
        validation: Names of the validation cases.
        others: All other names in the split; the run must not use them.
    """

    train: frozenset[str]
    validation: frozenset[str]
    others: frozenset[str]

    @property
    def held_out(self) -> frozenset[str]:
        """All names that must not be trained on."""
        return self.validation | self.others


@dataclass(frozen=True, eq=False)
class Split:
    """Cases by part.

    Args:
        parts: Part -> case names; each case is in one part only.
        cases: Case descriptions by name; empty in files of earlier versions.
        made: Human-readable description of how the split was made.
        source: The file it was read from, for messages.
    """

    parts: Mapping[str, tuple[str, ...]]
    cases: Mapping[str, SplitCase] = field(default_factory=dict, repr=False)
    made: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the cross-validation folds, in order."""
        numbers = sorted(int(part[len(FOLD) :]) for part in self.parts if _is_fold(part))
        return tuple(f"{FOLD}{number}" for number in numbers)

    @cached_property
    def part_of(self) -> dict[str, str]:
        """Case name -> its part."""
        return {name: part for part, names in self.parts.items() for name in names}

    @cached_property
    def sha256(self) -> str:
        """Hash of the parts and the scans in them, independent of the file format."""
        content = [[part, sorted(names)] for part, names in sorted(self.parts.items())]
        scans = sorted((name, written(case.hashes)) for name, case in self.cases.items())
        return hashlib.sha256(json.dumps([content, scans]).encode()).hexdigest()

    def names(self, part: str) -> tuple[str, ...]:
        """Case names of a part, or of all folds together (`FOLDS`).

        Raises:
            UsageError: There is no such part.
        """
        if part == FOLDS and self.folds:
            return tuple(name for fold in self.folds for name in self.parts[fold])
        if part not in self.parts:
            known = ", ".join([*self.parts, *([FOLDS] if self.folds else [])])
            raise UsageError(f"has no part {part!r}", source=self.source or None, remedy=f"it has {known}")
        return self.parts[part]

    def roles(self, fold: int | None = None, part: str = "") -> Roles:
        """Use of the cases in a run.

        Args:
            fold: Validate on this fold and train on all others.
            part: Alternative to `fold`: train on this part ("folds": all of them) and validate on the part
                "validation", if there is one.

        Raises:
            UsageError: There is no such fold or part, none is given although there is a choice, or it is the test part.
        """
        if part == TEST:
            remedy = "--part train or folds; for other material to train on, make another split"
            raise UsageError("keeps its test part from every training", source=self.source or None, remedy=remedy)
        if fold is not None:
            validation = self.names(f"{FOLD}{fold}") if self.folds else self._no_folds(fold)
            train = tuple(name for name in self.names(FOLDS) if name not in set(validation))
        else:
            if not part and self.folds:
                remedy = f"--fold 0 to {len(self.folds) - 1} or all, or --part {FOLDS} to train on all of them"
                raise UsageError("has folds, and none is named", source=self.source or None, remedy=remedy)
            train = self.names(part or TRAIN)
            validation = self.parts.get(VALIDATION, ()) if part != VALIDATION else ()
        others = frozenset(self.part_of) - {*train, *validation}
        return Roles(frozenset(train), frozenset(validation), others)

    def _no_folds(self, fold: int) -> tuple[str, ...]:
        remedy = (
            f"it has the parts {', '.join(self.parts)}: name one with --part, or make folds with omentum data split"
        )
        raise UsageError(f"has no fold {fold}", source=self.source or None, remedy=remedy)

    def to_json(self) -> dict[str, Any]:
        """The content of the file as JSON-serialisable values."""
        cases = {name: _case_json(self.cases[name]) for name in sorted(self.cases)}
        parts = {part: list(names) for part, names in self.parts.items()}
        return stamped(Schema.SPLIT, {"made": dict(self.made), "parts": parts, "cases": cases})

    def write(self, path: str | Path) -> None:
        """Write the split as a JSON file, atomically."""
        write_json(Path(path), self.to_json())

    @classmethod
    def read(cls, path: Path) -> Split:
        """Read a file of this or an earlier version.

        Raises:
            InputError: The file is unreadable, has a newer format, is not a split, or has a case in two parts.
        """
        try:
            raw = json.loads(path.read_bytes())
            found = version_of({"format": 1} | raw, Schema.SPLIT)
            if found not in (1, SPLIT_FORMAT):
                reason = f"is a split of format {found}, this version reads {SPLIT_FORMAT}"
                raise InputError(reason, source=path, remedy="make it again: omentum data split")
            parts = {str(part): _names(names) for part, names in raw.get("parts", raw).items()}
            cases = {name: _case(name, facts) for name, facts in raw.get("cases", {}).items()} if "parts" in raw else {}
        except OSError as fault:
            raise InputError(fault.strerror or str(fault), source=path) from fault
        except (ValueError, TypeError, AttributeError, KeyError) as fault:
            raise InputError("is no split", source=path, remedy="see omentum data split") from fault
        split = cls(parts, cases, raw.get("made", {}) if "parts" in raw else {}, str(path))
        if len(split.part_of) < sum(map(len, parts.values())):
            (twice, _), *_ = Counter(name for names in parts.values() for name in names).most_common(1)
            raise InputError(f"has {twice!r} twice", source=path)
        return split


def split_groups(
    groups: Sequence[Sequence[str]], shares: Mapping[str, float] = SHARES, seed: int = 0
) -> dict[str, list[str]]:
    """Assign groups to parts by a hash of their first names, so that new patients move no others; names are sorted.

    Args:
        groups: Names that must stay together.
        shares: Part -> fraction of the groups; the fractions sum to 1.
        seed: Seed of the split.

    Raises:
        UsageError: A share is negative, or the shares do not sum to 1.
    """
    check_shares(shares)
    parts: dict[str, list[str]] = {part: [] for part in shares}
    for group in groups:
        parts[_part(min(group), shares, seed)] += group
    return {part: sorted(names) for part, names in parts.items()}


def check_shares(shares: Mapping[str, float]) -> None:
    """Check that shares are valid fractions.

    Raises:
        UsageError: A share is negative, or the shares do not sum to 1.
    """
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1.0) > 1e-6:
        raise UsageError(f"shares {dict(shares)} do not add up to 1")


def chance(seed: int, name: str) -> int:
    """Deterministic pseudo-random integer in [0, 2^64) for a name, equal on every machine."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "big")


def _part(name: str, shares: Mapping[str, float], seed: int) -> str:
    left = chance(seed, name) / 2**64
    for part, share in shares.items():
        left -= share
        if left < 0:
            return part
    return next(part for part in reversed(list(shares)) if shares[part] > 0)


def _is_fold(part: str) -> bool:
    return part.startswith(FOLD) and part[len(FOLD) :].isdecimal()


def _names(raw: Iterable[Any]) -> tuple[str, ...]:
    if isinstance(raw, str | Mapping):
        raise TypeError("a part is a list of names")
    return tuple(str(name) for name in raw)


def _case_json(case: SplitCase) -> dict[str, Any]:
    about = {"dataset": case.dataset, "patient": case.patient, "lesions": dict(case.lesions)}
    return {**about, "scan": scan_digest(case.hashes), "slices": written(case.hashes)}


def _case(name: str, raw: Mapping[str, Any]) -> SplitCase:
    lesions = {str(key): bool(there) for key, there in raw["lesions"].items()}
    return SplitCase(name, str(raw["dataset"]), str(raw["patient"]), lesions, hashes_of(raw["slices"]))
