import json

import numpy as np
import pytest
from shared_data import shared
from toy_anatomy import NAMES, toy_labels

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError, UsageError
from omentum.phantom.label_names import UNKNOWN, part_of
from omentum.phantom.restyle import RestyleOptions, restyle
from omentum.phantom.source import RestyleSource
from omentum.phantom.tissue import tissue_index
from omentum.volume import Volume

STILL = RestyleOptions(strength=0.0)


@pytest.fixture(scope="module")
def source():
    return RestyleSource.from_labels(toy_labels(), NAMES)


@pytest.fixture(scope="module")
def body(source):
    return restyle(source, {}, np.random.default_rng(3), (3.0, 3.0, 3.0))


def centre_mm(body, key):
    return body.grid.to_world(np.argwhere(body.truth.mask(key)).mean(axis=0))


def volume_ml(body, key):
    return body.truth.mask(key).sum() * body.grid.voxel_volume_ml


@pytest.mark.parametrize(
    ("name", "structures", "material"),
    [
        ("lung_middle_lobe_right", ("right_lung",), "lung"),
        ("Kidney Left", ("left_kidney",), "kidney"),
        ("right_kidney", ("right_kidney",), "kidney"),
        ("oesophagus", ("oesophagus",), "oesophagus"),
        ("postcava", ("inferior_vena_cava",), "vena_cava"),
        ("rib_left_7", (), "flat_bone"),
        ("kidney_cyst_left", ("kidney_cyst", "left_kidney"), "kidney_cyst_fluid"),
        ("iliac_artery_left", (), "artery"),
    ],
)
def test_names_are_understood(name, structures, material):
    part = part_of(name)
    assert (part.structures, part.material) == (structures, material)


def test_unknown_names_are_soft_tissue_and_annotate_nothing():
    assert part_of("spaghetti") is UNKNOWN
    assert UNKNOWN.structures == ()
    with pytest.raises(UsageError, match="none of the label names"):
        RestyleSource.from_labels(toy_labels(), {1: "spaghetti"})


def test_an_empty_map_is_refused():
    empty = Volume(np.zeros((10, 10, 10), np.int16), np.eye(4))
    with pytest.raises(GeometryError, match="nothing is labelled"):
        RestyleSource.from_labels(empty, NAMES)


def test_annotated_is_what_the_labels_determine(body):
    assert body.truth.classes == STRUCTURES.keys
    assert body.truth.annotated == {
        *("liver", "right_kidney", "left_kidney", "colon", "rectum", "right_femoral_head", "left_femoral_head"),
        *("right_lung", "left_lung", "aorta", "pancreas", "inferior_vena_cava", "bladder", "hepatic_vessel"),
        *(s.key for s in STRUCTURES if s.is_lesion),
    }
    assert body.truth.present() <= body.truth.annotated


def test_without_a_sacrum_neither_colon_nor_rectum_is_annotated():
    source = RestyleSource.from_labels(toy_labels(), {k: v for k, v in NAMES.items() if v != "sacrum"})
    assert not {"colon", "rectum"} & source.annotated


def test_rectum_is_the_end_of_the_colon_in_front_of_the_sacrum(source):
    rectum = np.isin(source.labels, np.flatnonzero(source.having(structure="rectum")))
    colon = np.isin(source.labels, np.flatnonzero(source.having(structure="colon")))
    assert rectum.any()
    assert np.argwhere(rectum)[:, 2].max() < np.argwhere(colon)[:, 2].min() + 2
    assert not (rectum & colon).any()


def test_femoral_heads_end_below_the_neck(source):
    head = np.isin(source.labels, np.flatnonzero(source.having(structure="right_femoral_head")))
    levels = np.flatnonzero(head.any(axis=(0, 1)))
    assert 70 < len(levels) * source.spacing_mm[2] < 95
    assert (source.labels[:, :, : levels[0]] != 0).any()  # the shaft goes on


def test_discs_and_the_canal_are_added(source):
    for material in ("disc", "spinal_canal"):
        assert np.isin(source.labels, np.flatnonzero(source.having(material=material))).sum() > 20


