"""The auxiliary loss over every set of annotated structures that a bundled recipe can give a case."""

import itertools

import pytest
import torch
from own_structures import included
from torch import nn
from toy_cases import sets_of

from omentum.anatomy import STRUCTURES
from omentum.anatomy.pairs import PAIRS
from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.data.sampling.class_sets import Truth
from omentum.train.losses.deep_supervision import DeepSupervision, painted
from omentum.train.losses.marginal import outcomes

KEYS = STRUCTURES.keys
WITHIN = {
    "liver": ("portal_splenic_vein", "hepatic_vessel", "liver_tumour", "hepatic_vessel_tumour"),
    "pancreas": ("portal_splenic_vein", "pancreas_tumour"),
    "right_kidney": ("kidney_tumour", "kidney_cyst"),
    "left_kidney": ("kidney_tumour", "kidney_cyst"),
    "right_lung": ("lung_tumour",),
    "left_lung": ("lung_tumour",),
    "colon": ("colon_tumour",),
}
HOSTS = {
    inner: [h for h in WITHIN if inner in WITHIN[h]]
    for inner in {key for row in WITHIN.values() for key in row} - {"portal_splenic_vein"}
}


def patterns_of(recipe):
    """What may be annotated in its cases: rules, what counts if present, sides nobody can tell, holes in organs."""
    narrowed = [rule.annotated & recipe.annotated for rule in recipe.rules if rule.annotated is not None]
    found = {recipe.annotated, *narrowed}
    found |= {some - recipe.annotated_if_present for some in found}
    found |= {some - set(pair) for some in found for pair in PAIRS.values()}
    found |= {some - {host} for some in found for host in WITHIN}
    return found - {frozenset()}


PATTERNS = sorted(set().union(*map(patterns_of, bundled_recipes().values())), key=sorted)


def sets_at_a_voxel():
    """All structures that one voxel of a body can belong to."""
    yield ()
    yield from ((key,) for key in KEYS if key not in HOSTS)
    for host, inside in WITHIN.items():
        for n in range(1, len(inside) + 1):
            for some in itertools.combinations(inside, n):
                if not {"portal_splenic_vein", "hepatic_vessel"} <= set(some):
                    yield (host, *some)


TRUTHS = [frozenset(some) for some in sets_at_a_voxel()]


def label_of(structures):
    """0, or 1 + the class painted last."""
    return 1 + KEYS.index(max(structures, key=lambda k: STRUCTURES[k].paint_order)) if structures else 0


def flags(pattern):
    return tuple(key in pattern for key in KEYS)


class OneStage(nn.Module):
    coarse_channels = (4,)


def example(pattern, shape=(5, 5, 6), seed=0):
    """Logits, truth and annotated of a body in which everything occurs, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    size = shape[0] * shape[1] * shape[2]
    which = torch.cat(
        [torch.arange(len(TRUTHS)), torch.randint(len(TRUTHS), (size - len(TRUTHS),), generator=generator)]
    )
    truth = Truth(1 + which.view(1, *shape), torch.from_numpy(sets_of(*(truth & pattern for truth in TRUTHS))))
    logits = torch.randn(1, 33, *shape, generator=generator, dtype=torch.float64)
    return logits, truth, torch.tensor([flags(pattern)])


def deep_supervision():
    torch.manual_seed(0)
    return DeepSupervision(OneStage(), KEYS, torch.linspace(1, 3, 33))


def loss_and_gradient(logits, truth, annotated):
    logits = logits.clone().requires_grad_()
    loss = deep_supervision().loss([logits], truth, annotated)
    loss.backward()
    return loss.item(), logits.grad[0].flatten(1)


def test_the_recipes_give_many_patterns():
    assert len(PATTERNS) > 60
    assert frozenset({"liver", "liver_tumour"}) in PATTERNS
    assert frozenset({"hepatic_vessel", "hepatic_vessel_tumour"}) in PATTERNS


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: f"{len(p)}")
def test_a_label_allows_what_a_body_allows_and_nothing_else(pattern):
    allowed = {(label_of(truth & pattern), label_of(truth)) for truth in TRUTHS}
    possible = outcomes(KEYS, flags(pattern)).possible
    rows = [0, *(1 + KEYS.index(key) for key in sorted(pattern))]
    assert {(row, column) for row in rows for column in possible[row].nonzero().flatten().tolist()} == allowed


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: f"{len(p)}")
def test_what_nobody_outlined_is_never_pushed_below_its_home(pattern):
    """By autograd: per unit of its probability, no unannotated class is pushed down more than where it may lie.

    For a class with one home (its only host, or background) the two are equal, everywhere.
    """
    logits, truth, annotated = example(pattern)
    _, gradient = loss_and_gradient(logits, truth, annotated)
    push = gradient / logits[0].softmax(0).flatten(1)
    labels = painted(truth, KEYS).flatten()
    possible = outcomes(KEYS, flags(pattern)).possible
    for key in set(KEYS) - pattern:
        u = 1 + KEYS.index(key)
        hosts = HOSTS.get(key, [])
        homes = [1 + KEYS.index(host) if host in pattern else 0 for host in hosts] or [0]
        for home in set(homes):
            assert (push[u] <= push[home] + 1e-4 * (1 + push[home].abs())).all(), (key, home)
            at_home = labels == home
            assert torch.allclose(push[u][at_home], push[home][at_home], rtol=1e-4, atol=1e-4), (key, home)
        if len(set(homes)) == 1:
            elsewhere = ~torch.tensor([possible[label, u] and label != homes[0] for label in labels.tolist()])
            assert torch.allclose(push[u][elsewhere], push[homes[0]][elsewhere], rtol=1e-4, atol=1e-4), key


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: f"{len(p)}")
def test_it_is_the_likelihood_of_the_labels(pattern):
    """Against sums over what a body allows, voxel by voxel, and against Dice of these sums."""
    logits, truth, annotated = example(pattern)
    p = logits[0].softmax(0).flatten(1)
    labels = painted(truth, KEYS).flatten().tolist()
    allowed = {}
    for whole in TRUTHS:
        allowed.setdefault(label_of(whole & pattern), set()).add(label_of(whole))
    balance = torch.linspace(1, 3, 33)
    entropy = sum(-balance[y] * p[sorted(allowed[y]), v].sum().log() for v, y in enumerate(labels))
    entropy = entropy / sum(balance[y] for y in labels)
    dices = []
    for k in sorted(set(labels) - {0}):
        here = torch.tensor([y == k for y in labels])
        alone = [u for u in allowed[k] if u == k or [1 + KEYS.index(h) for h in HOSTS.get(KEYS[u - 1], [])] == [k]]
        q = torch.where(here, p[sorted(allowed[k])].sum(0), p[alone].sum(0))
        dices.append(1 - (2 * q[here].sum() + 1) / (q.sum() + here.sum() + 1))
    expected = (entropy + torch.stack(dices).mean()).item()
    assert loss_and_gradient(logits, truth, annotated)[0] == pytest.approx(expected, rel=1e-5)


def gradient_on(key, annotated, seed=1):
    """Of a liver with nothing outlined in it."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 33, 6, 6, 6, generator=generator)
    labels = torch.zeros(1, 6, 6, 6, dtype=torch.int32)
    labels[:, 2:5, 2:5, 2:5] = 1
    truth = Truth(labels, torch.from_numpy(sets_of({"liver"})))
    _, gradient = loss_and_gradient(logits, truth, torch.tensor([flags(annotated)]))
    return gradient[1 + KEYS.index(key)].view(6, 6, 6)[2:5, 2:5, 2:5]


