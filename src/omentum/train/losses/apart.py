"""New structures beside known ones: each kind has a loss of its own, so that the known ones do not dilute the new."""

from __future__ import annotations

from torch import Tensor

from omentum.train.losses.patch_loss import Loss


def apart(loss: Loss, known: int) -> Loss:
    """The sum of a loss over the known classes and of the same loss over the others.

    Dice is a mean over the structures of a patch: a new one among eight known ones would count as a ninth of it.

    Args:
        loss: See `Loss`.
        known: Number of known classes; they come first.
    """

    def both(logits: Tensor, targets: Tensor, annotated: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        old, new = (
            loss(logits[:, part], targets[:, part], annotated[:, part], *(weight[part] for weight in weights))
            for part in (slice(known), slice(known, None))
        )
        return old[0] + new[0], old[1] + new[1], old[2] + new[2]

    return both
