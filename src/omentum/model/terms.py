"""Licence of trained weights: derived from everything they were made from, most restrictive first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from omentum.spec import TEXT_SHA256, CheckpointSpec

TERMS = "terms"
"""Entry of `CheckpointSpec.training`: what the weights were made from, with the licence and citation of each."""
OUR_LICENCE = "Apache-2.0"
OUR_CITATION = "Omentum; method: Liu et al., CLIP-Driven Universal Model, ICCV 2023"

TRAITS = {
    "credit": r"\bBY\b|attribution|apache|\bMIT\b|\bBSD\b",
    "share alike": r"\bSA\b|share.?alike",
    "copyleft": r"GPL",
    "non-commercial": (
        r"\bNC\b|non.?commercial|\bno[tn]?\b.{0,12}\bcommercial|\b(research|academic|education\w*)\b.{0,12}\bonly\b"
    ),
    "no derivatives": r"\bND\b|no.?deriv",
    "none": r"\bCC0\b|public domain",
}
"""What a licence asks for, by words in it."""
ELSEWHERE = r"\bsee\b|https?:"
"""A licence that sends its reader elsewhere does not say it all."""


@dataclass(frozen=True)
class Terms:
    """Licence and citation of one source of the weights.

    Args:
        of: Title of a dataset, name of a folder or file.
        licence: As stated by the publisher; "" if not stated.
        citation: Citation requested of users.
    """

    of: str
    licence: str = ""
    citation: str = ""

    @property
    def traits(self) -> frozenset[str]:
        """Conditions of the licence, as far as its text tells."""
        said = self.licence.replace("_", " ")
        return frozenset(name for name, words in TRAITS.items() if re.search(words, said, re.IGNORECASE))

    @property
    def stated(self) -> bool:
        """Whether the licence text states all conditions."""
        return bool(self.traits) and not re.search(ELSEWHERE, self.licence, re.IGNORECASE)


def of_weights(name: str, spec: CheckpointSpec | None) -> list[Terms]:
    """Licences of initial weights, including everything they were made from, if recorded.

    Args:
        name: Name of the file.
        spec: None if the file does not describe itself.
    """
    if spec is None:
        return [Terms(name)]
    if TERMS in spec.training:
        return [Terms(**row) for row in spec.training[TERMS]]
    if spec.licence == OUR_LICENCE:
        return []
    return [Terms(name, spec.licence.partition(":")[0], spec.citation)]


def record(terms: Iterable[Terms]) -> dict[str, Any]:
    """Record for the checkpoints of a run; JSON-serialisable values."""
    return {TERMS: [asdict(one) for one in dict.fromkeys(terms)]}


def under(spec: CheckpointSpec, training: Mapping[str, Any]) -> CheckpointSpec:
    """The checkpoint description with a training record, and the licence and citation that follow from it."""
    training = {name: spec.training[name] for name in (TEXT_SHA256,) if name in spec.training} | dict(training)
    if TERMS not in training:
        return replace(spec, training=training)
    terms = [Terms(**row) for row in training[TERMS]]
    return replace(spec, training=training, licence=licence_of(terms), citation=citation_of(terms))


def licence_of(terms: Sequence[Terms]) -> str:
    """One-line licence: the most restrictive licences, their sources, and sources with unknown licence.

    If one licence implies all conditions of another, only the former is named; otherwise both are, because conditions
    accumulate.
    """
    stated = [one for one in terms if one.stated]
    most = [one for one in stated if not any(one.traits < other.traits for other in stated)]
    parts = [f"{licence} ({', '.join(owners)})" for licence, owners in _by_licence(most).items()]
    unknown = [f"{one.of} ({one.licence})" if one.licence else one.of for one in terms if not one.stated]
    parts += [f"terms not known: {', '.join(unknown)}"] if unknown else []
    return "; ".join(parts) or OUR_LICENCE


def citation_of(terms: Iterable[Terms]) -> str:
    """Our citation, and those of all sources."""
    return "; ".join(dict.fromkeys([OUR_CITATION, *(one.citation for one in terms if one.citation)]))


def _by_licence(terms: Iterable[Terms]) -> dict[str, list[str]]:
    owners: dict[str, list[str]] = {}
    for one in terms:
        owners.setdefault(one.licence, []).append(one.of)
    return owners