def test_a_tumour_nobody_looked_for_is_not_absent_from_its_liver():
    outlined = gradient_on("liver_tumour", {"liver", "liver_tumour"})
    assert (outlined > 0).all()  # it is not there: down
    unknown = gradient_on("liver_tumour", {"liver"})
    assert (unknown < 0).all()  # up, as the liver's own


def test_probability_may_go_from_an_organ_to_what_nobody_outlined_in_it():
    logits, truth, annotated = example(frozenset({"liver", "colon", "spleen"}))
    moved = logits.clone()
    for host, inner in (("liver", "liver_tumour"), ("liver", "hepatic_vessel"), ("colon", "colon_tumour")):
        h, u = 1 + KEYS.index(host), 1 + KEYS.index(inner)
        both = torch.logsumexp(moved[:, [h, u]], 1)
        share = torch.rand(both.shape, generator=torch.Generator().manual_seed(2), dtype=both.dtype)
        moved[:, h], moved[:, u] = both + share.log(), both + (1 - share).log()
    before, after = (loss_and_gradient(z, truth, annotated)[0] for z in (logits, moved))
    assert after == pytest.approx(before, rel=1e-6)
    assert (moved - logits).abs().max() > 1


def test_a_tumour_of_both_kidneys_counts_for_the_one_whose_label_it_bears():
    logits, truth, annotated = example(frozenset({"right_kidney", "left_kidney"}))
    _, gradient = loss_and_gradient(logits, truth, annotated)
    push = gradient / logits[0].softmax(0).flatten(1)
    labels = painted(truth, KEYS).flatten()
    right, left, tumour = (1 + KEYS.index(key) for key in ("right_kidney", "left_kidney", "kidney_tumour"))
    for mine, other in ((right, left), (left, right)):
        here = labels == mine
        assert torch.allclose(push[tumour][here], push[mine][here], rtol=1e-4)
        assert (push[tumour][here] < push[other][here]).all()


def test_hosts_that_are_no_class_of_the_model_are_not_annotated():
    few = ("aorta", "liver_tumour")
    possible = outcomes(few, (True, False)).possible
    assert possible.tolist() == [[True, False, True], [False, True, False], [False, False, True]]


PARTS = ("segment_a", "segment_b")
OF_LIVER = ("liver", *PARTS, "hepatic_vessel", "portal_splenic_vein", "liver_tumour")


def liver_sets():
    """All that a voxel of a liver with segments can belong to: vessels run through them, and tumours lie in them."""
    yield frozenset()
    yield frozenset({"portal_splenic_vein"})
    for part in (*PARTS, None):
        for vessel in ("hepatic_vessel", "portal_splenic_vein", None):
            for lesion in ("liver_tumour", None):
                yield frozenset({"liver", part, vessel, lesion} - {None})


@pytest.mark.parametrize(
    "pattern",
    [set(some) for n in range(1, len(OF_LIVER) + 1) for some in itertools.combinations(OF_LIVER, n)],
    ids=lambda p: f"{len(p)}",
)
def test_parts_of_an_organ_and_the_vessels_in_it_may_be_in_one_place(pattern, tmp_path):
    """Against every set of structures a body allows, for every choice of what is annotated."""
    included(tmp_path, "".join(f'[{key}]\nhosts = ["liver"]\n' for key in PARTS))

    def painted_as(structures):
        last = max(structures, key=lambda key: STRUCTURES[key].paint_order, default=None)
        return 1 + OF_LIVER.index(last) if last else 0

    allowed = {(painted_as(truth & pattern), painted_as(truth)) for truth in liver_sets()}
    possible = outcomes(OF_LIVER, tuple(key in pattern for key in OF_LIVER)).possible
    rows = [0, *(1 + OF_LIVER.index(key) for key in pattern)]
    assert {(row, column) for row in rows for column in possible[row].nonzero().flatten().tolist()} == allowed
