"""Pseudo-labels: what the parent says of its structures in cases that do not annotate them.

A structure is labelled in a case if the parent is sure of it there: the expected Dice of its mask, computed from its
probabilities, must reach a limit; otherwise the structure stays unannotated in that case and has no loss. Labels are
merged by the one rule of `omentum.data.label_precedence`: truth, then corrected, then pseudo.

Hard pseudo-labels as protection: Zhang et al., Continual learning for abdominal multi-organ and tumor segmentation,
MICCAI 2023 (arXiv:2306.00988). Expected Dice of a probability map: e.g. Dice under the model's own distribution, soft
Dice of Milletari et al., 3DV 2016, between probabilities and their own mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from omentum.atomic import replacing
from omentum.data.label_precedence import LabelLayer, LabelSource, merge_labels
from omentum.data.sampling.cases import LabelledCase, TrainingCase, labelled_case
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import plan_windows
from omentum.model import UniversalModel
from omentum.preprocess.intensity import window
from omentum.segmentation import Segmentation
from omentum.train.run.identity import case_checksum
from omentum.volume import Volume

NEGLIGIBLE = 0.05
"""Probabilities below do not count in the expected Dice: the many voxels of a body would add up."""
SMOOTH_VOXELS = 1.0
"""Added to numerator and denominator, so that a sure absence is a Dice of 1."""

Labels = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Expected Dice [n] and masks [n, x, y, z]."""


def with_pseudo_labels(
    case: TrainingCase, classes: tuple[str, ...], parent: UniversalModel, min_confidence: float, kept: Path
) -> tuple[LabelledCase, frozenset[str]]:
    """A case with the parent's labels for the parent's classes that it does not annotate.

    Args:
        case: On the parent's grid, with `classes`.
        classes: The parent's classes first, in its order.
        parent: In evaluation mode.
        min_confidence: Least expected Dice.
        kept: File for the labels, so that a run that goes on sees the same ones.

    Returns:
        The case in memory, and the keys of the structures that were labelled.
    """
    hu, labels = case.box((0, 0, 0), case.shape)
    theirs = parent.spec.class_keys
    asked = [k for k in range(len(theirs)) if not case.annotated[k]]
    of = " ".join([case_checksum(case), *(theirs[k] for k in asked)])
    dice, masks = _kept(kept, of, case.shape, lambda: predicted(parent, hu, asked))
    sure = [n for n in range(len(asked)) if dice[n] >= min_confidence]
    affine = np.diag([*parent.spec.preprocess.spacing_mm, 1.0])
    truth = Segmentation.from_masks({key: case.sets[:, k][labels] for k, key in _annotated(case, classes)}, affine)
    keys = [theirs[asked[n]] for n in sure]
    layers = [LabelLayer(LabelSource.TRUTH, truth)]
    if keys:
        said = Segmentation.from_masks({key: masks[n] for key, n in zip(keys, sure, strict=True)}, affine)
        layers.append(LabelLayer(LabelSource.PSEUDO, said))
    merged = merge_labels(layers).labels
    rng = np.random.default_rng(list(case.name.encode()))
    out = labelled_case(case.name, Volume(hu, affine), merged, classes, rng)
    about = {name: getattr(case, name) for name in ("dataset", "patient", "hashes") if hasattr(case, name)}
    return replace(out, **about), frozenset(keys)


@torch.inference_mode()
def predicted(model: UniversalModel, hu: NDArray[np.int16], channels: Iterable[int]) -> Labels:
    """Expected Dice [n] and masks [n, x, y, z] of some classes of a model, at the thresholds of the checkpoint."""
    wanted = list(channels)
    spec = model.spec
    limits = torch.tensor([spec.classes[k].threshold for k in wanted])[:, None, None, None]
    image = window(torch.from_numpy(hu.astype(np.float32)), spec.preprocess.window_hu)
    masks = np.zeros((len(wanted), *hu.shape), np.bool_)
    sums = torch.zeros(3, len(wanted), dtype=torch.float64)
    if not wanted:
        return np.zeros(0, np.float32), masks
    run = WindowRun(device=model.text_embeddings.device)
    plan = plan_windows(image.shape, spec.preprocess.patch)  # type: ignore[arg-type]
    for slab in sliding_slabs(image, lambda windows: model(windows, wanted), plan, run):
        probability = torch.sigmoid(slab.logits.float()).cpu()
        mask = probability > limits
        counted = torch.where(probability < NEGLIGIBLE, 0.0, probability)
        for row, values in enumerate((counted * mask, counted, mask)):
            sums[row] += values.flatten(1).sum(1, dtype=torch.float64)
        masks[..., slab.start : slab.start + mask.shape[3]] = mask.numpy()
    both, probable, inside = sums
    dice = (2 * both + SMOOTH_VOXELS) / (probable + inside + SMOOTH_VOXELS)
    return dice.numpy().astype(np.float32), masks


def _annotated(case: TrainingCase, classes: Sequence[str]) -> list[tuple[int, str]]:
    return [(k, key) for k, key in enumerate(classes) if case.annotated[k]]


def _kept(file: Path, of: str, shape: tuple[int, int, int], make: Callable[[], Labels]) -> Labels:
    """Labels of an earlier run if they are of the same case and classes, or new ones that are kept."""
    if file.exists():
        with np.load(file, allow_pickle=False) as found:
            if "of" in found and str(found["of"]) == of:
                dice = found["dice"]
                bits = np.unpackbits(found["masks"], count=len(dice) * int(np.prod(shape)))
                return dice, bits.reshape(len(dice), *shape).view(np.bool_)
    dice, masks = make()
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as stream:
        np.savez(stream, of=of, dice=dice, masks=np.packbits(masks))
    return dice, masks
