"""Crops with synthetic lesions: what they are annotated with, and that others stay as they were."""

import numpy as np
import pytest
import torch
from toy_cases import toy_volume

from omentum.errors import UsageError
from omentum.spec import PreprocessSpec, RegionSpec
from omentum.train.second_pass import implants
from omentum.train.second_pass.cases import Where, organ_case
from omentum.train.second_pass.crops import Candidate, CropSampler
from omentum.train.second_pass.implants import Implant, Implants
from omentum.train.second_pass.settings import RegionConfig

CLASSES = ("liver_tumour", "hepatic_vessel", "kidney_tumour")
SPEC = PreprocessSpec((3.0, 3.0, 3.0), (-600.0, 600.0), (16, 16, 16), "RAS", True)
WHERE = Where((RegionSpec(("liver",), CLASSES[:2], 6.0),), CLASSES, SPEC, SPEC)
INSIDE, LESION, VESSEL = 1, 4, 8
"""Bits of the toy's box, were hepatic vessels annotated."""


def liver():
    """HU relative to the median, and bits: a liver with a vessel through it."""
    rng = np.random.default_rng(0)
    bits = np.zeros((32, 32, 32), np.uint8)
    bits[4:28, 4:28, 4:28] = INSIDE | 2
    bits[14:18, 14:18, 4:28] |= VESSEL
    return rng.normal(0, 6, bits.shape).astype(np.float32), bits


def put(seed=0, channels=(0, 1), structure="liver_tumour"):
    hu, bits = liver()
    return hu, bits, *Implant(structure, CLASSES).put_into(hu, bits, channels, SPEC, np.random.default_rng(seed))


def test_a_lesion_is_annotated_and_takes_the_place_of_vessels():
    replaced = 0
    for seed in range(16):
        hu, bits, new, changed = put(seed)
        lesion = (changed & LESION) > 0
        assert lesion.any()
        assert not (lesion & ((bits & INSIDE) == 0)).any()
        assert not (changed[lesion] & VESSEL).any()
        assert np.array_equal(changed[~lesion], bits[~lesion])
        assert (new != hu)[lesion].mean() > 0.9
        replaced += (bits[lesion] & VESSEL).any()
    assert replaced >= 3


def test_some_lesions_are_no_part_of_the_organ_that_was_found(monkeypatch):
    for share in (0.0, 1.0):
        monkeypatch.setattr(implants, "UNSEEN", share)
        *_, changed = put()
        lesion = (changed & LESION) > 0
        assert ((changed[lesion] & INSIDE) == 0).all() == bool(share)


def test_what_is_not_annotated_or_has_no_room_gets_no_lesion():
    for channels, structure in (((1,), "liver_tumour"), ((0, 1), "kidney_tumour")):
        hu, bits, new, changed = put(channels=channels, structure=structure)
        assert new is hu
        assert changed is bits
    hu, bits = liver()
    full = bits | LESION
    new, changed = Implant("liver_tumour", CLASSES).put_into(hu, full, (0, 1), SPEC, np.random.default_rng(0))
    assert new is hu
    assert changed is full


def test_a_sampler_puts_them_into_the_share_of_crops_that_it_was_told():
    ct, truth = toy_volume()
    (box,) = organ_case("toy", ct, truth, truth, WHERE).boxes
    tumour = int(box.truth(0).sum())

    def sampler(probability, structures=(("liver_tumour",), ())):
        chosen = Implants(probability, structures, CLASSES)
        return CropSampler(
            [Candidate("toy", box, 1.0)], (1.0, 1.0), 0.0, box.bits.shape, (SPEC, SPEC), seed=3, implants=chosen
        )

    def more(made):
        return [int(made.draw(step, 0).truth[0].sum()) > tumour for step in range(40)]

    assert sum(more(sampler(1.0))) >= 36
    assert 10 <= sum(more(sampler(0.5))) <= 30
    usual = CropSampler([Candidate("toy", box, 1.0)], (1.0, 1.0), 0.0, box.bits.shape, (SPEC, SPEC), seed=3)
    for same in (sampler(0.0), sampler(1.0, ((), ()))):
        assert torch.equal(same.draw(5, 1).image, usual.draw(5, 1).image)


def test_implants_are_lesions_of_their_region():
    region = RegionConfig(("liver",), ("liver tumour", "hepatic vessel"), implants=("liver tumour",))
    assert region.implanted == ("liver_tumour",)
    assert RegionConfig(("liver",), ("liver tumour",)).implanted == ()
    for wrong in ("hepatic vessel", "kidney tumour"):
        with pytest.raises(UsageError, match=r"implants in .*regions.* cannot be"):
            RegionConfig(("liver",), ("liver tumour", "hepatic vessel"), implants=(wrong,)).implanted  # noqa: B018
