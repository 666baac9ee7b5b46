import pytest
import torch

from omentum.anatomy import STRUCTURES
from omentum.train.losses.loss import Containment, partial_label_loss
from reference import published_training


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


def test_a_logit_nobody_annotated_may_be_anything():
    logits, targets, annotated = example()
    wild = torch.where(annotated[..., None], logits, torch.nan).detach().requires_grad_()
    for known in (annotated, torch.zeros_like(annotated)):
        loss, _, dice = partial_label_loss(wild, torch.zeros_like(targets), known)
        wild.grad = None
        loss.backward()
        assert torch.isfinite(loss)
        assert dice == 0
        assert (wild.grad[~known] == 0).all()


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


@pytest.mark.parametrize("in_slabs", [True, False])
def test_the_published_losses_are_means_over_all_that_is_annotated(in_slabs):
    """Absent structures, and one that was not annotated though it is there."""
    logits, targets, annotated = example(5)
    annotated = annotated[:1].expand(2, -1)
    targets[:, 3] = False
    assert targets[:, 2].any()
    assert not annotated[0, 2]
    loss, *parts = partial_label_loss(
        logits, targets, annotated, cross_entropy="mean", dice="annotated", slabs=10 if in_slabs else 1
    )
    expected = published_training.loss_of_a_ct(
        logits.unflatten(2, (10, 4, 5)), targets.unflatten(2, (10, 4, 5)), annotated[0], in_slabs
    )
    assert [loss.item(), *(part.item() for part in parts)] == pytest.approx([e.item() for e in expected], rel=1e-5)
    mine, theirs = (torch.autograd.grad(whole, logits)[0] for whole in (loss, expected[0]))
    assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-8)
    assert (mine[~annotated] == 0).all()


def test_the_published_dice_of_an_absent_structure_is_one_and_teaches_nothing():
    logits = torch.full((1, 2, 60), 2.0, requires_grad=True)
    targets = torch.zeros(1, 2, 60, dtype=torch.bool)
    targets[0, 0, :30] = True
    _, _, dice = partial_label_loss(logits, targets, torch.ones(1, 2, dtype=torch.bool), dice="annotated")
    gradient = torch.autograd.grad(dice, logits)[0]
    assert (gradient[0, 1] == 0).all()
    assert (gradient[0, 0] != 0).all()
    alone = partial_label_loss(logits, targets, torch.tensor([[True, False]]), dice="annotated")[2]
    assert dice.item() == pytest.approx((alone.item() + 1) / 2)


def test_a_perfect_cube_costs_two_thirds_where_dice_is_averaged_over_planes():
    target = torch.zeros(96, 96, 96, dtype=torch.bool)
    target[30:60, 30:60, 30:60] = True
    z, t = torch.where(target, 40.0, -40.0).reshape(1, 1, -1), target.reshape(1, 1, -1)
    _, _, dice = partial_label_loss(z, t, torch.ones(1, 1, dtype=torch.bool), dice="annotated", slabs=96)
    assert dice.item() == pytest.approx(0.688, abs=5e-4)


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


KEYS = ("liver", "right_kidney", "left_kidney", "kidney_tumour", "liver_tumour", "colon_tumour")
LIVER, RIGHT, LEFT, KIDNEY_TUMOUR, LIVER_TUMOUR, COLON_TUMOUR = range(6)


def probabilities(**of):
    """Logits [1, 6, 10] of one probability per class, 0.5 where none is given."""
    values = torch.tensor([of.get(key, 0.5) for key in KEYS])
    return torch.logit(values)[None, :, None].repeat(1, 1, 10).requires_grad_()


def all_but(*classes):
    annotated = torch.ones(1, 6, dtype=torch.bool)
    annotated[0, list(classes)] = False
    return annotated


def test_containment_counts_what_a_lesion_exceeds_its_likeliest_host_by():
    rule = Containment.among(KEYS)
    assert rule.inner.tolist() == [KIDNEY_TUMOUR, LIVER_TUMOUR]  # no colon among the classes
    logits = probabilities(liver=0.2, liver_tumour=0.6, left_kidney=0.9, right_kidney=0.1, kidney_tumour=0.7)
    assert rule.loss(logits, all_but()).item() == pytest.approx(0.4, abs=1e-6)
    logits = probabilities(left_kidney=0.3, right_kidney=0.1, kidney_tumour=0.7)
    assert rule.loss(logits, all_but()).item() == pytest.approx(0.4, abs=1e-6)


def test_containment_pulls_the_lesion_down_and_the_host_up():
    logits = probabilities(liver=0.2, liver_tumour=0.6)
    Containment.among(KEYS).loss(logits, all_but()).backward()
    assert (logits.grad[0, LIVER_TUMOUR] > 0).all()
    assert (logits.grad[0, LIVER] < 0).all()
    assert (logits.grad[0, [RIGHT, LEFT, COLON_TUMOUR]] == 0).all()


@pytest.mark.parametrize("unknown", [LIVER, LIVER_TUMOUR])
def test_containment_needs_both_annotated(unknown):
    logits = probabilities(liver=0.2, liver_tumour=0.6)
    loss = Containment.among(KEYS).loss(logits, all_but(unknown))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_containment_needs_both_kidneys_annotated():
    logits = probabilities(right_kidney=0.1, left_kidney=0.1, kidney_tumour=0.9)
    rule = Containment.among(KEYS)
    assert rule.loss(logits, all_but()) > 0.7
    assert rule.loss(logits, all_but(RIGHT)) == 0


def test_every_lesion_has_its_hosts():
    rule = Containment.among(STRUCTURES.keys)
    for row, hosts in zip(rule.inner.tolist(), rule.hosts.tolist(), strict=True):
        assert {STRUCTURES.keys[k] for k in hosts} == set(STRUCTURES[STRUCTURES.keys[row]].hosts)
    assert Containment.among(("aorta",)).loss(torch.zeros(1, 1, 5), torch.ones(1, 1, dtype=torch.bool)) == 0
