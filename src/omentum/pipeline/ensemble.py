"""Ensembles of checkpoints: compatibility, and their description in the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from omentum.errors import UsageError
from omentum.fingerprint import ScansSeen, slice_hashes
from omentum.model import UniversalModel
from omentum.model.growth.second_pass import first_pass_of
from omentum.model.soup import average_models, distinct_names, refuse_same
from omentum.pipeline.manifest import describe_weights
from omentum.pipeline.options import Average
from omentum.spec import CheckpointSpec, Trust, classes_sha256
from omentum.volume import Volume

PER_MEMBER = ("classes", "structures")
"""Entries of a member that are not joined."""

Weights = str | Path | UniversalModel
"""A name, a checkpoint file, or a loaded model."""


def as_tuple(weights: Weights | Sequence[Weights]) -> tuple[Weights, ...]:
    """Convert one or several weights to a tuple.

    Raises:
        UsageError: no weights, or an object that is not weights.
    """
    one = isinstance(weights, str) or not isinstance(weights, Sequence)
    each: tuple[Any, ...] = (weights,) if one else tuple(weights)  # type: ignore[arg-type]  # checked in the line above
    if not each:
        raise UsageError("no weights are named", remedy='"default" are the bundled ones')
    for some in each:
        # Any object with a specification is accepted as a model.
        if not isinstance(some, (str, Path)) and not hasattr(some, "spec"):
            remedy = 'a name such as "default", a file, or a loaded model'
            raise UsageError(f"weights are named or given as a model, not as a {type(some).__name__}", remedy=remedy)
    return each


def together(models: Sequence[UniversalModel], weights: Sequence[Weights], average: Average) -> list[UniversalModel]:
    """The models that compute a result: one alone as it is, of several the first passes, or the mean of their weights.

    Args:
        models: Not changed.
        weights: What they were loaded from, for messages.
        average: What is averaged.

    Raises:
        UsageError: one cannot be averaged with the others.

    Warns:
        CaseWarning: one of several has a second pass. It depends on what its own first pass found, and is left out.
    """
    if len(models) == 1:
        return list(models)
    _check_compatible([model.spec for model in models], weights)
    firsts = [first_pass_of(model, _name(one)) for model, one in zip(models, weights, strict=True)]
    if average is Average.PROBABILITIES:
        return firsts
    names = distinct_names(list(map(_name, weights)))
    made = average_models(firsts, names)  # also says whether they go together
    refuse_same(firsts, names)
    return [made]


def _check_compatible(specs: Sequence[CheckpointSpec], weights: Sequence[Weights]) -> None:
    """Refuse to average models with incompatible outputs.

    Raises:
        UsageError: a model has another grid, window or patch than the first.
    """
    first, *others = specs
    for number, spec in enumerate(others, start=1):
        ours, theirs = asdict(first.preprocess), asdict(spec.preprocess)
        differ = [f"{name} {theirs[name]}, not {ours[name]}" for name in ours if ours[name] != theirs[name]]
        if differ:
            reason = f"cannot be averaged with {_name(weights[0])}: {'; '.join(differ)}"
            raise UsageError(reason, source=_name(weights[number]), remedy="average checkpoints of one kind of run")


def all_classes(models: Sequence[UniversalModel]) -> tuple[str, ...]:
    """Classes that at least one of the models has: those of the first, then further ones of the others."""
    return tuple(dict.fromkeys(key for model in models for key in model.spec.class_keys))


def mean_thresholds(models: Sequence[UniversalModel]) -> dict[str, float]:
    """Mean of the models' own thresholds, by class, over the models that have it."""
    each = [model.spec.thresholds for model in models]
    return {key: fmean(known[key] for known in each if key in known) for key in all_classes(models)}


def largest_minimum_ml(models: Sequence[UniversalModel]) -> dict[str, float]:
    """Largest of the volumes below which the models want a component removed, by class; without those of no model."""
    found: dict[str, float] = {}
    for model in models:
        found |= {key: max(ml, found.get(key, 0.0)) for key, ml in model.spec.minimum_ml.items()}
    return found


def worst_trust(models: Sequence[UniversalModel]) -> dict[str, Trust]:
    """Lowest reliability over the models that have a class: an ensemble is rated like its worst member."""
    each = [model.spec.trust for model in models]
    return {key: Trust.worst(known[key] for known in each if key in known) for key in all_classes(models)}


def classes_of(model: UniversalModel, classes: Sequence[str]) -> tuple[str, ...]:
    """Those of some classes that a model has, in their order."""
    known = frozenset(model.spec.class_keys)
    return tuple(key for key in classes if key in known)


def describe_ensemble(weights: Sequence[Weights], models: Sequence[UniversalModel]) -> dict[str, Any]:
    """Describe weights for the manifest; an ensemble has common entries, one hash of all, and a list of members.

    Members with different lists of classes also have these lists.
    """
    members = [describe_weights(w, model) for w, model in zip(weights, models, strict=True)]
    if len(members) == 1:
        return members[0]
    keys = [list(model.spec.class_keys) for model in models]
    if any(one != keys[0] for one in keys):
        members = [member | {"classes": one} for member, one in zip(members, keys, strict=True)]
    together = hashlib.sha256("".join(sorted(member["sha256"] for member in members)).encode())
    shared = [name for name in members[0] if name not in PER_MEMBER]
    description = {name: " + ".join(dict.fromkeys(str(m[name]) for m in members if m[name])) for name in shared}
    description["name"] = f"{len(members)} averaged: {', '.join(distinct_names(list(map(_name, weights))))}"
    structures = {key: row for model in models for key, row in model.spec.structures.items()}
    return {
        **description,
        **({"structures": structures} if structures else {}),
        "sha256": together.hexdigest(),
        "classes_sha256": classes_sha256(all_classes(models)),
        "members": members,
    }


def trained_on(ct: Volume, models: Sequence[UniversalModel]) -> dict[str, bool]:
    """`trained_on_this_scan`: whether a model was trained on this scan, a part of it, or one that contains it.

    Returns:
        Entry of the manifest; empty if unknown.
    """
    seen = ScansSeen.of_all(model.spec.scans_seen for model in models)
    if not seen.digests:
        return {}
    if seen.includes(slice_hashes(ct)):
        return {"trained_on_this_scan": True}
    return {"trained_on_this_scan": False} if seen.is_complete else {}


def _name(weights: Weights) -> str:
    return str(weights) if isinstance(weights, (str, Path)) else "a loaded model"
