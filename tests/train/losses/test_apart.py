"""New structures and known ones have a loss each, so that neither dilutes the other."""

from __future__ import annotations

import pytest
import torch

from omentum.train.losses.apart import apart
from omentum.train.losses.loss import partial_label_loss

KNOWN = 3
RANDOM = torch.Generator().manual_seed(0)
LOGITS = torch.randn(1, 4, 50, generator=RANDOM)
TARGETS = torch.rand(1, 4, 50, generator=RANDOM) < 0.3
WEIGHTS = torch.tensor([1.0, 2.0, 3.0, 4.0])


def gradient(loss, annotated):
    logits = LOGITS.clone().requires_grad_()
    loss(logits, TARGETS, torch.tensor([annotated]), WEIGHTS)[0].backward()
    return logits.grad[0]


def test_a_new_structure_counts_as_much_as_if_it_were_alone():
    both = apart(partial_label_loss, KNOWN)
    all_of_them, alone = gradient(both, [True] * 4), gradient(partial_label_loss, [False] * 3 + [True])
    assert torch.allclose(all_of_them[KNOWN:], alone[KNOWN:])
    known = gradient(partial_label_loss, [True] * 3 + [False])
    assert torch.allclose(all_of_them[:KNOWN], known[:KNOWN])
    together = gradient(partial_label_loss, [True] * 4)
    assert together[KNOWN].norm() < alone[KNOWN].norm()


@pytest.mark.parametrize("annotated", [[True, True, True, False], [False, False, False, True]])
def test_where_only_one_kind_is_annotated_it_is_the_loss_itself(annotated):
    both = apart(partial_label_loss, KNOWN)
    assert torch.equal(gradient(both, annotated), gradient(partial_label_loss, annotated))
    parts = both(LOGITS, TARGETS, torch.tensor([annotated]), WEIGHTS)
    assert torch.allclose(parts[0], parts[1] + parts[2])
