import pytest
import torch

from omentum.train.loss import partial_label_loss


def example(seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 5, 200, generator=generator, requires_grad=True)
    targets = torch.rand(2, 5, 200, generator=generator) > 0.7
    annotated = torch.tensor([[1, 1, 0, 1, 0], [0, 1, 0, 0, 1]], dtype=torch.bool)
    return logits, targets, annotated


def test_what_is_not_annotated_gets_exactly_no_gradient():
    logits, targets, annotated = example()
    partial_label_loss(logits, targets, annotated)[0].backward()
    assert (logits.grad[~annotated] == 0).all()
    assert (logits.grad[annotated].abs().sum(-1) > 0).all()


def test_labels_of_unannotated_classes_do_not_matter():
    logits, targets, annotated = example()
    other = torch.where(annotated[..., None], targets, ~targets)
    assert partial_label_loss(logits, targets, annotated)[0] == partial_label_loss(logits, other, annotated)[0]


def test_nothing_annotated_is_zero_and_differentiable():
    logits, targets, annotated = example()
    loss, _, _ = partial_label_loss(logits, targets, torch.zeros_like(annotated))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_a_perfect_prediction_costs_nothing():
    _, targets, annotated = example()
    loss, _, _ = partial_label_loss(torch.where(targets, 40.0, -40.0), targets, annotated)
    assert loss < 1e-4


def test_a_perfect_cube_has_no_dice_loss():
    # the published slab-wise Dice gave 0.688 here
    target = torch.zeros(96, 96, 96, dtype=torch.bool)
    target[30:60, 30:60, 30:60] = True
    _, _, dice = partial_label_loss(
        torch.where(target, 40.0, -40.0).reshape(1, 1, -1), target.reshape(1, 1, -1), torch.ones(1, 1, dtype=torch.bool)
    )
    assert dice < 1e-4


def test_an_absent_structure_is_left_to_cross_entropy():
    logits = torch.full((1, 1, 50), 2.0, requires_grad=True)
    nothing = torch.zeros(1, 1, 50, dtype=torch.bool)
    loss, cross_entropy, dice = partial_label_loss(logits, nothing, torch.ones(1, 1, dtype=torch.bool))
    loss.backward()
    assert dice == 0
    assert loss == cross_entropy
    assert (logits.grad > 0).all()


def test_it_equals_the_plain_formula():
    logits, targets, annotated = example(3)
    targets[0, 1] = False
    entropy, dices = torch.zeros(()), []
    for b, k in annotated.nonzero().tolist():
        p, t = torch.sigmoid(logits[b, k]), targets[b, k].float()
        entropy = entropy - (t * p.log() + (1 - t) * (1 - p).log()).mean() / len(annotated)
        if t.any():
            dices.append(1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1))
    expected = (entropy + torch.stack(dices).mean()).item()
    assert partial_label_loss(logits, targets, annotated)[0].item() == pytest.approx(expected, rel=1e-5)


def test_a_weighted_voxel_counts_like_so_many():
    logits, targets, annotated = example(4)
    weight = torch.tensor([1.0, 3.0, 1.0, 2.0, 5.0])
    _, weighted, dice = partial_label_loss(logits, targets, annotated, weight)
    _, plain, same_dice = partial_label_loss(logits, targets, annotated)
    more = sum(
        (weight[k] - 1) * -torch.log(torch.sigmoid(logits[b, k][targets[b, k]])).sum() / 200 / 2
        for b, k in annotated.nonzero().tolist()
    )
    assert weighted.item() == pytest.approx((plain + more).item(), rel=1e-5)
    assert dice == same_dice
