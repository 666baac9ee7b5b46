import dataclasses
from collections import Counter

import numpy as np
import pytest
from toy_cases import SPACING_3MM, toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import NONE
from omentum.data.sampling.cases import labelled_case
from omentum.data.sampling.patch_centres import centre_inside, centre_shares, drawn_voxel
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.data.sampling.sampling_table import sampling_table
from omentum.data.sampling.warp import draw_warp
from omentum.segmentation import Segmentation
from omentum.volume import Volume

KEYS = STRUCTURES.keys
SEVENTH = pytest.approx(1 / 7, abs=0.03)


def case_of(masks, shape=(24, 20, 18)):
    """A block of soft tissue with boxes (slices) as structures, all of them annotated."""
    filled = {}
    for key, box in masks.items():
        filled[key] = np.zeros(shape, bool)
        filled[key][box] = True
    ct = Volume(np.full(shape, 40, np.int16), SPACING_3MM)
    truth = Segmentation.from_masks(filled, SPACING_3MM, set(masks))
    return labelled_case("boxes", ct, truth, KEYS, np.random.default_rng(0))


LIVER = np.s_[2:14, 2:14, 2:14]
TUMOUR = np.s_[4:8, 4:8, 4:8]


def met(case, ratio, number=1500):
    """Shares of the sets of structures that patches are centred on."""
    rng = np.random.default_rng(0)
    found = Counter()
    for _ in range(number):
        label = case.box(drawn_voxel(case, ratio, KEYS, rng), (1, 1, 1))[1].item()
        found[frozenset(np.array(KEYS)[case.sets[label]])] += 1 / number
    return found


BACKGROUND, ORGAN, LESION = frozenset(), frozenset({"liver"}), frozenset({"liver", "liver_tumour"})


def test_one_of_three_is_background_and_all_labelled_voxels_are_alike():
    found = met(case_of({"liver": LIVER, "liver_tumour": TUMOUR}), (1, 2))
    assert found[BACKGROUND] == pytest.approx(1 / 3, abs=0.03)
    assert found[LESION] / (found[ORGAN] + found[LESION]) == pytest.approx(4**3 / 12**3, abs=0.02)


def test_five_of_seven_are_lesions_where_the_ratio_says_so():
    found = met(case_of({"liver": LIVER, "liver_tumour": np.s_[2:14, 2:14, 2:10]}), (1, 1, 5))  # most of the liver
    assert found == {BACKGROUND: SEVENTH, ORGAN: SEVENTH, LESION: pytest.approx(5 / 7, abs=0.03)}


def test_an_organ_without_a_lesion_is_shown_as_often_as_background():
    found = met(case_of({"liver": LIVER}), (1, 1, 5))
    assert found == {BACKGROUND: pytest.approx(0.5, abs=0.04), ORGAN: pytest.approx(0.5, abs=0.04)}


def test_a_lesion_whose_organ_is_not_annotated_counts_as_labelled():
    alone = case_of({"lung_tumour": TUMOUR})
    assert met(alone, (1, 2))[frozenset({"lung_tumour"})] == pytest.approx(2 / 3, abs=0.03)
    assert met(alone, (1, 1, 5))[frozenset({"lung_tumour"})] == pytest.approx(5 / 6, abs=0.03)


def test_large_structures_are_met_as_often_as_they_have_voxels():
    case = case_of({"liver": LIVER, "spleen": np.s_[16:22, 2:14, 2:10]})
    shares = dict(zip(KEYS, centre_shares(case, (1, 2), KEYS)[1:], strict=True))
    assert shares["spleen"] / shares["liver"] == pytest.approx(6 * 12 * 8 / 12**3)
    assert sum(shares.values()) == pytest.approx(2 / 3)


def test_what_nobody_labelled_is_background():
    nothing = dataclasses.replace(toy_case(), voxels={}, points={})
    assert centre_shares(nothing, (1, 2), KEYS)[0] == 1
    assert centre_shares(nothing, (0, 2), KEYS)[0] == 1
    assert KEYS.index("aorta") not in np.flatnonzero(centre_shares(toy_case(), (1, 2), KEYS)[1:])


def placed(how, voxel, size, shape, seed=0):
    """Centre and warp of a patch as the sampler places it."""
    warp = draw_warp(np.random.default_rng(seed), size, how)
    return centre_inside(shape, np.array(voxel), warp, size), warp


