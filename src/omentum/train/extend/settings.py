"""The training run of an extension: the user's data and settings, and what the checkpoint has settled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from omentum.anatomy.structure_file import include_structures
from omentum.anatomy.structure_rows import include_carried
from omentum.data.store.store import read_manifest
from omentum.errors import InputError, UsageError
from omentum.io.truth import DESCRIPTION
from omentum.model.adapters import HEAD_ONLY
from omentum.spec import CheckpointSpec
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.config.toml_file import config_of, parse_settings, settings_of
from omentum.train.extend.options import ExtendOptions, Protection

DEFAULTS: Mapping[str, Any] = {
    "steps": 500,
    "warmup_steps": 25,
    "muon_lr": 0.005,
    "lr": 1e-3,
    "deep_supervision_weight": 0.0,
    "ema_decay": 0.99,
    "validate_every": 250,
    "save_every": 100,
    "temperature": float("inf"),
}
"""Settings that differ from those of a run from scratch, where the file does not give them: shorter and gentler.

Classifiers for deep supervision are fresh in every run and pull a trained backbone away from what it knows at first.
"""
FREE = {"muon_lr": 0.02, "lr": 3e-3, "deep_supervision_weight": 1.0}
"""Instead, where what is known cannot be harmed: adapters begin at zero."""
OWN = ("classes", "init", "init_parts", "trainable", "prompt", "first_logit", "spread_text", "organs_per_step")
"""Settings that an extension makes itself."""
TRAINED_PARTS = {Protection.FROZEN: ("head",), Protection.ADAPTERS: ("adapters",), Protection.HEADS: ("adapters",)}
ADAPTER_PARTS = {Protection.ADAPTERS: (), Protection.HEADS: HEAD_ONLY}


def raw_settings(options: ExtendOptions) -> dict[str, Any]:
    """Settings of the data file, or for a store or folder; their own structures are registered.

    Raises:
        UsageError: The file cannot be read or names no data.
        InputError: A collection cannot be read.
    """
    place = options.data
    assert place is not None
    given = parse_settings(options.settings)
    raw = settings_of(None, given, [place]) if place.is_dir() else settings_of(place, given)
    if not raw.get("data") and not raw.get("pairs"):
        raise UsageError("names no data", source=place, remedy="give [[data]] or [[pairs]]")
    if raw.get("structures"):
        include_structures(str(raw["structures"]))
    for entry in raw.get("data", ()):
        if isinstance(entry, Mapping) and (entry.get("folder") or entry.get("store")):
            include_described(Path(str(entry.get("folder") or entry.get("store"))))
    return raw


def include_described(place: Path) -> None:
    """Register the structures that a store or the cases of a folder describe.

    Raises:
        InputError: There is neither.
        UsageError: A structure is described otherwise than in this process.
    """
    if (place / "store.json").exists():
        include_carried(read_manifest(place).get("structures", {}), place)
        return
    found = sorted(place.glob(f"*/{DESCRIPTION}"))
    if not found:
        raise InputError("is no store and holds no cases", source=place, remedy="see omentum data prepare")
    for file in found:
        try:
            rows = json.loads(file.read_bytes()).get("structures", {})
        except (OSError, ValueError, AttributeError):
            continue  # reported when the case is read
        include_carried(rows, file)


def extension_config(
    raw: Mapping[str, Any], options: ExtendOptions, spec: CheckpointSpec, parent: Path, classes: Sequence[str]
) -> TrainConfig:
    """The run that trains the new structures.

    Args:
        raw: See `raw_settings`.
        options: What to do.
        spec: Of the parent.
        parent: Its file.
        classes: Keys of the classes that are trained.

    Raises:
        UsageError: A setting is invalid, or another than the checkpoint's.
    """
    out = dict(DEFAULTS) | (FREE if options.protect.keeps_all else {}) | dict(raw)
    if own := [name for name in OWN if name in raw]:
        raise UsageError(f"{', '.join(own)} cannot be set for an extension", source=options.data, remedy="leave it out")
    settled = {
        "backbone": spec.model.backbone,
        "parameters": dict(spec.model.parameters),
        "text_encoder": spec.text_encoder,
        **{name: value for name, value in asdict(spec.preprocess).items() if name != "orientation"},
    }
    for name, value in settled.items():
        if name in raw and _plain(raw[name]) != _plain(value):
            reason = f"{name} is {_plain(value)} in the checkpoint, not {_plain(raw[name])}"
            raise UsageError(reason, source=options.data, remedy="leave it out")
    out |= settled | {"classes": list(classes), "init": str(parent)}
    out["trainable"] = list(TRAINED_PARTS.get(options.protect, ()))
    config = config_of(out, options.data)
    data = config.data
    if not config.split and not any("validation" in entry for entry in raw.get("data", ())):
        data = tuple(replace(entry, validation=options.validation) for entry in data)
    if options.rehearse is not None:
        (entry,) = settings_of(None, None, [options.rehearse])["data"]
        held_out = 0 if config.split or options.check else options.validation
        data = (*data, DataConfig(**entry, validation=held_out))
    return replace(config, data=data)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))
