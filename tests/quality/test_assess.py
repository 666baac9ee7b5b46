"""Flags say what is wrong, where, and nothing else; scores fall with harm; neither depends on how a file is stored."""

import csv
import io
import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from organ_body import assessed, codes, ct_of, grid_in, masks_on
from strategies import STORAGE_ORDERS

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.quality import Confidence, quality_csv
from omentum.quality.limits import QUALITY_RULES, parse_quality_rules
from omentum.volume import Volume

GRID = grid_in()
MASKS = masks_on(GRID)
CT = ct_of(MASKS, GRID)


def without(*keys):
    return {key: np.zeros_like(mask) if key in keys else mask for key, mask in MASKS.items()}


def swapped(masks, one, other):
    return {**masks, one: masks[other], other: masks[one]}


def pair_names(masks):
    """The same masks, each with the name of its counterpart."""
    return {STRUCTURES[key].pair or key: mask for key, mask in masks.items()}


def blob(mm, at):
    """A ball around a point of the patient."""
    away = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1)) - at
    return (away**2).sum(-1) <= mm**2


def text_of(quality, structure, code):
    (flag,) = [f for f in quality.flags if (f.structure, f.code) == (structure, code)]
    return flag.text


def test_nothing_is_said_against_a_good_result():
    quality = assessed(CT, MASKS)
    assert codes(quality) == set()
    assert "portal venous:" in text_of(quality, "", "phase")
    assert all(0.5 < q.score <= 1 for q in quality.structures.values())


