"""Load the configured cases, split into training and validation cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.data.sampling.cases import LabelledCase, TrainingCase
from omentum.data.sampling.load import load_folder, load_pair
from omentum.data.sampling.load_store import check_store, load_store
from omentum.data.sampling.measurable import measurable
from omentum.data.sampling.sampler import PatchSource
from omentum.data.store.store import Store
from omentum.errors import UsageError
from omentum.model.terms import Terms
from omentum.model.terms import record as terms_record
from omentum.spec import PreprocessSpec
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.dataset_settings import DatasetConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.run import data_terms
from omentum.train.run.held_out import HeldOut

CountListener = Callable[[str, int, int], None]
"""Called with a collection's name, cases done and cases in all."""


@dataclass(frozen=True)
class TrainingData:
    """Data of a run.

    Args:
        sources: Training cases.
        held_out: Validation cases, in memory, with the labels that are measured (see `measurable`).
        record: JSON-serialisable record of the split, the fingerprints of training and held-out scans, and the licences
            of everything the weights are made from; see `HeldOut.record` and `omentum.model.terms`.
        remarks: Messages about cases left out.
    """

    sources: tuple[PatchSource, ...]
    held_out: tuple[LabelledCase, ...]
    record: dict[str, Any]
    remarks: tuple[str, ...] = ()


def load_sources(config: TrainConfig, classes: Sequence[str], progress: CountListener | None = None) -> TrainingData:
    """Read all collections and pairs.

    With a split, a run trains on the cases of its part or of the other folds, and validates on those of its fold;
    collections without any case of the split are trained on as a whole. Without a split, `DataConfig.validation` cases
    of each collection are held out, from each dataset in turn.

    Raises:
        InputError: A collection has no usable case, or a pair or the split cannot be used.
        UsageError: A collection has nothing left to train on, or a case held out by the split occurs in other material.
    """
    held = HeldOut.of(config)
    for data in config.data:
        if data.store:
            check_store(Path(data.store), config.preprocess)
    sources: list[PatchSource] = []
    validated: list[LabelledCase] = []
    made_from = held.start.terms
    for data in config.data:
        place = Path(data.folder or data.store)
        counted = (lambda *done, name=place.name: progress(name, *done)) if progress else None
        read = _of_store if data.store else _of_folder
        found, cases = read(place, data, classes, config.preprocess, held, counted)
        if not found:
            raise UsageError(f"{held.describe(data)} held out leaves none to train on", source=place)
        sources += found
        made_from += _terms(place, data, [source.name for source in found])
        validated += cases
    for pair in config.pairs:
        mapping = {int(value): keys for value, keys in pair.mapping.items()}
        case = load_pair(Path(pair.image), Path(pair.labels), mapping, classes, config.preprocess)
        sources.append(PatchSource(case.name, (case,), pair.weight, file=pair.image))
        made_from.append(Terms(case.name, pair.licence))
    held.check_start(validated)
    kept = _with_own_settings(held.without_copies(sources, validated), config)
    record = held.record(kept, validated) | terms_record(made_from)
    measured, remark = measurable(validated, classes)
    remarks = (*held.remarks, *filter(None, [remark]))
    return TrainingData(_distinct(kept), measured, record, remarks)


_Loaded = tuple[list[PatchSource], Sequence[LabelledCase]]
Counted = Callable[[int, int], None] | None


def _of_folder(
    place: Path, data: DataConfig, classes: Sequence[str], spec: PreprocessSpec, held: HeldOut, progress: Counted
) -> _Loaded:
    cases = load_folder(place, classes, spec, progress)
    division = held.divide(cases, data)
    kept = tuple(case for case in cases if case.name in division.train)
    validated = [case for case in cases if case.name in division.validation]
    return [PatchSource(place.name, kept, data.weight)] if kept else [], validated


def _of_store(
    place: Path, data: DataConfig, classes: Sequence[str], spec: PreprocessSpec, held: HeldOut, progress: Counted
) -> _Loaded:
    """One source per dataset in a store."""
    kept, validated = load_store(place, classes, spec, lambda cases: held.divide(cases, data), progress)
    by_dataset: dict[str, list[TrainingCase]] = {}
    for case in kept:
        by_dataset.setdefault(case.stored.dataset, []).append(case)
    datasets = _datasets_of(data)
    if unknown := sorted(set(data.weights) - datasets):
        remedy = f"it has {', '.join(sorted(datasets))}"
        raise UsageError(f"has no dataset {', '.join(unknown)} to weigh", source=place, remedy=remedy)
    sources = [
        PatchSource(key, tuple(cases), data.weight * data.weights.get(key, 1.0))
        for key, cases in sorted(by_dataset.items())
    ]
    return sources, validated


def _terms(place: Path, data: DataConfig, datasets: Sequence[str]) -> list[Terms]:
    """Licences of a training collection; the configuration takes precedence."""
    if data.store and not data.licence:
        return data_terms.of_store(place, datasets)
    return [Terms(place.name, data.licence)] if data.store else data_terms.of_folder(place, data.licence)


def _datasets_of(data: DataConfig) -> set[str]:
    """All datasets of a store, including those held out entirely by a fold."""
    return {case.dataset for case in Store.open(Path(data.store)).cases} if data.store else set()


def _with_own_settings(sources: Sequence[PatchSource], config: TrainConfig) -> list[PatchSource]:
    """Apply the settings of single datasets to the sources.

    Raises:
        UsageError: The configuration names a dataset that is neither loaded nor a bundled recipe.
    """
    here = {source.name for source in sources}.union(*map(_datasets_of, config.data))
    if unknown := sorted(set(config.datasets) - here - set(bundled_recipes())):
        remedy = f"there are {', '.join(sorted(here))}"
        raise UsageError(f"[datasets] names {', '.join(unknown)}, which is no dataset", remedy=remedy)
    found = [(source, config.datasets.get(source.name, DatasetConfig())) for source in sources]
    return [
        replace(source, centres=own.centres or config.centres, magnify=own.magnify or None) for source, own in found
    ]


def _distinct(sources: Sequence[PatchSource]) -> tuple[PatchSource, ...]:
    """Append a number to repeated source names, so that names are unique."""
    seen: Counter[str] = Counter()
    out = []
    for source in sources:
        seen[source.name] += 1
        number = seen[source.name]
        out.append(source if number == 1 else replace(source, name=f"{source.name} ({number})"))
    return tuple(out)
