"""A transfer task: a configuration whose network and grid are those of its initial weights.

A task file has the format of every training configuration. It needs only data, structures and, if only a part of the
network shall be trained, a mode. What it does not set is taken from the initial weights (backbone, parameters, grid,
patch, language model, prompt) and from a preset for the number of its cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import TEMPLATES, template_behind
from omentum.data.splits.split import Split
from omentum.data.store.store import Store
from omentum.errors import UsageError
from omentum.formatting import counted
from omentum.model.pretrained import own_spec
from omentum.model.weights import locate
from omentum.spec import CheckpointSpec, HeadKind
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.config.toml_file import config_of, merged, read_file, read_settings, with_overrides
from omentum.train.config.transfer_mode import TransferMode

FEW_CASES = {2: "transfer-1", 10: "transfer-5", math.inf: "transfer-20"}
"""Largest number of training cases -> preset for a task with so many."""

MODE_SETTINGS = {TransferMode.ADAPTERS: {"lr": 0.005}, TransferMode.PLAIN: {"lr": 0.03}}
"""Settings of a mode, over those of the preset: additions to weights and a new classifier begin at nothing, and AdamW
trains them."""

Note = Callable[[str], None]


def load_task(
    task: str | Path,
    init: str | Path = "",
    overrides: Mapping[str, Any] | None = None,
    data: Iterable[str | Path] = (),
    note: Note = lambda _: None,
) -> TrainConfig:
    """Load a transfer task: settings of the task file, over those of the initial weights, over a preset.

    Args:
        task: TOML file in the format of `load_config`, with `classes`, data and, as a rule, `mode`. With
            `preset = NAME` it extends that preset instead of the one for its number of cases.
        init: Initial weights, a file or a name; takes precedence over `init` in the file.
        overrides: Values to replace, with nested tables.
        data: Stores and folders of cases to train on, replacing all [[data]] and [[pairs]] in the file.
        note: Receives a message about what was taken from where.

    Returns:
        The configuration, for `plan_training` and `train_model`.

    Raises:
        UsageError: The file is unreadable, a setting is invalid, or it names no initial weights or no structures.
        CheckpointError: The initial weights cannot be read.
        InputError: A store or split cannot be read.

    Warns:
        CaseWarning: `data` replaces sources that the file names.

    Example:
        >>> config = omentum.load_task("my.toml", "default")
        >>> omentum.train_model(config, "runs/mine")
    """
    preset, own = read_file(task)
    given = with_overrides(own, task, {**(overrides or {}), **({"init": str(init)} if init else {})}, data)
    if not given.get("init"):
        raise UsageError("a task starts from initial weights", source=task, remedy="--init CHECKPOINT")
    if not given.get("classes"):
        remedy = 'classes = ["colon", "small bowel"]: every other output would not be trained'
        raise UsageError("a task names its structures", source=task, remedy=remedy)
    path = locate(str(given["init"]))
    spec = own_spec(path)
    network = {} if spec is None else network_settings(spec)
    settings = merged(network, given)
    if preset is None:
        cases = count_cases(config_of(settings, task))
        preset = preset_for(cases)
        note(f"{counted(cases, 'training case')}: settings of the preset {preset}")
    if spec is not None:
        spacing = " x ".join(f"{mm:g}" for mm in spec.preprocess.spacing_mm)
        note(
            f"network and grid of {path.name}: {spec.model.backbone}, {spacing} mm; what the task sets takes precedence"
        )
    base = read_settings(preset)
    mode = config_of(merged(base, settings), task).mode
    return config_of(merged(base | MODE_SETTINGS.get(mode, {}), settings), task)


def network_settings(spec: CheckpointSpec) -> dict[str, Any]:
    """The settings that describe a checkpoint's network, grid and language model."""
    grid = spec.preprocess
    found: dict[str, Any] = {
        "backbone": spec.model.backbone,
        "parameters": dict(spec.model.parameters),
        "spacing_mm": list(grid.spacing_mm),
        "window_hu": list(grid.window_hu),
        "patch": list(grid.patch),
        "antialias": grid.antialias,
    }
    if spec.model.head is HeadKind.TEXT:
        found["text_encoder"] = spec.text_encoder
        if template := template_behind({one.key: one.prompt for one in spec.classes if one.key in STRUCTURES}):
            found["prompt"] = next((name for name, said in TEMPLATES.items() if said == template), template)
    return found


def count_cases(config: TrainConfig) -> int:
    """Number of training cases, from names and manifests; no image is read.

    Raises:
        InputError: A store or split cannot be read.
        UsageError: The split has no such fold or part.
    """
    if config.split:
        roles = Split.read(Path(config.split)).roles(None if config.fold < 0 else config.fold, config.part)
        return len(roles.train)
    return sum(max(0, _cases_of(data) - data.validation) for data in config.data) + len(config.pairs)


def preset_for(cases: int) -> str:
    """Name of the preset for a number of training cases."""
    return next(name for most, name in FEW_CASES.items() if cases <= most)


def _cases_of(data: DataConfig) -> int:
    if data.store:
        return len(Store.open(Path(data.store)).cases)
    return len(list(Path(data.folder).glob("*/case.json")))
