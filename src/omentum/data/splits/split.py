"""Who is trained on, validated on and tested on: a split as a value and as a file, read by every command.

    {"schema": "omentum.split", "schema_version": 2, "made": {...},
     "parts": {"test": ["lits_3", ...], "fold-0": [...], ...},
     "cases": {"lits_3": {"dataset": ..., "patient": ..., "lesions": {...}, "scan": "<digest>", "slices": "<hashes>"}}}

`cases` tells what each case is, so that a copy under another name is recognised. Files of earlier versions hold the
parts alone, {"train": [...], "test": [...]}; they are read too, and know their cases by name only.
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
    """What a split knows of a case.

    Args:
        name: As its collection calls it.
        dataset: Key of its recipe; "" for a folder of cases.
        patient: Whose it is; "" where nobody says.
        lesions: Kinds that were looked for, and whether one is there.
        hashes: Fingerprint of the scan; empty where it is not known.
    """

    name: str
    dataset: str = ""
    patient: str = ""
    lesions: Mapping[str, bool] = field(default_factory=dict)
    hashes: SliceHashes = field(default=(), repr=False)


@dataclass(frozen=True)
class Roles:
    """What one run does with the cases of a split.

    Args:
        train: Names to learn from.
        validation: Names to be judged on meanwhile.
        others: All other names of the split, which the run must not see.
    """

    train: frozenset[str]
    validation: frozenset[str]
    others: frozenset[str]

    @property
    def held_out(self) -> frozenset[str]:
        """All that must not be trained on."""
        return self.validation | self.others


@dataclass(frozen=True, eq=False)
class Split:
    """Cases by part.

    Args:
        parts: Names of cases by part, each case in one part only.
        cases: What is known of them, by name; nothing in files of earlier versions.
        made: How, for people.
        source: The file it was read from, for messages.
    """

    parts: Mapping[str, tuple[str, ...]]
    cases: Mapping[str, SplitCase] = field(default_factory=dict, repr=False)
    made: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the parts that are folds of a cross-validation, in order."""
        numbers = sorted(int(part[len(FOLD) :]) for part in self.parts if _is_fold(part))
        return tuple(f"{FOLD}{number}" for number in numbers)

    @cached_property
    def part_of(self) -> dict[str, str]:
        """Name of a case -> the part it is in."""
        return {name: part for part, names in self.parts.items() for name in names}

    @cached_property
    def sha256(self) -> str:
        """Of who is where, and of which scans they are; not of the file's layout."""
        content = [[part, sorted(names)] for part, names in sorted(self.parts.items())]
        scans = sorted((name, written(case.hashes)) for name, case in self.cases.items())
        return hashlib.sha256(json.dumps([content, scans]).encode()).hexdigest()

    def names(self, part: str) -> tuple[str, ...]:
        """Cases of a part, or of all folds together (`FOLDS`).

        Raises:
            UsageError: there is no such part.
        """
        if part == FOLDS and self.folds:
            return tuple(name for fold in self.folds for name in self.parts[fold])
        if part not in self.parts:
            known = ", ".join([*self.parts, *([FOLDS] if self.folds else [])])
            raise UsageError(f"has no part {part!r}", source=self.source or None, remedy=f"it has {known}")
        return self.parts[part]

    def roles(self, fold: int | None = None, part: str = "") -> Roles:
        """What a run does with the cases.

        Args:
            fold: Validate on this fold, train on all others.
            part: Instead: train on this part ("folds": all of them) and validate on the part "validation", if any.

        Raises:
            UsageError: there is no such fold or part, none is named where there is a choice, or it is the test part.
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
        """The content of the file as JSON values."""
        cases = {name: _case_json(self.cases[name]) for name in sorted(self.cases)}
        parts = {part: list(names) for part, names in self.parts.items()}
        return stamped(Schema.SPLIT, {"made": dict(self.made), "parts": parts, "cases": cases})

    def write(self, path: str | Path) -> None:
        """Write the split as a JSON file, complete or not at all."""
        write_json(Path(path), self.to_json())

    @classmethod
    def read(cls, path: Path) -> Split:
        """Read a file of this or an earlier version.

        Raises:
            InputError: unreadable, of a newer format, no split, or with a case in two parts.
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
    """Names by part, in alphabetical order; a hash of a group's first name decides, so that new patients move nobody.

    Args:
        groups: Names that must stay together.
        shares: Part -> its share of the groups; the shares add up to 1.
        seed: Another seed, another split.

    Raises:
        UsageError: shares that are negative or do not add up to 1.
    """
    check_shares(shares)
    parts: dict[str, list[str]] = {part: [] for part in shares}
    for group in groups:
        parts[_part(min(group), shares, seed)] += group
    return {part: sorted(names) for part, names in parts.items()}


def check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that are no shares.

    Raises:
        UsageError: they are negative or do not add up to 1.
    """
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1.0) > 1e-6:
        raise UsageError(f"shares {dict(shares)} do not add up to 1")


def chance(seed: int, name: str) -> int:
    """A number from 0 to 2^64 that is the same for the same name on every machine."""
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