@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS[1::6])
def test_how_the_image_is_stored_changes_nothing(axes, signs):
    harmed = swapped(MASKS, "right_kidney", "left_kidney") | {"spleen": MASKS["spleen"] | MASKS["stomach"]}
    expected = assessed(CT, harmed)

    def stored(voxels):
        turned = np.transpose(voxels, axes)
        return turned[tuple(slice(None, None, sign) for sign in signs)].copy()

    affine = np.eye(4)
    for axis, (world, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[:3, axis] = sign * GRID.affine[:3, world]
    corner = [0 if signs[axes.index(w)] > 0 else GRID.shape[w] - 1 for w in range(3)]
    affine[:3, 3] = GRID.to_world(corner)
    found = assessed(Volume(stored(CT.voxels), affine), {key: stored(mask) for key, mask in harmed.items()})
    assert set(found.flags) == set(expected.flags)
    for key, quality in expected.structures.items():
        assert found.structures[key].score == pytest.approx(quality.score, abs=1e-6)


def test_an_empty_segmentation_is_no_fault():
    quality = assessed(CT, without(*MASKS))
    assert (codes(quality), quality.score, dict(quality.structures)) == (set(), None, {})
    assert json.loads(json.dumps(quality.to_json(), allow_nan=False))["score"] is None


def test_an_image_of_air_is_named():
    air = Volume(np.full(GRID.shape, -1000, np.int16), GRID.affine)
    assert ("", "no_body") in codes(assessed(air, without(*MASKS)))


class TestSides:
    def test_swapped_kidneys_are_an_error_of_both(self):
        quality = assessed(CT, swapped(MASKS, "right_kidney", "left_kidney"))
        assert codes(quality, of="side") == {("right_kidney", "side"), ("left_kidney", "side")}
        assert "130 mm left of that of left_kidney" in text_of(quality, "right_kidney", "side")
        assert quality.structures["right_kidney"].score < assessed(CT, MASKS).structures["right_kidney"].score

    @pytest.mark.parametrize(("key", "half"), [("right_kidney", "left"), ("left_kidney", "right")])
    def test_a_lone_kidney_is_told_by_the_body(self, key, half):
        pair = STRUCTURES[key].pair
        quality = assessed(CT, {**without(pair), key: MASKS[pair]})
        assert codes(quality, of="side") == {(key, "side")}
        assert f"in the {half} half of the body" in text_of(quality, key, "side")

    def test_a_mirrored_image_is_told_by_what_has_no_counterpart(self):
        mirrored = {key: mask[::-1] for key, mask in MASKS.items()}
        quality = assessed(Volume(CT.voxels[::-1], CT.affine), mirrored)
        assert ("", "mirrored") in codes(quality)
        paired = {(key, "side") for key in MASKS if STRUCTURES[key].side}
        assert codes(quality, of="side") == paired

    def test_a_mirrored_body_has_its_side_flags_mirrored(self):
        harmed = {**without("left_kidney"), "right_kidney": MASKS["left_kidney"]}
        straight = assessed(CT, harmed)
        mirrored = {key: mask[::-1] for key, mask in pair_names(harmed).items()}
        found = assessed(Volume(CT.voxels[::-1], CT.affine), mirrored)
        assert codes(straight, of="side") == {("right_kidney", "side")}
        assert codes(found, of="side") == {("left_kidney", "side")}


class TestSize:
    def test_what_is_partly_imaged_is_never_too_small(self):
        low = int(np.flatnonzero(MASKS["liver"].any(axis=(0, 1)))[-1]) - 1
        cut = {key: mask[:, :, low:] for key, mask in MASKS.items()}
        grid = Volume(CT.voxels[:, :, low:], CT.affine)
        assert ("liver", "small") not in codes(assessed(grid, cut))
        whole = {**MASKS, "liver": MASKS["liver"] & (np.arange(GRID.shape[2]) >= low)}
        assert ("liver", "small") in codes(assessed(CT, whole))

    @settings(max_examples=10, deadline=None)
    @given(st.integers(10, 60), st.integers(1, 12))
    def test_nor_is_anything_that_reaches_an_edge(self, start, planes):
        part = slice(start, start + planes)
        cut = {key: mask[:, :, part] for key, mask in MASKS.items()}
        touching = {key for key, mask in cut.items() if mask[:, :, [0, -1]].any()}
        quality = assessed(Volume(CT.voxels[:, :, part], CT.affine), cut)
        assert not {key for key, code in codes(quality) if code == "small"} & touching

    def test_leakage_shows_in_volume_score_and_reasons(self):
        quality = assessed(CT, {**MASKS, "gallbladder": MASKS["gallbladder"] | MASKS["liver"]})
        assert {("gallbladder", "large"), ("gallbladder", "overlap")} <= codes(quality)
        assert quality.structures["gallbladder"].score < 0.2
        assert "large" in quality.structures["gallbladder"].reasons

    def test_uneven_kidneys(self):
        half = MASKS["left_kidney"] & (np.arange(GRID.shape[2]) > 45)
        assert ("left_kidney", "ratio") in codes(assessed(CT, {**MASKS, "left_kidney": half}))


class TestAbsence:
    def test_what_surgeons_take_out_is_only_mentioned(self):
        quality = assessed(CT, without("gallbladder"))
        assert codes(quality) == set()
        assert "surgery" in text_of(quality, "gallbladder", "missing")
        assert "although liver is wholly in the image" in text_of(quality, "gallbladder", "missing")
        assert quality.missing_structures == ()

    def test_what_nobody_lives_without_is_overlooked(self):
        quality = assessed(CT, without("pancreas"))
        assert codes(quality) == {("pancreas", "missing")}
        assert quality.missing_structures == ("pancreas",)
        assert "although liver and spleen are wholly in the image" in text_of(quality, "pancreas", "missing")
        assert quality.score < assessed(CT, MASKS).score

    def test_not_looked_for_is_not_missing(self):
        quality = assessed(CT, without("pancreas"), annotated=set(MASKS) - {"pancreas"})
        assert codes(quality) == set()

    def test_nor_is_what_may_lie_outside_the_image(self):
        middle = int(np.argwhere(MASKS["liver"])[:, 2].mean())
        cut = {key: mask[:, :, middle:] for key, mask in without("pancreas").items()}
        assert not codes(assessed(Volume(CT.voxels[:, :, middle:], CT.affine), cut), of="missing")


def test_fragments():
    harmed = {**MASKS, "spleen": MASKS["spleen"] | blob(12, (-100, 50, -60))}
    assert codes(assessed(CT, harmed)) == {("spleen", "fragments")}


def test_impossible_order():
    """A liver below the bladder."""
    harmed = {**MASKS, "bladder": blob(25, (20, 30, 190)) & ~MASKS["right_lung"]}
    found = codes(assessed(CT, harmed), of="order")
    assert {("liver", "order"), ("right_kidney", "order")} <= found


def test_not_in_hounsfield_units():
    shifted = assessed(Volume(CT.voxels + 1024, CT.affine), MASKS)
    assert {("liver", "hu"), ("spleen", "hu"), ("right_lung", "hu")} <= codes(shifted)
    assert ("", "scale") in codes(assessed(Volume(CT.voxels - 250, CT.affine), MASKS))


def test_a_tumour_without_host_and_one_that_takes_all_of_it():
    lost = assessed(CT, {**MASKS, "liver_tumour": blob(10, (-20, 60, -110))})
    assert codes(lost) == {("liver_tumour", "no_host")}
    whole = assessed(CT, {**MASKS, "liver_tumour": MASKS["liver"]})
    assert ("liver_tumour", "large") in codes(whole)


class TestPicture:
    def test_cut(self):
        cut = {key: mask[12:-12, 10:-10] for key, mask in MASKS.items()}
        affine = CT.affine.copy()
        affine[:3, 3] = GRID.to_world((12, 10, 0))
        assert ("", "cut") in codes(assessed(Volume(CT.voxels[12:-12, 10:-10], affine), cut))

    def test_noise_is_measured(self):
        rng = np.random.default_rng(0)
        noisy = CT.voxels + np.rint(rng.normal(0, 60, GRID.shape)).astype(np.int16)
        assert 50 < float(text_of(assessed(Volume(noisy, CT.affine), MASKS), "", "noise").split()[2]) < 65

    def test_metal(self):
        hu = CT.voxels.copy()
        hu[blob(10, (0, -80, 0))] = 3071
        assert codes(assessed(Volume(hu, CT.affine), MASKS)) == {("", "metal")}


def test_doubts_of_the_network_are_told_and_lower_the_score():
    sure, unsure = Confidence(0.97, 0.01, 0.05), Confidence(0.6, 0.8, 0.7)
    quality = assessed(CT, MASKS, confidence={"liver": sure, "spleen": unsure})
    assert codes(quality) == {("spleen", "low_confidence"), ("spleen", "disagreement")}
    assert quality.structures["spleen"].score <= 0.6
    assert quality.structures["liver"].score == assessed(CT, MASKS).structures["liver"].score


def test_what_reading_said_is_repeated():
    assert ("", "input") in codes(assessed(CT, MASKS, input_warnings=["ct.nii.gz: orientation unknown"]))


def test_errors_come_first():
    harmed = swapped(MASKS, "right_lung", "left_lung") | {"spleen": MASKS["spleen"] | blob(12, (-100, 50, -60))}
    severities = [flag.severity for flag in assessed(CT, harmed).flags]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)


