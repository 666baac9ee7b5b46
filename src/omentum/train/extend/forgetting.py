"""Dice of all structures before and after an extension, on the same cases."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from omentum.atomic import write_json
from omentum.errors import TrainingError
from omentum.formatting import counted
from omentum.model import UniversalModel
from omentum.progress import TrainingListener
from omentum.train.extend.comparison import Figures, Reference, ReferenceCase, measured
from omentum.train.extend.plan import Plan
from omentum.train.run.identity import case_checksum

BEFORE_FILE = "before.json"


def dice_before(plan: Plan, cases: Sequence[ReferenceCase], progress: TrainingListener) -> Figures:
    """Dice of the parent, and of the new words given to it, measured once."""
    file, of = plan.run / BEFORE_FILE, {one.case.name: _identity(one) for one in cases}
    if (figures := _kept(file, of)) is not None:
        return figures
    progress.note(f"measuring the parent on {counted(len(cases), 'case')}")
    figures = measured(plan.whole, cases, _telling(progress))
    rows = [[key, reference, *found] for (key, reference), found in figures.items()]
    write_json(file, {"cases": of, "figures": rows})
    return figures


def _kept(file: Path, cases: dict[str, str]) -> Figures | None:
    """Figures of an earlier call; None if there are none, or they are of other cases."""
    if not file.exists():
        return None
    found = json.loads(file.read_bytes())
    if not isinstance(found, dict) or found.get("cases") != cases:
        return None
    return {(key, Reference(reference)): (dice, count) for key, reference, dice, count in found["figures"]}


def _identity(one: ReferenceCase) -> str:
    return " ".join([case_checksum(one.case), *sorted(one.pseudo)])


def _telling(progress: TrainingListener) -> Callable[[int, int], None]:
    return lambda done, of: progress.event("validating", {"done": done, "of": of})


def dice_after(
    plan: Plan, model: UniversalModel, cases: Sequence[ReferenceCase], before: Figures, progress: TrainingListener
) -> Figures:
    """Dice of the extended model; what cannot change is checked to the bit instead of measured again."""
    if not plan.options.protect.keeps_all:
        return measured(model, cases, _telling(progress))
    _check_unchanged(plan.parent, model)
    new = [plan.classes.index(key) for key in plan.added]
    showing = [one for one in cases if one.case.annotated[new].any()]
    found = measured(model, showing, _telling(progress))
    kept = {which: figures for which, figures in before.items() if which[0] not in plan.added}
    return kept | {which: figures for which, figures in found.items() if which[0] in plan.added}


@torch.inference_mode()
def _check_unchanged(parent: UniversalModel, model: UniversalModel) -> None:
    x = torch.rand(1, 1, *parent.spec.preprocess.patch, generator=torch.Generator().manual_seed(0))
    known = list(range(len(parent.spec.classes)))
    if not torch.equal(parent.eval()(x), model.eval()(x, known)):
        raise TrainingError("the known structures changed, which adapters must not do", remedy="report this")
