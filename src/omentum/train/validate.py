"""Validation: Dice on held-out cases, with the sliding windows of inference, on the model grid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from omentum.atomic import write_json
from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.class_sets import unpack
from omentum.evaluate.metrics.overlap import Overlap
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import plan_windows
from omentum.json_values import from_json_values
from omentum.model import UniversalModel
from omentum.preprocess.intensity import window
from omentum.schemas import Schema, stamped, unstamped
from omentum.train.distributed import summed

if TYPE_CHECKING:
    from lightning_fabric import Fabric

K = TypeVar("K")


@dataclass(frozen=True)
class Validation:
    """The last and the best validation of a run.

    Args:
        step: Steps done; 0 if there was no validation yet.
        mean_dice: Mean over structures of the mean over cases.
        dice: By structure key; structures that occur in no case are left out.
        best_step, best_dice: Of the validation with the highest mean.
    """

    step: int = 0
    mean_dice: float = 0.0
    dice: dict[str, float] = field(default_factory=dict)
    best_step: int = 0
    best_dice: float = -1.0

    def after(self, step: int, dice: dict[str, float]) -> Validation:
        """Add a new validation; an equal mean is not an improvement."""
        mean = sum(dice.values()) / max(1, len(dice))
        if mean > self.best_dice:
            return Validation(step, mean, dice, step, mean)
        return Validation(step, mean, dice, self.best_step, self.best_dice)

    @classmethod
    def read(cls, path: Path) -> Validation:
        """Read the result of `write`; empty if there is no file."""
        return cls.from_json(json.loads(path.read_bytes())) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """Write a JSON file, atomically."""
        write_json(path, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values, as in validation.json."""
        return stamped(Schema.VALIDATION, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Validation:
        """Build from the output of `to_json`; documents older than schemas are read, too.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, unstamped(raw))


def validate(
    model: UniversalModel,
    cases: Sequence[LabelledCase],
    fabric: Fabric,
    *,
    bf16: bool,
    progress: Callable[[int, int], None],
) -> dict[str, float]:
    """Mean Dice per structure over the cases in which it is annotated and present; the processes share the cases.

    Args:
        model: In evaluation mode.
        cases: Held-out cases on the model grid.
        fabric: All its processes must call this.
        bf16: Run the network in bfloat16.
        progress: Called with the number of cases done and their total, in this process.

    Returns:
        Structure key -> mean Dice; structures that occur in no case are left out. Equal in every process.
    """
    keys = model.spec.class_keys
    sums = torch.zeros(2, len(keys), dtype=torch.float64)
    mine = cases[fabric.global_rank :: fabric.world_size]
    for number, case in enumerate(mine):
        progress(number, len(mine))
        for key, dice in case_dice(model, case, bf16=bf16).items():
            sums[:, keys.index(key)] += torch.tensor([dice, 1.0], dtype=torch.float64)
    dice_sum, count = summed(fabric, sums).tolist()
    return {key: dice_sum[k] / count[k] for k, key in enumerate(keys) if count[k]}


@torch.inference_mode()
def case_dice(model: UniversalModel, case: LabelledCase, *, bf16: bool) -> dict[str, float]:
    """Dice of each structure that is annotated and present in a case.

    Args:
        model: In evaluation mode.
        case: Case on the model grid.
        bf16: Run the network in bfloat16.
    """
    keys, preprocess = model.spec.class_keys, model.spec.preprocess
    image = window(torch.from_numpy(case.hu.astype(np.float32)), preprocess.window_hu)
    labels, sets = torch.from_numpy(case.labels.astype(np.int16)), torch.from_numpy(case.sets)
    run = WindowRun(device=model.text_embeddings.device, precision="bf16" if bf16 else "float32")
    counts = torch.zeros(3, len(keys), dtype=torch.int64)
    for slab in sliding_slabs(image, model, plan_windows(case.shape, preprocess.patch), run):
        predicted = slab.logits.cpu() > 0
        wanted = unpack(labels[:, :, slab.start : slab.start + predicted.shape[3]], sets)
        for row, mask in enumerate((predicted & wanted, predicted, wanted)):
            counts[row] += mask.flatten(1).sum(1)
    both, ours, theirs = counts.tolist()
    found = zip(keys, map(Overlap, both, ours, theirs), case.annotated, strict=True)
    return {key: one.dice or 0.0 for key, one, is_annotated in found if is_annotated and one.reference}


def mean_of_cases(found: Iterable[tuple[K, float]]) -> dict[K, tuple[float, int]]:
    """Mean over cases and number of cases, by structure.

    Args:
        found: Structure and Dice, once for each case that has it.
    """
    each: dict[K, list[float]] = {}
    for key, dice in found:
        each.setdefault(key, []).append(dice)
    return {key: (fmean(values), len(values)) for key, values in each.items()}
