"""Checks of references before evaluation: label maps without structure names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from omentum.errors import OmentumError
from omentum.evaluate.pairing import Pair
from omentum.formatting import listed

if TYPE_CHECKING:
    from omentum.evaluate.cases import CaseEvaluator

TOLD_NUMBERS = 3


def unnamed_references(pairs: Iterable[Pair]) -> str | None:
    """One line about label maps without structure names, whose absent structures may or may not be annotated."""
    from omentum.io.segmentations import names_its_structures

    names = []
    for pair in pairs:
        with suppress(OmentumError):  # reported when it is read
            if pair.reference.is_file() and not names_its_structures(pair.reference):
                names.append(pair.name)
    if not names:
        return None
    return (
        f"references that name no structures: {listed(names, quoted=True)}; their numbers are taken for Omentum's own "
        "(1 spleen, 2 right kidney, ..., see omentum classes), and what has no voxel there counts as not annotated, "
        "and is no false alarm. --mapping with all their numbers says what they mean and what was looked for"
    )


def doubted_numbers(pairs: Iterable[Pair], evaluator: CaseEvaluator) -> str | None:
    """One line if the label values of unnamed references contradict the positions of structures.

    Only the first readable case is checked.
    """
    from omentum.evaluate.label_value_checks import contradictions, fitting_mappings
    from omentum.io.segmentations import names_its_structures

    for pair in pairs:
        try:
            if pair.prediction is None or not pair.reference.is_file() or names_its_structures(pair.reference):
                continue
            read = evaluator.read(pair)
        except OmentumError:  # reported when it is evaluated
            continue
        told = contradictions(read.prediction, read.reference)
        if not told:
            return None
        fitting = fitting_mappings(read.prediction, read.reference)
        places = [f"{c.value} ({c.name}) lies where the prediction has {c.place}" for c in told[:TOLD_NUMBERS]]
        meant = f"--mapping {' or '.join(fitting)} fits" if fitting else "--mapping says what they mean"
        return f"{pair.name}: the reference's numbers are hardly Omentum's: {', '.join(places)}; {meant}"
    return None