def test_without_deformation_volumes_and_places_stay(source):
    body = restyle(source, {}, np.random.default_rng(0), (3.0, 3.0, 3.0), STILL)
    labels = toy_labels()
    for value, key in ((1, "liver"), (2, "right_kidney"), (10, "aorta"), (17, "bladder")):
        wanted = (labels.voxels == value).sum() * 0.027
        assert volume_ml(body, key) == pytest.approx(wanted, rel=0.06)
    apart = centre_mm(body, "right_kidney") - centre_mm(body, "left_kidney")
    found = np.argwhere(labels.voxels == 2).mean(0) - np.argwhere(labels.voxels == 3).mean(0)
    assert np.allclose(apart, 3.0 * found, atol=2.0)


@pytest.mark.parametrize("seed", range(6))
def test_bodies_differ_but_keep_their_sides(source, seed):
    body = restyle(source, {}, np.random.default_rng(seed), (4.0, 4.0, 4.0))
    json.dumps(body.facts)
    assert body.grid.orientation == "RAS"
    for organ in ("kidney", "lung", "femoral_head"):
        assert centre_mm(body, f"right_{organ}")[0] > centre_mm(body, f"left_{organ}")[0]
    assert centre_mm(body, "liver")[2] > centre_mm(body, "bladder")[2]
    assert body.truth.present() >= {"liver", "pancreas", "aorta", "rectum", "hepatic_vessel"}


def test_deformation_is_real(source):
    volumes = [
        volume_ml(restyle(source, {}, np.random.default_rng(seed), (4.0, 4.0, 4.0)), "liver") for seed in range(6)
    ]
    assert max(volumes) > 1.15 * min(volumes)


def test_hepatic_vessels_lie_in_the_liver_and_are_vessels(body):
    vessels = body.truth.mask("hepatic_vessel")
    assert (body.truth.mask("liver")[vessels]).all()
    assert np.isin(body.tissue[vessels], [tissue_index("hepatic_vein"), tissue_index("portal_vein")]).all()
    assert 3 < volume_ml(body, "hepatic_vessel") < 150


def test_the_body_is_closed_by_skin_and_fat(body):
    assert not (body.truth.bits[0] != 0)[body.tissue == tissue_index("air")].any()
    outer = body.tissue[:, :, body.grid.shape[2] // 2]
    assert outer[0, 0] == tissue_index("air")
    for name in ("thin_skin", "subcutaneous_fat", "visceral_fat", "muscle", "thin_cortex", "trabecular_bone"):
        assert (body.tissue == tissue_index(name)).any(), name


def test_hollow_organs_have_walls_and_content(body):
    colon = body.tissue[body.truth.mask("colon")]
    assert (colon == tissue_index("colon_wall")).mean() > 0.1
    assert len(np.unique(colon)) >= 2
    bladder = body.tissue[body.truth.mask("bladder")]
    assert {tissue_index("bladder_wall"), tissue_index("bladder_urine")} <= set(np.unique(bladder))


def test_a_piece_of_the_body_on_request(source):
    rng = np.random.default_rng(0)
    body = restyle(source, {}, rng, (3.0, 3.0, 5.0), RestyleOptions(length_mm=120.0))
    assert body.grid.shape[2] == 25
    assert body.grid.spacing_mm == pytest.approx((3.0, 3.0, 5.0))


def test_orientation_of_the_file_does_not_matter(source):
    labels = toy_labels()
    flipped = labels.affine.copy()
    flipped[0] = [-3.0, 0, 0, 3.0 * (labels.shape[0] - 1)]
    other = RestyleSource.from_labels(Volume(labels.voxels[::-1], flipped), NAMES)
    assert np.array_equal(other.labels, source.labels)


def test_a_real_abdomen():
    import nibabel as nib

    image = nib.load(shared("data", "abdomen_3mm", "totalsegmentator_labels.nii.gz"))
    names = {2: "kidney_right", 3: "kidney_left", 5: "liver", 6: "stomach", 20: "colon", 25: "sacrum", 52: "aorta"}
    names |= {63: "inferior_vena_cava", 75: "femur_left", 76: "femur_right", 29: "vertebrae_L3"}
    source = RestyleSource.from_labels(Volume(np.asarray(image.dataobj), image.affine), names)
    body = restyle(source, {}, np.random.default_rng(0), (3.0, 3.0, 3.0))
    assert 600 < volume_ml(body, "liver") < 2200
    assert 15 < volume_ml(body, "rectum") < 200
    assert 60 < volume_ml(body, "left_femoral_head") < 260
    assert centre_mm(body, "liver")[0] > centre_mm(body, "stomach")[0]