def test_patches_stay_inside_the_case():
    rng, size, shape = np.random.default_rng(0), np.array((16, 36, 50)), (40, 36, 33)
    starts = np.array([placed(NONE, rng.integers(0, shape), size, shape)[0] - (size - 1) / 2 for _ in range(300)])
    assert (starts == np.rint(starts)).all()
    assert (starts[:, 0].min(), starts[:, 0].max()) == (0, 40 - 16)
    assert (starts[:, 1] == 0).all()
    assert (starts[:, 2] == -((50 - 33) // 2)).all()  # in the middle of a patch larger than itself


def test_a_patch_that_fits_is_centred_on_the_voxel():
    assert placed(NONE, (12, 10, 9), (6, 6, 6), (24, 20, 18))[0].tolist() == [12 - 3 + 2.5, 10 - 3 + 2.5, 9 - 3 + 2.5]


@pytest.mark.parametrize(
    "how", [{"quarter_turn": 1.0}, {"magnify": (1.0, 1.3, 1.5)}, {"rotation_deg": 30.0, "flip": 1.0}]
)
def test_turned_and_zoomed_patches_stay_inside_and_show_the_voxel(how):
    rng, size, shape = np.random.default_rng(1), (16, 16, 12), np.array((40, 36, 34))
    for seed in range(60):
        voxel = rng.integers(0, shape)
        centre, warp = placed(dataclasses.replace(NONE, **how), voxel, size, shape, seed)
        assert (centre + warp.lattice > -1e-9).all()
        assert (centre + warp.lattice < shape - 1 + 1e-9).all()
        seen = warp.seen(voxel - centre, size)
        if "rotation_deg" not in how:  # the corners of a turned case are in none of its patches
            assert np.abs(warp.at(seen, size) + centre - voxel).max() <= 0.5 + 1e-9, "half a voxel: the nearest one"


def sampler(*sources, **how):
    return PatchSampler(sources, KEYS, (8, 8, 8), (-175.0, 250.0), NONE, temperature=float("inf"), **how)


def test_patches_in_a_row_are_of_one_case():
    cases = tuple(dataclasses.replace(toy_case(k), name=f"toy_{k}") for k in range(3))
    several = sampler(
        PatchSource("many", cases, centres=(1, 2)), PatchSource("few", cases[:1], centres=(1, 2)), patches_per_case=4
    )
    batch = several.batch(range(240))
    names = np.array(batch.names).reshape(-1, 4)
    assert (names == names[:, :1]).all()
    assert len({image.sum().item() for image in batch.images[:4]}) == 4, "but not all the same"
    found = Counter(names[:, 0])
    assert found["few/toy_0"] / 60 == pytest.approx(0.5, abs=0.15), "every dataset equally often"
    assert {found[f"many/toy_{k}"] > 3 for k in range(3)} == {True}
    assert several.batch([5]).names[0] == names[1, 0], "whatever else is in the batch"


def test_the_table_tells_what_will_be_centred_on():
    cases = (case_of({"liver": LIVER, "liver_tumour": TUMOUR}), case_of({"liver": LIVER}))
    found = sampling_table(
        sampler(
            PatchSource("lits", cases, centres=(1, 1, 5)),
            PatchSource("turns", (toy_case(),)),
            foreground_probability=0.8,
        )
    )
    rows = {row.key: row.share for row in found.structures}
    assert found.body == pytest.approx(0.5 * (1 / 7 + 1 / 2) / 2 + 0.5 * 0.2)
    assert rows["liver_tumour"] > 0.5 * 5 / 14
    assert rows["right_kidney"] > 0, "of the source whose structures take turns"


def test_a_source_may_be_magnified_alone():
    case = case_of({"liver": LIVER})
    zoomed, plain = PatchSource("zoomed", (case,), magnify=(1.0, 2.0, 2.0)), PatchSource("plain", (case,))
    raw = sampler(zoomed, plain).cut(range(20))
    for name, box in zip(raw.names, raw.boxes, strict=True):
        assert (box[0] < 8) == name.startswith("zoomed"), (name, box)


def test_a_slab_is_kept_around_the_voxel_a_patch_is_for():
    case = case_of({"spleen": np.s_[11:13, 9:11, 1:3]}, shape=(24, 20, 40))
    slabs = dataclasses.replace(NONE, slab=1.0, slab_voxels=(2, 3))
    source = PatchSampler((PatchSource("s", (case,), centres=(0, 1)),), KEYS, (8, 8, 16), (-175.0, 250.0), slabs)
    assert source.batch(range(30)).truth.masks().flatten(2).any(2).any(0).all()


def test_no_patch_of_a_sampler_reaches_beyond_a_case_that_is_larger():
    case = case_of({"liver": np.s_[0:24, 0:3, 0:3]})  # along an edge, tissue everywhere
    assert sampler(PatchSource("s", (case,), centres=(0, 1))).batch(range(30)).images.min() > 0.4
    assert sampler(PatchSource("s", (case,))).batch(range(30)).images.min() == 0, "where structures take turns"
