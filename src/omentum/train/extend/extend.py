"""Extend a model by further structures; implements `omentum extend`."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from omentum.anatomy.structure_rows import carried_rows
from omentum.atomic import write_json
from omentum.data.sampling.cases import LabelledCase, TrainingCase
from omentum.data.sampling.sampler import PatchSource
from omentum.errors import InputError, OmentumError, TrainingError, UsageError
from omentum.formatting import counted
from omentum.model import UniversalModel, load_checkpoint, save_checkpoint
from omentum.model.adapters import joined, parameter_growth, with_adapter, with_classes
from omentum.model.checkpoint import CHECKSUM
from omentum.model.routes import routes
from omentum.model.safetensors_file import read_header
from omentum.model.terms import under
from omentum.model.weights import locate
from omentum.output_checks import check_output
from omentum.progress import SILENT, TrainingListener
from omentum.spec import LINEAGE, ClassSpec, Trust
from omentum.text.encoder import embed
from omentum.train.config.settings import TrainConfig
from omentum.train.extend.comparison import (
    Extension,
    Figures,
    Reference,
    ReferenceCase,
    StructureChange,
    axes_of,
    changes,
    measured,
    trust_of,
)
from omentum.train.extend.options import ExtendOptions, Protection
from omentum.train.extend.pseudo_labels import with_pseudo_labels
from omentum.train.extend.reference_cases import narrowed, reference_cases
from omentum.train.extend.settings import ADAPTER_PARTS, extension_config, raw_settings
from omentum.train.extend.words import class_specs, new_structures
from omentum.train.loop import run_training
from omentum.train.losses.distillation import Distillation
from omentum.train.run.identity import described
from omentum.train.run.sources import TrainingData, load_sources
from omentum.train.training import sampler_of

RUN_SUFFIX = ".run"
"""Of the folder beside the checkpoint with the training run, pseudo-labels and first measurements."""
BEFORE_FILE, WHAT_FILE, PSEUDO, TRAINING = "before.json", "extension.json", "pseudo", "training"


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


@dataclass(frozen=True, eq=False)
class _Plan:
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
    plan = _plan(weights, Path(out), options, overwrite=overwrite)
    progress.event("begin", {"steps": plan.config.steps})
    progress.note(f"adding {', '.join(f'{one.key} ({one.prompt!r})' for one in plan.new)}")
    data = load_sources(plan.config, plan.classes, progress.reading)
    for remark in data.remarks:
        progress.note(remark)
    _check_shown(plan, data)
    _claim(plan)
    cases = reference_cases(options, plan.classes, plan.parent.spec, progress)
    sources, labelled, held_out = _labelled(plan, data, progress)
    judged = [*cases, *held_out]
    before = _before(plan, judged, progress)
    model = _trained(plan, sources, held_out, data.record, progress)
    rows = changes(plan.classes, plan.added, before, _after(plan, model, judged, before, progress))
    if unknown := [row.key for row in rows if not row.is_new and row.after is None and not options.protect.keeps_all]:
        progress.note(f"nothing shows what became of {', '.join(unknown)}: --check has no case of them")
    extension = Extension(
        path=None,
        parent=plan.path.name,
        parent_sha256=_checksum(plan.path),
        added=plan.added,
        made=plan.made,
        protection=options.protect,
        structures=rows,
        axes=axes_of(rows, growth=parameter_growth(model), replayed=_replayed(plan, data), passes=_passes(model)),
        pseudo_labels=dict(labelled),
        steps=plan.config.steps,
    )
    if extension.forgotten(options.max_forgetting) and not options.anyway:
        raise ForgettingError(extension, options.max_forgetting, plan.run)
    extension = replace(extension, path=str(out))
    _write(plan, model, extension, data.record)
    progress.note(f"done: {out}")
    return extension


def _plan(weights: str | Path, out: Path, options: ExtendOptions, *, overwrite: bool) -> _Plan:
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
    text = embed([one.prompt for one in new], parent.spec.text_encoder)
    parts = ADAPTER_PARTS.get(options.protect)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(raw.get("seed", 0)))
        whole = (
            with_classes(parent, new, text)
            if parts is None
            else with_adapter(parent, new, text, rank=options.rank, parts=parts)
        )
    whole.spec = replace(whole.spec, structures=carried_rows(whole.spec.class_keys))
    config = extension_config(raw, options, parent.spec, path, keys if parts is not None else whole.spec.class_keys)
    if parts is not None and (growth := parameter_growth(whole)) > options.max_growth:
        remedy = "a lower --rank, --protect heads, or a higher --max-growth"
        raise UsageError(f"the adapters would be {growth:.1%} of the network", remedy=remedy)
    made = tuple(key for key in keys if found[key])
    return _Plan(options, parent.eval(), path, new, made, text, whole.eval(), config, run)


def _check_shown(plan: _Plan, data: TrainingData) -> None:
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


def _claim(plan: _Plan) -> None:
    """The folder beside the result belongs to one extension."""
    options = plan.options
    what: dict[str, Any] = {
        "parent": _checksum(plan.path),
        "added": list(plan.added),
        "protect": options.protect,
        "min_confidence": options.min_confidence,
        "distil_weight": options.distil_weight,
        "rank": options.rank,
    }
    file = plan.run / WHAT_FILE
    if file.exists():
        found = json.loads(file.read_bytes())
        if differ := [name for name in what if found.get(name) != what[name]]:
            reason = f"was begun otherwise: {', '.join(differ)}"
            raise UsageError(reason, source=plan.run, remedy="remove the folder, restore that, or choose another -o")
        return
    plan.run.mkdir(parents=True, exist_ok=True)
    write_json(file, what)


def _labelled(
    plan: _Plan, data: TrainingData, progress: TrainingListener
) -> tuple[list[PatchSource], Counter[str], list[ReferenceCase]]:
    """Training cases, with pseudo-labels where wanted; how many have which; and the held-out cases to measure."""
    options, labelled = plan.options, Counter[str]()
    count = sum(len(source.cases) for source in data.sources) + len(data.held_out)
    done = 0

    def with_labels(case: TrainingCase) -> tuple[TrainingCase, frozenset[str]]:
        nonlocal done
        progress.reading("pseudo-labels", done, count)
        done += 1
        file = plan.run / PSEUDO / f"{done:05d}-{_file_name(case.name)}.npz"
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
    plan: _Plan,
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
        distillation=distillation if options.protect is Protection.DISTIL else None,
        record=record,
    )
    trained = load_checkpoint(path)
    return joined(plan.parent, trained).eval() if keeps else trained


def _shown_more(plan: _Plan) -> dict[str, float]:
    """New structures together as often as the known ones: with labels of all, a patch would seldom show them."""
    return dict.fromkeys(plan.added, max(1.0, len(plan.parent.spec.classes) / len(plan.added)))


def _before(plan: _Plan, cases: Sequence[ReferenceCase], progress: TrainingListener) -> Figures:
    """Dice of the parent, and of the new words given to it, measured once."""
    file = plan.run / BEFORE_FILE
    if not file.exists():
        progress.note(f"measuring the parent on {counted(len(cases), 'case')}")
        found = measured(plan.whole, cases, lambda done, of: progress.event("validating", {"done": done, "of": of}))
        write_json(file, [[key, reference, *figures] for (key, reference), figures in found.items()])
    rows = json.loads(file.read_bytes())
    return {(key, Reference(reference)): (dice, cases) for key, reference, dice, cases in rows}


def _after(
    plan: _Plan, model: UniversalModel, cases: Sequence[ReferenceCase], before: Figures, progress: TrainingListener
) -> Figures:
    """Dice of the extended model; what cannot change is checked to the bit instead of measured again."""

    def tell(done: int, of: int) -> None:
        progress.event("validating", {"done": done, "of": of})

    if not plan.options.protect.keeps_all:
        return measured(model, cases, tell)
    _check_unchanged(plan.parent, model)
    new = [plan.classes.index(key) for key in plan.added]
    showing = [one for one in cases if one.case.annotated[new].any()]
    found = measured(model, showing, tell)
    kept = {which: figures for which, figures in before.items() if which[0] not in plan.added}
    return kept | {which: figures for which, figures in found.items() if which[0] in plan.added}


@torch.inference_mode()
def _check_unchanged(parent: UniversalModel, model: UniversalModel) -> None:
    x = torch.rand(1, 1, *parent.spec.preprocess.patch, generator=torch.Generator().manual_seed(0))
    known = list(range(len(parent.spec.classes)))
    if not torch.equal(parent.eval()(x), model.eval()(x, known)):
        raise TrainingError("the known structures changed, which adapters must not do", remedy="report this")


def _write(plan: _Plan, model: UniversalModel, extension: Extension, record: dict[str, Any]) -> None:
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


def _trust(plan: _Plan, row: StructureChange) -> Trust:
    """Of a known structure that may have changed, a good word counts only while it was measured to be kept."""
    if row.is_new:
        return trust_of(row)
    before = plan.parent.spec.trust[row.key]
    measured_as_kept = row.after is not None and row.lost <= plan.options.max_forgetting
    if plan.options.protect.keeps_all or measured_as_kept:
        return before
    return Trust.worst([before, Trust.UNKNOWN])


def _replayed(plan: _Plan, data: TrainingData) -> int:
    """Training cases from the collection to rehearse."""
    if plan.options.rehearse is None or plan.options.protect.keeps_all:
        return 0
    known = [plan.classes.index(key) for key in plan.parent.spec.class_keys]
    new = [plan.classes.index(key) for key in plan.added]
    cases = [case for source in data.sources for case in source.cases]
    return sum(bool(case.annotated[known].any() and not case.annotated[new].any()) for case in cases)


def _passes(model: UniversalModel) -> int:
    adapters = [model.adapter_of(way) for way in routes(model.spec)]
    return len({None if a is None or not a.changes("backbone") else id(a) for a in adapters})


def _checksum(path: Path) -> str:
    return str(read_header(path).metadata[CHECKSUM])


def _file_name(case: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in case)[:80]
