"""Everything about an extension that is settled before training: words, run, folder, and whether the data show it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from omentum.anatomy.structure_rows import carried_rows
from omentum.atomic import write_json
from omentum.errors import InputError, UsageError
from omentum.formatting import counted
from omentum.model import UniversalModel, load_checkpoint
from omentum.model.adapters import parameter_growth, with_adapter, with_classes
from omentum.model.pretrained import weights_sha256
from omentum.model.weights import locate
from omentum.output_checks import check_output
from omentum.spec import ClassSpec
from omentum.text.same_encoder import embed_like
from omentum.train.config.settings import TrainConfig
from omentum.train.extend.options import ExtendOptions
from omentum.train.extend.settings import ADAPTER_PARTS, extension_config, raw_settings
from omentum.train.extend.words import class_specs, new_structures
from omentum.train.run.folder import RESULT_FILE, STEPS_DIFFER
from omentum.train.run.identity import changed_settings, described
from omentum.train.run.sources import TrainingData

RUN_SUFFIX = ".run"
"""Of the folder beside the checkpoint with the training run, pseudo-labels and first measurements."""
WHAT_FILE = "extension.json"
TRAINING = "training"
"""Folder of the run's training."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is settled before training.

    Args:
        parent: The model that is extended, and `path`, its file.
        new: The new classes, and `text`, their embeddings.
        whole: Parent with the new classes, before training.
        config: The training run.
        run: Folder for it.
    """

    options: ExtendOptions
    parent: UniversalModel
    path: Path
    new: tuple[ClassSpec, ...]
    made: tuple[str, ...]
    text: torch.Tensor
    whole: UniversalModel
    config: TrainConfig
    run: Path

    @property
    def classes(self) -> tuple[str, ...]:
        """Keys of all classes, the known ones first."""
        return self.whole.spec.class_keys

    @property
    def added(self) -> tuple[str, ...]:
        """Keys of the new ones."""
        return tuple(one.key for one in self.new)


def make_plan(weights: str | Path, out: Path, options: ExtendOptions, *, overwrite: bool) -> Plan:
    """Settle everything; nothing is written.

    Raises:
        UsageError, InputError, OutputError: See `omentum.train.extend.extend.extend_model`.
    """
    path = locate(weights)
    raw = raw_settings(options)
    collections = [Path(str(e.get("folder") or e.get("store"))) for e in raw.get("data", ()) if isinstance(e, dict)]
    inputs = [path, *collections, *(place for place in (options.rehearse, options.check) if place is not None)]
    run = out.with_name(out.name + RUN_SUFFIX)
    check_output(out, inputs=inputs, overwrite=overwrite)
    check_output(run, inputs=inputs, overwrite=True)
    if out.suffix != ".safetensors":
        raise UsageError("weights are written as .safetensors", source=out, remedy=f"-o {out.stem}.safetensors")
    parent = load_checkpoint(path)
    found = new_structures(options.add, parent.spec.class_keys)
    keys = tuple(found)
    new = class_specs(keys, parent.spec, options.prompt)
    parts = ADAPTER_PARTS.get(options.protect)
    if parts is not None:
        _refuse_growth(parent, new, options, parts)
    text = embed_like(parent.spec, parent.text_embeddings, [one.prompt for one in new])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(raw.get("seed", 0)))
        whole = (
            with_classes(parent, new, text)
            if parts is None
            else with_adapter(parent, new, text, rank=options.rank, parts=parts)
        )
    whole.spec = replace(whole.spec, structures=carried_rows(whole.spec.class_keys))
    config = extension_config(raw, options, parent.spec, path, keys if parts is not None else whole.spec.class_keys)
    made = tuple(key for key in keys if found[key])
    return Plan(options, parent.eval(), path, new, made, text, whole.eval(), config, run)


def _refuse_growth(
    parent: UniversalModel, new: Sequence[ClassSpec], options: ExtendOptions, parts: Sequence[str]
) -> None:
    """Refuse adapters that are too large, before words are embedded."""
    nothing = torch.zeros(len(new), parent.text_embeddings.shape[1])
    growth = parameter_growth(with_adapter(parent, new, nothing, rank=options.rank, parts=parts))
    if growth > options.max_growth:
        remedy = "a lower --rank, --protect heads, or a higher --max-growth"
        raise UsageError(f"the adapters would be {growth:.1%} of the network", remedy=remedy)


def check_shown(plan: Plan, data: TrainingData) -> None:
    """Every new structure must occur in a training case."""
    trained = [case for source in data.sources for case in source.cases]
    for key in plan.added:
        k = plan.classes.index(key)
        if any(case.voxels.get(k) for case in trained):
            continue
        seen = sum(bool(case.annotated[k]) for case in trained)
        known = {plan.classes[n] for case in trained for n in case.voxels}
        reason = f"no training case shows {key}: {seen} of {counted(len(trained), 'case')} annotate it"
        remedy = f"they show {', '.join(sorted(known)) or 'nothing'}; name it as the data do, or map it in a recipe"
        raise InputError(reason, source=plan.options.data, remedy=remedy)


def claim(plan: Plan) -> None:
    """The folder beside the result belongs to one extension."""
    options = plan.options
    what: dict[str, Any] = {
        "parent": weights_sha256(plan.path),
        "added": list(plan.added),
        "protect": options.protect,
        "min_confidence": options.min_confidence,
        "distil_weight": options.distil_weight,
        "rank": options.rank,
        "rehearse": None if options.rehearse is None else options.rehearse.name,
        "settings": described(plan.config),
    }
    file = plan.run / WHAT_FILE
    if file.exists():
        found = json.loads(file.read_bytes())
        differ = [name for name in what if name != "settings" and found.get(name, what[name]) != what[name]]
        settings = changed_settings(found.get("settings", what["settings"]), what["settings"])
        if not (plan.run / TRAINING / RESULT_FILE).exists():  # a run in progress may take more steps, and says if not
            settings = [text for text in settings if not text.startswith(STEPS_DIFFER)]
        if differ := [*differ, *settings]:
            reason = f"was begun otherwise: {', '.join(differ)}"
            raise UsageError(reason, source=plan.run, remedy="remove the folder, restore that, or choose another -o")
        return
    plan.run.mkdir(parents=True, exist_ok=True)
    write_json(file, what)
