"""The cases a configuration asks for, split into what is trained on and what is held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from omentum.anatomy.recipes import bundled_recipes
from omentum.data.cases import LabelledCase, TrainingCase
from omentum.data.load import load_folder, load_pair
from omentum.data.load_store import load_store
from omentum.data.sampler import Source
from omentum.errors import UsageError
from omentum.spec import PreprocessSpec
from omentum.train.config import DataConfig, TrainConfig
from omentum.train.dataset_config import DatasetConfig

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
        found, held = (_of_store if data.store else _of_folder)(place, data, classes, config.preprocess, counted)
        if not found:
            raise UsageError(f"{data.validation} cases held out leaves none to train on", source=place)
        sources += found
        held_out += held
    for pair in config.pairs:
        mapping = {int(value): keys for value, keys in pair.mapping.items()}
        case = load_pair(Path(pair.image), Path(pair.labels), mapping, classes, config.preprocess)
        sources.append(Source(case.name, (case,), pair.weight))
    return _distinct(_with_own_settings(sources, config)), tuple(held_out)


Found = tuple[list[Source], Sequence[LabelledCase]]
Counted = Callable[[int, int], None] | None


def _of_folder(place: Path, data: DataConfig, classes: Sequence[str], spec: PreprocessSpec, tell: Counted) -> Found:
    cases = load_folder(place, classes, spec, tell)
    split = max(0, len(cases) - data.validation)
    return [Source(place.name, cases[:split], data.weight)] if split else [], cases[split:]


def _of_store(place: Path, data: DataConfig, classes: Sequence[str], spec: PreprocessSpec, tell: Counted) -> Found:
    """One source for each dataset in the store."""
    kept, held = load_store(place, classes, spec, data.validation, tell)
    by_dataset: dict[str, list[TrainingCase]] = {}
    for case in kept:
        by_dataset.setdefault(case.stored.dataset, []).append(case)
    if unknown := sorted(set(data.weights) - set(by_dataset)):
        remedy = f"it has {', '.join(sorted(by_dataset))}"
        raise UsageError(f"has no dataset {', '.join(unknown)} to weigh", source=place, remedy=remedy)
    sources = [
        Source(key, tuple(cases), data.weight * data.weights.get(key, 1.0)) for key, cases in sorted(by_dataset.items())
    ]
    return sources, held


def _with_own_settings(sources: Sequence[Source], config: TrainConfig) -> list[Source]:
    """The same as the configuration wants each dataset to be shown.

    Raises:
        UsageError: it names a dataset that is neither here nor among the bundled recipes.
    """
    if unknown := sorted(set(config.datasets) - {source.name for source in sources} - set(bundled_recipes())):
        remedy = f"there are {', '.join(source.name for source in sources)}"
        raise UsageError(f"[datasets] names {', '.join(unknown)}, which is no dataset", remedy=remedy)
    found = [(source, config.datasets.get(source.name, DatasetConfig())) for source in sources]
    return [
        replace(source, centres=own.centres or config.centres, magnify=own.magnify or None) for source, own in found
    ]


def _distinct(sources: Sequence[Source]) -> tuple[Source, ...]:
    """The same with a number after a name that was there before, so that a case can be named."""
    seen: Counter[str] = Counter()
    out = []
    for source in sources:
        seen[source.name] += 1
        number = seen[source.name]
        out.append(source if number == 1 else replace(source, name=f"{source.name} ({number})"))
    return tuple(out)
