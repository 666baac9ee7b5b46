"""Under which licence weights are: that of what they were made from, most restrictive first, never just ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from omentum.data.store.store import read_manifest
from omentum.io.truth import DESCRIPTION
from omentum.spec import CheckpointSpec

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
    """Of one thing that weights were made from.

    Args:
        of: Title of a dataset, name of a folder or file.
        licence: As its publisher states it; "" where nobody says.
        citation: What its users should cite.
    """

    of: str
    licence: str = ""
    citation: str = ""

    @property
    def traits(self) -> frozenset[str]:
        """What it asks for, as far as its words tell."""
        said = self.licence.replace("_", " ")
        return frozenset(name for name, words in TRAITS.items() if re.search(words, said, re.IGNORECASE))

    @property
    def stated(self) -> bool:
        """Whether the licence says it all."""
        return bool(self.traits) and not re.search(ELSEWHERE, self.licence, re.IGNORECASE)


def of_store(store: Path, datasets: Iterable[str]) -> list[Terms]:
    """Of datasets of a store, as their recipes state them.

    Raises:
        InputError: no store.
    """
    known = read_manifest(store).get("datasets", {})
    rows = [(key, known.get(key, {})) for key in datasets]
    return [Terms(row.get("title") or key, row.get("licence", ""), row.get("citation", "")) for key, row in rows]


def of_folder(folder: Path, licence: str) -> list[Terms]:
    """Of a folder of cases: what its owner says; of made-up bodies nothing, they are nobody's."""
    if not licence and all(map(_is_made_up, folder.glob(f"*/{DESCRIPTION}"))):
        return []
    return [Terms(folder.name, licence)]


def of_weights(name: str, spec: CheckpointSpec | None) -> list[Terms]:
    """Of the weights that a run starts from: all that they were made from in turn, where they say so.

    Args:
        name: Of the file.
        spec: None where the file does not describe itself.
    """
    if spec is None:
        return [Terms(name)]
    if TERMS in spec.training:
        return [Terms(**row) for row in spec.training[TERMS]]
    if spec.licence == OUR_LICENCE:
        return []
    return [Terms(name, spec.licence.partition(":")[0], spec.citation)]


def record(terms: Iterable[Terms]) -> dict[str, Any]:
    """For the checkpoints of a run; JSON values."""
    return {TERMS: [asdict(one) for one in dict.fromkeys(terms)]}


def under(spec: CheckpointSpec, training: Mapping[str, Any]) -> CheckpointSpec:
    """The description with a record of training, and with the licence and citation that follow from it."""
    if TERMS not in training:
        return replace(spec, training=training)
    terms = [Terms(**row) for row in training[TERMS]]
    return replace(spec, training=training, licence=licence_of(terms), citation=citation_of(terms))


def licence_of(terms: Sequence[Terms]) -> str:
    """In one line: the licences that ask for most, whose they are, and whose terms are not known.

    Of two licences of which one asks for all that the other does, the one is named. All others are: they add up.
    """
    stated = [one for one in terms if one.stated]
    most = [one for one in stated if not any(one.traits < other.traits for other in stated)]
    parts = [f"{licence} ({', '.join(owners)})" for licence, owners in _by_licence(most).items()]
    unknown = [f"{one.of} ({one.licence})" if one.licence else one.of for one in terms if not one.stated]
    parts += [f"terms not known: {', '.join(unknown)}"] if unknown else []
    return "; ".join(parts) or OUR_LICENCE


def citation_of(terms: Iterable[Terms]) -> str:
    """Ours, and those of everything else."""
    return "; ".join(dict.fromkeys([OUR_CITATION, *(one.citation for one in terms if one.citation)]))


def _by_licence(terms: Iterable[Terms]) -> dict[str, list[str]]:
    owners: dict[str, list[str]] = {}
    for one in terms:
        owners.setdefault(one.licence, []).append(one.of)
    return owners


def _is_made_up(description: Path) -> bool:
    try:
        return bool(json.loads(description.read_bytes())["facts"].get("body") == "procedural")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
