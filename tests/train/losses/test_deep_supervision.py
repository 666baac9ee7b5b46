from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from toy_cases import toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.class_sets import Truth
from omentum.train.losses.deep_supervision import LARGEST_BALANCE, DeepSupervision, painted, root_balance

KEYS = STRUCTURES.keys
LIVER, TUMOUR, AORTA = (KEYS.index(key) for key in ("liver", "liver_tumour", "aorta"))


class TwoStages(nn.Module):
    coarse_channels = (6, 4)


def example():
    torch.manual_seed(0)
    deep_supervision = DeepSupervision(TwoStages(), KEYS, torch.ones(33))
    coarse = [torch.randn(1, 6, 4, 4, 4), torch.randn(1, 4, 8, 8, 8)]
    labels = torch.zeros(1, 16, 16, 16, dtype=torch.int32)
    labels[:, 4:12, 4:12, 4:12] = 1
    labels[:, 6:10, 6:10, 6:10] = 2
    sets = torch.zeros(3, 32, dtype=torch.bool)
    sets[1:, LIVER] = sets[2, TUMOUR] = True
    annotated = torch.zeros(1, 32, dtype=torch.bool)
    annotated[:, [LIVER, TUMOUR]] = True
    return deep_supervision, coarse, Truth(labels, sets), annotated


def test_a_lesion_is_painted_over_its_host():
    _, _, truth, _ = example()
    labels = painted(truth, KEYS)
    assert labels[0, 5, 5, 5] == 1 + LIVER
    assert labels[0, 7, 7, 7] == 1 + TUMOUR
    assert labels[0, 0, 0, 0] == 0


def test_what_is_not_annotated_is_one_with_background():
    deep_supervision, coarse, truth, annotated = example()
    logits = deep_supervision(coarse)
    moved = [stage.clone() for stage in logits]
    for stage in moved:  # probability goes from background to the aorta, which nobody looked for
        both = torch.logsumexp(stage[:, [0, 1 + AORTA]], 1)
        stage[:, 0], stage[:, 1 + AORTA] = both - np.log(4), both + np.log(0.75)
    assert deep_supervision.loss(moved, truth, annotated).item() == pytest.approx(
        deep_supervision.loss(logits, truth, annotated).item(), rel=1e-5
    )


def test_it_equals_the_plain_formula_where_all_is_annotated():
    deep_supervision, coarse, truth, annotated = example()
    annotated[:] = True
    logits, expected = deep_supervision(coarse), 0.0
    for stage, step, weight in ((logits[0], 4, 0.5), (logits[1], 2, 1.0)):
        labels = painted(truth.at((..., *3 * [slice(step // 2, None, step)])), KEYS)
        entropy = nn.functional.cross_entropy(stage, labels)
        p, dice = stage.softmax(1)[0], []
        for k in (LIVER, TUMOUR):
            t = (labels[0] == 1 + k).float()
            if t.any():
                dice.append(1 - (2 * (p[1 + k] * t).sum() + 1) / (p[1 + k].sum() + t.sum() + 1))
        expected += weight * (entropy + torch.stack(dice).mean()).item()
    assert deep_supervision.loss(logits, truth, annotated).item() == pytest.approx(expected, rel=1e-5)


def test_rare_structures_weigh_more_but_not_without_bound():
    balance = root_balance([toy_case()], KEYS)
    assert balance[0] == 1
    assert 1 < balance[1 + LIVER] < balance[1 + TUMOUR] <= LARGEST_BALANCE
    nearly_empty = site({"liver": 1}, ("liver",), shape=(200, 200, 200))
    assert root_balance([nearly_empty], KEYS)[1 + LIVER] == LARGEST_BALANCE


def site(voxels, annotated, shape=(100, 10, 10)):
    """What the balance looks at of a case."""
    looked_for = np.array([key in annotated for key in KEYS])
    return SimpleNamespace(shape=shape, voxels={KEYS.index(k): n for k, n in voxels.items()}, annotated=looked_for)


def test_the_weight_is_the_root_of_the_ratio_to_background():
    balance = root_balance([site({"liver": 1900, "liver_tumour": 99}, ("liver", "liver_tumour"))], KEYS)
    assert balance[1 + LIVER].item() == pytest.approx((8100 / 1901) ** 0.5)
    assert balance[1 + TUMOUR].item() == pytest.approx((8100 / 100) ** 0.5)


@pytest.mark.parametrize("sites", [1, 5, 14])
def test_rarity_is_that_of_the_voxels_not_of_the_annotation(sites):
    """A spleen as large as the liver, annotated at one site of several, weighs what the liver does."""
    everywhere = [site({"liver": 100}, ("liver",)) for _ in range(sites - 1)]
    balance = root_balance([site({"liver": 100, "spleen": 100}, ("liver", "spleen")), *everywhere], KEYS)
    assert balance[1 + KEYS.index("spleen")] == pytest.approx((9800 / 101) ** 0.5)
    assert balance[1 + LIVER] == pytest.approx(balance[1 + KEYS.index("spleen")].item(), rel=0.02)


def test_lesions_alone_are_counted_against_what_is_not_lesion():
    balance = root_balance([site({"liver_tumour": 2000}, ("liver_tumour",))], KEYS)
    assert balance[1 + TUMOUR] == pytest.approx((8000 / 2001) ** 0.5)
    assert balance[1 + LIVER] == 1  # nobody looked


def test_a_vessel_in_its_host_is_not_taken_from_background_twice():
    balance = root_balance([site({"liver": 2000, "hepatic_vessel": 500}, ("liver", "hepatic_vessel"))], KEYS)
    assert balance[1 + LIVER] == pytest.approx((8000 / 2001) ** 0.5)
    assert balance[1 + KEYS.index("hepatic_vessel")] == pytest.approx((8000 / 501) ** 0.5)


def test_a_backbone_without_stages_is_not_guided():
    class Plain(nn.Module):
        coarse_channels = ()

    deep_supervision = DeepSupervision(Plain(), KEYS, torch.ones(33))
    _, _, truth, annotated = example()
    assert deep_supervision.loss(deep_supervision([]), truth, annotated) == 0


def test_a_young_guide_takes_a_voxel_for_background_but_is_not_sure():
    deep_supervision = DeepSupervision(TwoStages(), KEYS, torch.ones(33))
    for logits in deep_supervision([torch.zeros(1, 6, 2, 2, 2), torch.zeros(1, 4, 4, 4, 4)]):
        background, *structures = logits[0, :, 0, 0, 0].softmax(0).tolist()
        assert 0.5 < background < 0.75
        assert max(structures) == pytest.approx(min(structures))
