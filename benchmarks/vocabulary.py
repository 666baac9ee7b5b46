"""Phrases of users against what they mean: accuracy by origin, every miss, false acceptances and refusals.

    python benchmarks/vocabulary.py -o benchmarks/results/vocabulary.json

The phrases are those of tests/anatomy/vocabulary: 400 judged ones, 100 fresh and 60 later ones, and those on which the
limits were chosen. With the extra `text` and a language model, the nearest name by embedding takes part.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from facts import ROOT
from omentum import Understanding, explain_words
from omentum.anatomy import STRUCTURES
from record import Cell, Table, publish, result_file

sys.path.append(str(ROOT / "tests" / "support"))
from phrases import Phrase, phrases

MEASURES = (
    *("src/omentum/anatomy/vocabulary", "src/omentum/anatomy/structures.toml", "src/omentum/text/nearest.py"),
    *("src/omentum/words.py", "tests/anatomy/vocabulary/phrases.toml", "tests/anatomy/vocabulary/fresh.toml"),
    *("tests/anatomy/vocabulary/later.toml", "tests/anatomy/vocabulary/development.toml"),
)
SETS = {"phrases": "judged", "fresh": "fresh", "later": "later", "development": "development"}
ABOUT = (
    "An answer is right if it names exactly the structures meant, or refuses where there are none. All phrases were "
    "written before they were answered, by the author of the word tables. What was missed of the judged and fresh ones "
    "has been mended by rules since, so their figures flatter; those of the later ones are first answers."
)
FIRST_ANSWERS = {
    "first answers right of 400 judged": 392,
    "first answers right of 100 fresh": 83,
    "first answers right of 60 later": 55,
}
"""Before anything was mended (2026-11-29). The misses of the later phrases are not mended."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    answers = {name: [(one, explain_words([one.text])[0]) for one in phrases(name)] for name in SETS}
    publish(
        arguments.out,
        title="Words of users",
        about=ABOUT,
        measures=MEASURES,
        tables={
            "accuracy": Table(
                {
                    **{"phrases": "{}", "n": "{}", "right": "{:.1%}", "refused, has a meaning": "{}"},
                    **{"accepted, has none": "{}", "other structures": "{}", "side swapped": "{}"},
                },
                [_counts(SETS[name], given) for name, given in answers.items()],
            ),
            "origin": Table({"phrases": "{}", "origin": "{}", "n": "{}", "right": "{}"}, _origins(answers)),
            "misses": Table({"phrases": "{}", "phrase": "{}", "meant": "{}", "answer": "{}"}, _misses(answers)),
            "how": Table({"understood by": "{}", "judged": "{}", "fresh": "{}", "later": "{}"}, _ways(answers)),
        },
        values=FIRST_ANSWERS,
    )


Answers = Sequence[tuple[Phrase, Understanding]]


def _is_right(meant: Phrase, answer: Understanding) -> bool:
    return frozenset(answer.structures) == meant.keys


def _counts(name: str, given: Answers) -> tuple[Cell, ...]:
    wrong = [(meant, answer) for meant, answer in given if not _is_right(meant, answer)]
    refused = sum(not answer for _, answer in wrong)
    accepted = sum(not meant.keys for meant, _ in wrong)
    swapped = sum(_is_swapped(meant, answer) for meant, answer in given)
    right = 1 - len(wrong) / len(given)
    return name, len(given), right, refused, accepted, len(wrong) - refused - accepted, swapped


def _is_swapped(meant: Phrase, answer: Understanding) -> bool:
    """Whether the counterpart of a structure that is meant is named without it."""
    found = set(answer.structures) - meant.keys
    return any(STRUCTURES[key].pair in found and key not in answer.structures for key in meant.keys)


def _origins(answers: dict[str, list[tuple[Phrase, Understanding]]]) -> list[tuple[Cell, ...]]:
    rows: dict[tuple[str, str], list[bool]] = {}
    for name, given in answers.items():
        for meant, answer in given:
            rows.setdefault((SETS[name], meant.source), []).append(_is_right(meant, answer))
    return [(name, source, len(right), sum(right)) for (name, source), right in rows.items()]


def _misses(answers: dict[str, list[tuple[Phrase, Understanding]]]) -> list[tuple[Cell, ...]]:
    return [
        (SETS[name], meant.text, _listed(meant.keys), _listed(answer.structures) or f"refused: {answer.reason}")
        for name, given in answers.items()
        for meant, answer in given
        if not _is_right(meant, answer)
    ]


def _listed(keys: Sequence[str] | frozenset[str]) -> str:
    return ", ".join(keys if isinstance(keys, tuple) else sorted(keys))


def _ways(answers: dict[str, list[tuple[Phrase, Understanding]]]) -> list[tuple[Cell, ...]]:
    ways = dict.fromkeys(answer.how.value for given in answers.values() for _, answer in given)
    counts = {name: [answer.how.value for _, answer in answers[name]] for name in ("phrases", "fresh", "later")}
    return [(way, *(given.count(way) for given in counts.values())) for way in ways]


if __name__ == "__main__":
    main()
