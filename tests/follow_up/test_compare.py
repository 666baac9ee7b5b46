import csv
import io
import json

import numpy as np
import pytest
from ellipsoids import Ellipsoid
from two_scans import FIELD_MM, ORGANS, field, motion, scan

from omentum.follow_up.compare import follow_up
from omentum.follow_up.result import COLUMNS

SPACING_MM = (2.0, 2.0, 2.5)
BALL_ML = 4 / 3 * np.pi / 1000


def ball(x, y, z, radius):
    return Ellipsoid((x, y, z), (radius,) * 3)


def compared(before, after, matrix=None, grid=None, organs=ORGANS):
    matrix = motion((5, -4, 8), (20, -30, 120)) if matrix is None else matrix
    return follow_up(scan(before, field(SPACING_MM)), scan(after, grid or field(SPACING_MM), matrix, organs))


def statuses(result):
    return sorted((one.any.key, one.status) for one in result.lesions)


@pytest.mark.parametrize(
    ("matrix", "grid"),
    [
        (np.eye(4), None),
        (motion((6, -5, 10), (-20, 30, 80)), field((1.5, 1.5, 3.0), ((2, 1, 0), (1, -1, -1)))),
        (motion((0, 0, 5), (0, 0, -40)), field((2.0, 1.5, 2.0), ((1, 0, 2), (-1, 1, 1)), tilt=(12, -8, 15))),
    ],
)
def test_known_growth_is_measured_whatever_the_motion_and_the_storage(matrix, grid):
    before = {"liver_tumour": [ball(60, 10, 20, 9), ball(30, 0, -10, 7)], "kidney_tumour": [ball(48, -50, -50, 8)]}
    after = {"liver_tumour": [ball(60, 10, 20, 12), ball(30, 0, -10, 5)], "kidney_tumour": [ball(48, -50, -50, 8)]}
    result = compared(before, after, matrix, grid)
    assert [one.status for one in result.lesions] == ["same"] * 3
    sizes = {(1, "liver"): (9, 12), (2, "liver"): (7, 5), (1, "right_kidney"): (8, 8)}
    counted = {host: 0 for _, host in sizes}
    for change in sorted(result.lesions, key=lambda one: -one.volumes_ml[0]):
        counted[change.any.host] += 1
        then, now = sizes[counted[change.any.host], change.any.host]
        assert change.volumes_ml == pytest.approx((BALL_ML * then**3, BALL_ML * now**3), rel=0.1)
        assert change.longest_mm == pytest.approx((2 * then, 2 * now), abs=2)  # a voxel
        assert change.moved_mm < 2
    assert {one.any.side for one in result.lesions if one.any.key == "kidney_tumour"} == {"right"}


def test_new_and_gone():
    before = {"liver_tumour": [ball(60, 10, 20, 9), ball(30, 0, -10, 7)]}
    after = {"liver_tumour": [ball(60, 10, 20, 9), ball(20, -10, 35, 6)]}
    assert statuses(compared(before, after)) == [("liver_tumour", status) for status in ("gone", "new", "same")]


def test_a_small_lesion_that_breathing_moved_is_the_same():
    before, after = {"liver_tumour": [ball(60, 10, 20, 4)]}, {"liver_tumour": [ball(60, 10, 8, 4)]}
    lower = {**ORGANS, "liver": Ellipsoid((45, 5, -2), (55, 45, 50))}
    (change,) = compared(before, after, organs=lower).lesions
    assert change.status == "same"
    assert change.moved_mm < 4
    far = {"liver_tumour": [ball(30, -10, 20, 4)]}
    assert [one.status for one in compared(before, far).lesions] == ["gone", "new"]


def test_split_and_merged_are_told_and_their_parts_counted_together():
    one, two = [ball(60, 10, 20, 12)], [ball(60, 10, 27, 5), ball(60, 10, 13, 5)]
    split, merged = (
        compared({"liver_tumour": one}, {"liver_tumour": two}),
        compared({"liver_tumour": two}, {"liver_tumour": one}),
    )
    assert statuses(split) == [("liver_tumour", "split")]
    assert statuses(merged) == [("liver_tumour", "merged")]
    assert split.lesions[0].longest_mm == pytest.approx((24, 20), abs=2)
    assert merged.lesions[0].longest_mm == pytest.approx((20, 24), abs=2)
    assert split.response.sums_mm == pytest.approx((24, 20), abs=2)


