"""Extend a model by further structures; implements `omentum extend`."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omentum.anatomy.structure_rows import carried_rows
from omentum.data.sampling.cases import LabelledCase, TrainingCase
from omentum.data.sampling.sampler import PatchSource
from omentum.errors import OmentumError, UsageError
from omentum.formatting import counted
from omentum.model import UniversalModel, load_checkpoint
from omentum.model.adapters import joined, parameter_growth, with_adapter
from omentum.model.pretrained import weights_sha256
from omentum.progress import SILENT, TrainingListener
from omentum.train.extend.comparison import Extension, ReferenceCase, axes_of, changes
from omentum.train.extend.forgetting import dice_after, dice_before
from omentum.train.extend.options import ExtendOptions, Protection
from omentum.train.extend.plan import TRAINING, Plan, check_shown, claim, make_plan
from omentum.train.extend.pseudo_labels import with_pseudo_labels
from omentum.train.extend.record import backbone_passes, replayed_cases, write_extended
from omentum.train.extend.reference_cases import narrowed, reference_cases
from omentum.train.extend.settings import ADAPTER_PARTS
from omentum.train.loop import run_training
from omentum.train.losses.apart import apart
from omentum.train.losses.distillation import Distillation
from omentum.train.losses.patch_loss import configured_loss
from omentum.train.run.identity import case_checksum
from omentum.train.run.sources import TrainingData, load_sources
from omentum.train.training import sampler_of

PSEUDO = "pseudo"
"""Folder of the run for pseudo-labels."""
NEARLY_ALWAYS = 1000.0
"""Sampling weight that leaves next to nothing to structures of weight 1 in the same cases."""


class ForgettingError(OmentumError):
    """Known structures lost more than allowed; nothing was written.

    Args:
        extension: What was measured.
        allowed: Dice a structure may lose.
        run: Folder of the run, which is finished.
    """

    def __init__(self, extension: Extension, allowed: float, run: Path) -> None:
        lost = extension.forgotten(allowed)
        worst = ", ".join(f"{row.key} {row.before:.3f} to {row.after:.3f}" for row in lost[:3])
        reason = f"not written: {counted(len(lost), 'known structure')} lost more than {allowed:g} Dice ({worst})"
        remedy = f"protect more (--protect adapters loses nothing, --rehearse), or --anyway; the run is kept in {run}"
        super().__init__(reason, remedy=remedy)
        self.extension = extension


def extend_model(
    weights: str | Path,
    out: str | Path,
    options: ExtendOptions,
    *,
    overwrite: bool = False,
    progress: TrainingListener = SILENT,
) -> Extension:
    """Teach a model further structures; the result is an ordinary checkpoint.

    An interrupted extension goes on if it is called again; its run is the folder `<out>.run`.

    Args:
        weights: The parent: a name or a checkpoint file. It is not changed.
        out: `.safetensors` file to write.
        options: Words, data and protection.
        overwrite: Replace an existing file.
        progress: Receives progress.

    Raises:
        UsageError: Words, settings or data do not fit the parent; or the run was begun otherwise.
        InputError: Data or weights cannot be read, or no case shows a new structure.
        ForgettingError: Known structures lost too much.
        StoppedError: SIGTERM or Ctrl-C; the run is saved.
        TrainingError: See `omentum.train.training.train_model`.
        OutputError: The file cannot be written.
    """
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError("an extension runs in one process", remedy="leave torchrun out")
    plan = make_plan(weights, Path(out), options, overwrite=overwrite)
    progress.event("begin", {"steps": plan.config.steps})
    progress.note(f"adding {', '.join(f'{one.key} ({one.prompt!r})' for one in plan.new)}")
    data = load_sources(plan.config, plan.classes, progress.reading)
    for remark in data.remarks:
        progress.note(remark)
    check_shown(plan, data)
    claim(plan)
    cases = reference_cases(options, plan.classes, plan.parent.spec, data.sources, progress)
    sources, labelled, held_out = _labelled(plan, data, progress)
    judged = [*cases, *held_out]
    before = dice_before(plan, judged, progress)
    model = _trained(plan, sources, held_out, data.record, progress)
    rows = changes(plan.classes, plan.added, before, dice_after(plan, model, judged, before, progress))
    growth, replayed, passes = parameter_growth(model), replayed_cases(plan, data), backbone_passes(model)
    if unknown := [row.key for row in rows if not row.is_new and row.after is None and not options.protect.keeps_all]:
        progress.note(f"nothing shows what became of {', '.join(unknown)}: --check has no case of them")
    extension = Extension(
        path=None,
        parent=plan.path.name,
        parent_sha256=weights_sha256(plan.path),
        added=plan.added,
        made=plan.made,
        protection=options.protect,
        structures=rows,
        axes=axes_of(rows, growth=growth, replayed=replayed, passes=passes),
        pseudo_labels=dict(labelled),
        steps=plan.config.steps,
    )
    if extension.forgotten(options.max_forgetting) and not options.anyway:
        raise ForgettingError(extension, options.max_forgetting, plan.run)
    extension = replace(extension, path=str(out))
    write_extended(plan, model, extension, data.record)
    progress.note(f"done: {out}")
    return extension


def _labelled(
    plan: Plan, data: TrainingData, progress: TrainingListener
) -> tuple[list[PatchSource], Counter[str], list[ReferenceCase]]:
    """Training cases, with pseudo-labels where wanted; how many have which; and the held-out cases to measure."""
    options, labelled = plan.options, Counter[str]()
    count = sum(len(source.cases) for source in data.sources) + len(data.held_out)
    done = 0

    def with_labels(case: TrainingCase) -> tuple[TrainingCase, frozenset[str]]:
        nonlocal done
        progress.reading("pseudo-labels", done, count)
        done += 1
        told = hashlib.blake2b(case_checksum(case).encode(), digest_size=8).hexdigest()  # a changed case is told again
        file = plan.run / PSEUDO / f"{_file_name(case.name)}-{told}.npz"
        return with_pseudo_labels(case, plan.classes, plan.parent, options.min_confidence, file)

    sources = []
    for source in data.sources:
        cases: list[TrainingCase] = []
        for case in source.cases:
            if options.protect.has_pseudo_labels:
                case, said = with_labels(case)  # noqa: PLW2901
                labelled.update(said)
            cases.append(narrowed(case, plan.classes, plan.config.classes))
        kept = [case for case in cases if case.annotated.any()]
        if kept:
            sources.append(replace(source, cases=tuple(kept)))
    held = []
    for one in data.held_out:
        found, said = (one, frozenset()) if options.protect.keeps_all else with_labels(one)
        assert isinstance(found, LabelledCase)
        held.append(ReferenceCase(found, said))
    return sources, labelled, held


def _trained(
    plan: Plan,
    sources: Sequence[PatchSource],
    held_out: Sequence[ReferenceCase],
    record: dict[str, Any],
    progress: TrainingListener,
) -> UniversalModel:
    """The extended model after training, or as trained before."""
    options, alone = plan.options, plan.config.classes
    keeps = options.protect.keeps_all
    model = plan.whole
    if keeps:
        parts = ADAPTER_PARTS[options.protect]
        model = with_adapter(plan.parent, plan.new, plan.text, rank=options.rank, parts=parts, keep_classes=False)
        model.spec = replace(model.spec, structures=carried_rows(alone))
        model.adapters.load_state_dict({f"0.{k}": v for k, v in plan.whole.adapters[-1].state_dict().items()})
    distillation = Distillation(load_checkpoint(plan.path), options.distil_weight)
    cases = [narrowed(one.case, plan.classes, alone) for one in held_out]
    path = run_training(
        plan.config,
        replace(sampler_of(plan.config, alone, sources), structure_weights=_shown_more(plan)),
        [case for case in cases if isinstance(case, LabelledCase) and case.annotated.any()],
        plan.run / TRAINING,
        progress.event,
        model=model.train(),
        loss=None if keeps else apart(configured_loss(plan.config), len(plan.parent.spec.classes)),
        distillation=distillation if options.protect is Protection.DISTIL else None,
        record=record,
    )
    trained = load_checkpoint(path)
    return joined(plan.parent, trained).eval() if keeps else trained


def _shown_more(plan: Plan) -> dict[str, float]:
    """New structures together as often as the known ones: with labels of all, a patch would seldom show them.

    Cases to rehearse show the known ones, so that the others are there for the new ones.
    """
    if plan.options.rehearse is not None:
        return dict.fromkeys(plan.added, NEARLY_ALWAYS)
    return dict.fromkeys(plan.added, max(1.0, len(plan.parent.spec.classes) / len(plan.added)))


def _file_name(case: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in case)[:80]