def test_the_worst_case_is_first_in_the_table():
    harmed = swapped(MASKS, "right_kidney", "left_kidney") | {"liver": np.roll(MASKS["liver"], 8, axis=1)}
    cases = {"=good": assessed(CT, MASKS), "bad": assessed(CT, harmed), "empty": assessed(CT, without(*MASKS))}
    rows = list(csv.DictReader(io.StringIO(quality_csv(cases))))
    assert list(dict.fromkeys(row["case"] for row in rows)) == ["empty", "bad", "'=good"]
    bad = [row for row in rows if row["case"] == "bad" and row["structure"]]
    assert [float(row["score"]) for row in bad] == sorted(float(row["score"]) for row in bad)
    assert next(row for row in bad if row["structure"] == "right_kidney")["flags"].startswith("side")


def test_who_may_share_voxels():
    assert QUALITY_RULES.may_share("liver", "liver_tumour")
    assert QUALITY_RULES.may_share("hepatic_vessel", "liver_tumour")
    assert not QUALITY_RULES.may_share("liver", "spleen")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("spleen = [20, 250]", "spleeen = [20, 250]", "unknown structure spleeen"),
        ("spleen = [20, 250]", "spleen = [250, 20]", "upside down"),
        ('["liver", "right", "spleen"]', '["liver", "starboard", "spleen"]', "unknown direction starboard"),
    ],
)
def test_a_wrong_table_is_refused(old, new, reason):
    text = (resources.files("omentum.quality") / "limits.toml").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match=reason):
        parse_quality_rules(text.replace(old, new))