def test_what_one_scan_does_not_show_is_neither_new_nor_gone():
    high, low = ball(60, 10, 45, 7), ball(48, -50, -50, 8)
    upper = field(SPACING_MM, box_mm=FIELD_MM - [[0, 0, -72], [0, 0, 0]])
    lower = field(SPACING_MM, box_mm=FIELD_MM - [[0, 0, 0], [0, 0, 45]])
    lesions = {"liver_tumour": [high], "kidney_tumour": [low]}
    assert statuses(compared(lesions, lesions, grid=upper)) == [
        ("kidney_tumour", "not imaged now"),
        ("liver_tumour", "same"),
    ]
    assert statuses(compared(lesions, lesions, grid=lower)) == [
        ("kidney_tumour", "same"),
        ("liver_tumour", "not imaged now"),
    ]
    result = follow_up(scan(lesions, upper), scan(lesions, field(SPACING_MM)))
    assert statuses(result) == [("kidney_tumour", "not imaged before"), ("liver_tumour", "same")]
    assert result.response.category != "progressive disease"


def test_a_type_that_was_not_looked_for_is_not_new():
    lesions = {"liver_tumour": [ball(60, 10, 20, 9)], "kidney_cyst": [ball(48, -50, -50, 8)]}
    assert statuses(compared({"liver_tumour": lesions["liver_tumour"]}, lesions)) == [
        ("kidney_cyst", "not looked for before"),
        ("liver_tumour", "same"),
    ]


def test_two_names_of_one_liver_tumour_are_one_and_a_renamed_kidney_lesion_is_remarked():
    located, kidney = ball(60, 10, 20, 9), ball(48, -50, -50, 8)
    before = {"liver_tumour": [located], "hepatic_vessel_tumour": [], "kidney_cyst": [kidney], "kidney_tumour": []}
    after = {"liver_tumour": [], "hepatic_vessel_tumour": [located], "kidney_cyst": [], "kidney_tumour": [kidney]}
    result = compared(before, after)
    assert [one.status for one in result.lesions] == ["same", "same"]
    assert [one.remarks for one in result.lesions if one.any.host == "right_kidney"] == [
        ("called cyst then, tumour now",)
    ]


def test_a_cut_lesion_has_no_growth():
    lesions = {"liver_tumour": [ball(60, 10, 50, 12)]}
    cut = field(SPACING_MM, box_mm=FIELD_MM - [[0, 0, 0], [0, 0, 22]])
    result = compared(lesions, lesions, grid=cut)
    (row,) = csv.DictReader(io.StringIO(result.to_csv()))
    assert row["volume_change_percent"] == row["longest_change_mm"] == ""
    assert "lower limits" in row["remarks"]
    assert result.response.category == "not evaluable"


def test_files_say_the_same_in_plain_values():
    before = {"liver_tumour": [ball(60, 10, 20, 9)]}
    result = compared(before, {"liver_tumour": [ball(60, 10, 20, 12), ball(20, -10, 35, 6)]})
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert content["recist"]["category"] == "progressive disease"
    assert content["alignment"]["rotation_degrees"] == pytest.approx(10.3, abs=0.7)
    assert [row["status"] for row in rows] == [entry["status"] for entry in content["lesions"]] == ["same", "new"]
    assert float(rows[0]["volume_change_percent"]) == pytest.approx(100 * ((12 / 9) ** 3 - 1), rel=0.1)
    assert rows[1]["volume_before_ml"] == ""
    assert tuple(rows[0]) == COLUMNS


def test_no_lesion_is_no_change():
    none = {"liver_tumour": []}
    result = compared(none, none)
    assert result.lesions == ()
    assert result.response.category == "no targets"
    assert result.to_csv().splitlines() == [",".join(COLUMNS)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_lesions_of_a_breathing_liver_keep_their_identity(seed):
    rng = np.random.default_rng(seed)
    centres = apart(rng, 6, 26.0)
    then, now = rng.uniform(4, 9, 6), rng.uniform(4, 9, 6)
    down = np.array([0, 0, -rng.uniform(5, 20)])
    lower = {**ORGANS, "liver": Ellipsoid(tuple(ORGANS["liver"].centre + down), ORGANS["liver"].half_axes)}
    matrix = motion(rng.uniform(-10, 10, 3), rng.uniform(-50, 50, 3))
    before = {"liver_tumour": [ball(*c, r) for c, r in zip(centres, then, strict=True)]}
    after = {"liver_tumour": [ball(*(c + down), r) for c, r in zip(centres, now, strict=True)]}
    result = compared(before, after, matrix, organs=lower)
    assert [one.status for one in result.lesions] == ["same"] * 6
    for change in result.lesions:
        which = np.linalg.norm(centres - change.before[0].centroid_mm, axis=1).argmin()
        assert change.volumes_ml == pytest.approx((BALL_ML * then[which] ** 3, BALL_ML * now[which] ** 3), rel=0.25)


def apart(rng, number, least_mm):
    """Random places well inside the liver, none nearer to another than that."""
    places = []
    while len(places) < number:
        place = rng.uniform(-1, 1, 3) * (38, 28, 33) + ORGANS["liver"].centre
        if all(np.linalg.norm(place - other) >= least_mm for other in places):
            places.append(place)
    return np.array(places)
