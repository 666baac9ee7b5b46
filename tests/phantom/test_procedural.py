import json

import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.phantom import BodyOptions, build_body
from omentum.phantom.tissue import TISSUES, tissue_index

SPACING_MM = (4.0, 4.0, 4.0)
ORGANS = tuple(s.key for s in STRUCTURES if s.kind not in {"tumour", "cyst"})
LESIONS = tuple(s.key for s in STRUCTURES if s.kind in {"tumour", "cyst"})


def build(seed, spacing_mm=SPACING_MM, **options):
    return build_body(np.random.default_rng(seed), spacing_mm, BodyOptions(**options))


@pytest.fixture(scope="module", params=[1, 2])
def man(request):
    return build(request.param, sex="m", extent="whole", missing=())


@pytest.fixture(scope="module")
def woman():
    return build(3, sex="f", extent="whole", missing=())


def middle(body, name):
    return body.grid.to_world(np.argwhere(body.truth.mask(name)).mean(axis=0))


def test_a_man_has_all_organs_and_no_lesions(man):
    assert man.truth.present() == frozenset(ORGANS)
    assert man.truth.classes == STRUCTURES.keys
    assert man.truth.annotated == frozenset(STRUCTURES.keys)


def test_organs_are_about_as_large_as_in_patients(man, woman):
    for body in (man, woman):
        for key in sorted(body.truth.present()):
            low, high = STRUCTURES[key].volume_ml
            assert low <= body.truth.mask(key).sum() * body.grid.voxel_volume_ml <= high, key


def test_a_woman_has_no_prostate_but_a_uterus(woman):
    assert woman.truth.present() == frozenset(ORGANS) - {"prostate"}
    assert (woman.tissue == tissue_index("uterus")).any()


def test_right_is_right_and_up_is_up(man):
    for side_pair in ("kidney", "adrenal", "lung", "femoral_head"):
        assert middle(man, f"right_{side_pair}")[0] > middle(man, f"left_{side_pair}")[0] + 40
    for right, left in (("liver", "stomach"), ("gallbladder", "spleen"), ("inferior_vena_cava", "aorta")):
        assert middle(man, right)[0] > middle(man, left)[0]
    order = ("right_lung", "liver", "pancreas", "small_bowel", "bladder", "prostate")
    heights = [middle(man, name)[2] for name in order]
    assert heights == sorted(heights, reverse=True)
    assert middle(man, "bladder")[1] > middle(man, "rectum")[1] + 20


def test_no_two_organs_share_a_voxel_but_the_liver_and_its_vessels(man):
    count = np.zeros(man.truth.shape, np.uint8)
    for key in ORGANS:
        if key != "hepatic_vessel":
            count += man.truth.mask(key)
    assert count.max() == 1
    assert not (man.truth.mask("hepatic_vessel") & ~man.truth.mask("liver")).any()


def test_organs_are_made_of_their_tissue(man):
    names = np.array([t.name for t in TISSUES])[man.tissue]
    assert (names[man.truth.mask("spleen")] == "spleen").all()
    assert np.isin(names[man.truth.mask("liver")], ["liver", "portal_vein", "hepatic_vein"]).all()
    assert np.isin(names[man.truth.mask("left_kidney")], ["kidney_cortex", "kidney_medulla"]).all()


def test_air_surrounds_the_body(man):
    air = man.tissue == tissue_index("air")
    assert all(side.all() for side in (air[0], air[-1], air[:, 0], air[:, -1]))


def test_the_same_generator_state_gives_the_same_body():
    first, second = (build(7, (5.0, 5.0, 5.0)) for _ in range(2))
    assert np.array_equal(first.tissue, second.tissue)
    assert np.array_equal(first.truth.bits, second.truth.bits)
    assert json.dumps(first.facts) == json.dumps(second.facts)


def test_what_is_missing_is_not_there():
    body = build(4, sex="m", extent="abdomen", missing=("left_kidney", "gallbladder"))
    assert not {"left_kidney", "gallbladder"} & body.truth.present()
    assert {"right_kidney", "left_adrenal", "liver"} <= body.truth.present()
    with pytest.raises(UsageError, match="third_kidney"):
        BodyOptions(missing=("third_kidney",))


@pytest.mark.parametrize(
    ("extent", "there", "away"), [("thorax", "left_lung", "bladder"), ("pelvis", "rectum", "liver")]
)
def test_an_extent_shows_only_its_part(extent, there, away):
    present = build(5, (5.0, 5.0, 5.0), extent=extent).truth.present()
    assert there in present
    assert away not in present
    assert not present & set(LESIONS)
