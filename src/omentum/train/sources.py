"""The cases a configuration asks for, split into what is trained on and what is held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from omentum.data.cases import LabelledCase
from omentum.data.load import load_folder, load_pair
from omentum.data.load_store import load_store
from omentum.data.sampler import Source
from omentum.errors import UsageError
from omentum.train.config import TrainConfig

Tell = Callable[[str, int, int], None]
"""Called with a collection's name, cases done and cases in all."""


def load_sources(
    config: TrainConfig, classes: Sequence[str], tell: Tell | None = None
) -> tuple[tuple[Source, ...], tuple[LabelledCase, ...]]:
    """Read all collections and pairs.

    Returns:
        Sources to draw from, and the held-out cases (the last by name of each collection).

    Raises:
        InputError: a collection has no usable case, or a pair cannot be used.
        UsageError: a collection keeps nothing to train on.
    """
    sources: list[Source] = []
    held_out: list[LabelledCase] = []
    for data in config.data:
        place = Path(data.folder or data.store)
        counted = (lambda *done, name=place.name: tell(name, *done)) if tell else None
        if data.store:
            kept, held = load_store(place, classes, config.preprocess, data.validation, counted)
        else:
            cases = load_folder(place, classes, config.preprocess, counted)
            split = max(0, len(cases) - data.validation)
            kept, held = cases[:split], cases[split:]
        if not kept:
            raise UsageError(f"{data.validation} cases held out leaves none to train on", source=place)
        sources.append(Source(place.name, kept, data.weight))
        held_out += held
    for pair in config.pairs:
        mapping = {int(value): keys for value, keys in pair.mapping.items()}
        case = load_pair(Path(pair.image), Path(pair.labels), mapping, classes, config.preprocess)
        sources.append(Source(case.name, (case,), pair.weight))
    return tuple(sources), tuple(held_out)
