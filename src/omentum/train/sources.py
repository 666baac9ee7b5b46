"""The cases a configuration asks for, split into what is trained on and what is held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from omentum.data.cases import LabelledCase
from omentum.data.load import load_folder, load_pair
from omentum.data.sampler import Source
from omentum.errors import UsageError
from omentum.spec import PreprocessSpec
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
    spec = PreprocessSpec(config.spacing_mm, config.window_hu, config.patch, antialias=True)
    sources: list[Source] = []
    held_out: list[LabelledCase] = []
    for data in config.data:
        folder = Path(data.folder)
        cases = load_folder(
            folder, classes, spec, (lambda *done, name=folder.name: tell(name, *done)) if tell else None
        )
        if data.validation >= len(cases):
            raise UsageError(f"{data.validation} of {len(cases)} cases held out leaves none to train on", source=folder)
        kept = len(cases) - data.validation
        sources.append(Source(folder.name, cases[:kept], data.weight))
        held_out += cases[kept:]
    for pair in config.pairs:
        mapping = {int(value): keys for value, keys in pair.mapping.items()}
        case = load_pair(Path(pair.image), Path(pair.labels), mapping, classes, spec)
        sources.append(Source(case.name, (case,), pair.weight))
    return tuple(sources), tuple(held_out)
