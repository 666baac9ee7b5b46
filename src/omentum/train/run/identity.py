"""Identity of a run: configuration, classes and data; compared when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from isal import isal_zlib

from omentum.anatomy.structure_rows import carried_rows
from omentum.data.sampling.cases import LabelledCase, TrainingCase
from omentum.data.sampling.sampler import PatchSource
from omentum.data.sampling.store_cases import StoreCase
from omentum.json_values import strict_json
from omentum.train.config.settings import TrainConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAY_CHANGE = frozenset({"accumulation_steps", "activation_checkpointing", "save_every", "keep_checkpoints", "workers"})
"""Settings that say how a result is computed or kept, not which result."""

WORDS = "licence"
"""Of material, in words for people; nothing is computed from them."""

PATHS = frozenset({"folder", "store", "image", "labels", "init", "structures", "split"})
"""Of paths only the last part counts (and is told), so that a folder may move."""

SHOWN = 5
"""So many differences are told in full."""

Identity = dict[str, Any]


def described(config: DataclassInstance) -> dict[str, Any]:
    """The configuration as JSON-serialisable values, without file paths."""
    return dict(json.loads(json.dumps(strict_json(_without_places(asdict(config))), allow_nan=False)))


def run_identity(
    config: TrainConfig,
    classes: Sequence[str],
    sources: Iterable[PatchSource],
    held_out: Iterable[LabelledCase],
    split: Mapping[str, Any] | None = None,
) -> Identity:
    """Identity of a run as JSON-serialisable values.

    Args:
        config: The run.
        classes: Structure keys in the order of the model's outputs.
        sources: Training cases.
        held_out: Validation cases.
        split: Hash of the split and its fold or part, if there is a split.
    """
    data = {source.name: {case.name: case_checksum(case) for case in source.cases} for source in sources}
    validation = {case.name: case_checksum(case) for case in held_out}
    settings = _without_words(described(config))
    identity = {"config": settings, "classes": list(classes), "data": data, "validation": validation}
    rows = carried_rows(classes)
    return identity | ({"structures": dict(rows)} if rows else {}) | ({"split": dict(split)} if split else {})


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Differences between two identities, one sentence each; empty if it is the same run.

    A setting that the earlier identity lacks did not exist then and had no effect, which is what its default means.
    """
    earlier = before.get("config", {})
    unknown_then = {key: value for key, value in _defaults().items() if key in now["config"].keys() - earlier.keys()}
    found = changed_settings(earlier | unknown_then, now["config"])
    if before.get("classes") != now["classes"]:
        found.append("the list of classes is another one")
    if before.get("first_pass") != now.get("first_pass"):
        found.append("the weights that find the organs are others")
    if before.get("structures") != now.get("structures"):
        found.append("the structures are defined otherwise")
    if before.get("split") != now.get("split"):
        found.append("the split, or the part of it, is another one")
    for kind in ("data", "validation"):
        for name, old, new in _compared(before.get(kind, {}), now[kind]):
            word = "is new" if old is None else "is gone" if new is None else "has changed"
            found.append(f"{'case' if kind == 'data' else 'validation case'} {name} {word}")
    return found if len(found) <= SHOWN else [*found[:SHOWN], f"and {len(found) - SHOWN} more differences"]


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Settings that change the result and differ, one clause each; see `described`."""
    return [
        f"{name} was {_format_value(old)}, is {_format_value(new)}"
        for name, old, new in _compared(before, now)
        if name not in MAY_CHANGE
    ]


def _defaults() -> dict[str, Any]:
    """Settings that have a default, as in `described`."""
    values = {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(TrainConfig)
        if not (field.default is MISSING and field.default_factory is MISSING)
    }
    as_plain = {name: asdict(cast(Any, value)) if is_dataclass(value) else value for name, value in values.items()}
    return dict(json.loads(json.dumps(strict_json(_without_places(as_plain)))))


def _compared(before: Any, now: Any, name: str = "") -> Iterable[tuple[str, Any, Any]]:
    """Yield entries that differ: dotted name and both values (None if missing)."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            yield from _compared(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif before != now:
        yield name, before, now


def _format_value(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _without_words(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_words(v) for k, v in value.items() if k != WORDS}
    return [_without_words(v) for v in value] if isinstance(value, list) else value


def _without_places(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {k: _without_places(v, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_places(v) for v in value]
    is_place = key in PATHS or (key == "text_encoder" and Path(value).is_absolute())
    return Path(value).name if is_place and value else value


def case_checksum(case: TrainingCase) -> str:
    """Checksum of everything training sees of a case; for a stored case, of its sources."""
    if isinstance(case, StoreCase):
        return case.stored.key.text
    assert isinstance(case, LabelledCase)
    parts = (case.hu, case.labels, case.sets, case.annotated)
    return "-".join(f"{isal_zlib.crc32(np.ascontiguousarray(part)):08x}" for part in parts)
