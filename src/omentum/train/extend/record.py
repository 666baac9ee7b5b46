"""What an extended checkpoint records: where it came from, trust in every structure, what the extension cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from omentum.anatomy.structure_rows import carried_rows
from omentum.model import UniversalModel, save_checkpoint
from omentum.model.routes import routes
from omentum.model.safetensors_file import read_header
from omentum.model.terms import under
from omentum.spec import LINEAGE, Trust
from omentum.train.extend.comparison import Extension, StructureChange, trust_of
from omentum.train.extend.plan import Plan
from omentum.train.run.identity import described
from omentum.train.run.sources import TrainingData


def write_extended(plan: Plan, model: UniversalModel, extension: Extension, record: dict[str, Any]) -> None:
    """Write the checkpoint, with its lineage and its trust in every structure."""
    theirs = {one.key: one for one in plan.parent.spec.classes}
    rows = zip(extension.structures, model.spec.classes, strict=True)
    classes = tuple(replace(theirs.get(row.key, one), trust=_trust(plan, row)) for row, one in rows)
    step = {
        "parent": extension.parent,
        "parent_sha256": extension.parent_sha256,
        "added": list(extension.added),
        "protect": extension.protection.value,
        "steps": extension.steps,
        "worst_forgetting": extension.axes.worst_forgetting,
    }
    lineage = [*plan.parent.spec.training.get(LINEAGE, ()), step]
    training = {"steps": plan.config.steps, "config": described(plan.config), **record, LINEAGE: lineage}
    spec = replace(model.spec, classes=classes, structures=carried_rows(model.spec.class_keys))
    model.spec = under(spec, training)
    # What was trained comes from a checkpoint in half precision, so that this rounds nothing of it again.
    narrow = "F16" in read_header(plan.path).dtypes.values()
    assert extension.path is not None
    save_checkpoint(extension.path, model, torch.float16 if narrow else torch.float32)


def _trust(plan: Plan, row: StructureChange) -> Trust:
    """Of a known structure that may have changed, a good word counts only while it was measured to be kept."""
    if row.is_new:
        return trust_of(row)
    before = {one.key: one.trust for one in plan.parent.spec.classes}[row.key]
    measured_as_kept = row.after is not None and row.lost <= plan.options.max_forgetting
    if plan.options.protect.keeps_all or measured_as_kept:
        return before
    return Trust.worst([before, Trust.UNKNOWN])


def replayed_cases(plan: Plan, data: TrainingData) -> int:
    """Training cases from the collection to rehearse."""
    if plan.options.rehearse is None or plan.options.protect.keeps_all:
        return 0
    known = [plan.classes.index(key) for key in plan.parent.spec.class_keys]
    new = [plan.classes.index(key) for key in plan.added]
    cases = [case for source in data.sources for case in source.cases]
    return sum(bool(case.annotated[known].any() and not case.annotated[new].any()) for case in cases)


def backbone_passes(model: UniversalModel) -> int:
    """Passes through the backbone for all structures together."""
    adapters = [model.adapter_of(way) for way in routes(model.spec)]
    return len({None if a is None or not a.changes("backbone") else id(a) for a in adapters})
