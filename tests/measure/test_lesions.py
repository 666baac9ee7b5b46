import csv
import io
import json

import numpy as np
import pytest
from ellipsoids import Ellipsoid
from strategies import storage_affine

from omentum.errors import GeometryError
from omentum.measure import find_lesions, lesions_csv, lesions_json
from omentum.measure.lesion_tables import COLUMNS, target_lesions
from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume

SPACING_MM = (1.5, 1.5, 2.0)


def grid_at(axes=(0, 1, 2), signs=(1, 1, 1)) -> Grid:
    """100 x 80 x 80 mm around the origin in any storage order."""
    affine = storage_affine(axes, signs, tuple(SPACING_MM[a] for a in axes))
    shape = tuple(round((100, 80, 80)[a] / SPACING_MM[a]) for a in axes)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


BODIES = {
    "liver": Ellipsoid((15, 0, 0), (30, 30, 30)),
    "right_kidney": Ellipsoid((30, -10, 0), (12, 12, 20)),
    "left_kidney": Ellipsoid((-30, -10, 0), (12, 12, 20)),
    "spleen": Ellipsoid((-30, 10, 0), (8, 8, 8)),
}


def case(lesions, organs=BODIES, grid=None, hu=None):
    grid = grid or grid_at()
    masks = {key: body.on(grid) for key, body in organs.items()}
    for key, bodies in lesions.items():
        masks[key] = np.any([body.on(grid) for body in bodies], axis=0) if bodies else np.zeros(grid.shape, bool)
    voxels = np.zeros(grid.shape, np.int16) if hu is None else hu(masks)
    return Volume(voxels, grid.affine), Segmentation.from_masks(masks, grid.affine)


def found(lesions, **more):
    return find_lesions(*case(lesions, **more))


def test_a_lesion_is_described():
    def hu(masks):
        return np.where(masks["liver_tumour"], 60, 110).astype(np.int16)

    (lesion,) = found({"liver_tumour": [Ellipsoid((20, 4, 6), (12, 7, 8), (0, 0, 30))]}, hu=hu)
    assert (lesion.number, lesion.key, lesion.host, lesion.side, lesion.also) == (1, "liver_tumour", "liver", None, ())
    assert lesion.volume_ml == pytest.approx(4 / 3 * np.pi * 12 * 7 * 8 / 1000, rel=0.05)
    assert lesion.centroid_mm == pytest.approx((20, 4, 6), abs=0.5)
    assert lesion.axial.longest.mm == pytest.approx(24, abs=1.5)
    assert lesion.axial.perpendicular.mm == pytest.approx(14, abs=1.5)
    assert (lesion.hu.mean_hu, lesion.hu.sd_hu, lesion.hu.p05_hu, lesion.hu.p95_hu) == (60, 0, 60, 60)
    assert not lesion.touches_border


@pytest.mark.parametrize("order", [((0, 1, 2), (1, 1, 1)), ((2, 0, 1), (-1, 1, -1)), ((1, 2, 0), (1, -1, -1))])
def test_what_is_said_in_the_world_does_not_depend_on_the_storage_order(order):
    (lesion,) = found({"liver_tumour": [Ellipsoid((20, 4, 6), (12, 7, 8), (0, 0, 30))]}, grid=grid_at(*order))
    (straight,) = found({"liver_tumour": [Ellipsoid((20, 4, 6), (12, 7, 8), (0, 0, 30))]})
    assert lesion.axial.longest.mm == pytest.approx(straight.axial.longest.mm)
    np.testing.assert_allclose(sorted(lesion.axial.longest.ends_mm), sorted(straight.axial.longest.ends_mm))
    assert lesion.to_surface_mm == pytest.approx(straight.to_surface_mm)
    slice_z = grid_at(*order).to_world(np.eye(3)[lesion.axial.axis] * lesion.axial.slice)[2]
    assert slice_z == pytest.approx(grid_at().to_world((0, 0, straight.axial.slice))[2])


class TestPlace:
    def test_the_side_is_that_of_the_kidney_with_most_of_it(self):
        lesions = {"kidney_tumour": [Ellipsoid((36, -10, 5), (6, 6, 6)), Ellipsoid((-42, -10, 5), (4, 4, 4))]}
        places = [(one.host, one.side) for one in found(lesions)]
        assert places == [("right_kidney", "right"), ("left_kidney", "left")]

    def test_beside_an_organ_is_that_organs_and_far_from_any_is_nobodys(self):
        beside, far = Ellipsoid((-30, -10, 27), (4, 4, 4)), Ellipsoid((0, 30, -30), (4, 4, 4))
        first, second = found({"kidney_cyst": [beside, far]}, organs={k: b for k, b in BODIES.items() if k != "liver"})
        assert {first.host, second.host} == {"left_kidney", None}
        assert first.to_surface_mm is second.to_surface_mm is None

    @pytest.mark.parametrize("depth_mm", [0, 5, 12])
    def test_depth_is_how_much_organ_covers_it(self, depth_mm):
        lesion = Ellipsoid((15, 0, 30 - depth_mm - 6), (6, 6, 6))
        (one,) = found({"liver_tumour": [lesion]})
        assert one.to_surface_mm == pytest.approx(depth_mm, abs=1.5)

    def test_a_lesion_that_is_missing_in_its_organ_lies_as_deep(self):
        lesion = Ellipsoid((15, 0, 12), (6, 6, 6))
        ct, seg = case({"liver_tumour": [lesion]})
        masks = {key: seg.mask(key) for key in seg.classes}
        masks["liver"] = (masks["liver"] & ~masks["liver_tumour"]) | (masks["liver_tumour"] & (seg.bits[0] == 0))
        masks["liver"][tuple(np.argwhere(masks["liver_tumour"])[0])] = True  # else it would share no voxel
        (one,) = find_lesions(ct, Segmentation.from_masks(masks, seg.affine))
        assert one.to_surface_mm == pytest.approx(12, abs=1.5)

    def test_the_edge_of_the_image_is_not_the_surface_of_the_organ(self):
        organs = {"liver": Ellipsoid((0, 0, 40), (38, 38, 38))}
        (one,) = found({"liver_tumour": [Ellipsoid((0, 0, 37), (5, 5, 5))]}, organs=organs)
        assert one.touches_border
        assert one.to_surface_mm > 20

    def test_without_its_organ_a_lesion_is_still_measured(self):
        (one,) = found({"lung_tumour": [Ellipsoid((0, 0, 0), (6, 6, 6))]})
        assert (one.host, one.side, one.to_surface_mm) == (None, None, None)
        assert one.axial.longest.mm == pytest.approx(12, abs=1.5)


def test_none_is_none():
    ct, seg = case({"liver_tumour": []})
    assert find_lesions(ct, seg) == []
    content = lesions_json([], seg.grid)
    assert content["lesion_summary"] == {
        **{"lesions": 0, "volume_ml": 0.0, "longest_axial_mm": 0.0, "by_type": {}},
        **{"recist": {"targets": [], "sum_mm": 0}, "candidates": 0},
    }
    assert lesions_csv({"a": []}).splitlines() == [",".join(COLUMNS)]


def test_another_grid_is_refused():
    ct, seg = case({"liver_tumour": []})
    with pytest.raises(GeometryError, match="not on the grid"):
        find_lesions(Volume(ct.voxels, np.eye(4)), seg)


class TestSummary:
    MANY = {  # noqa: RUF012
        "kidney_tumour": [Ellipsoid((30, -10, 5), (8, 8, 8)), Ellipsoid((-30, -10, 5), (7, 7, 7))],
        "liver_tumour": [
            Ellipsoid((15, y, z), (r, r, r)) for y, z, r in ((12, 12, 9), (-12, -12, 7), (12, -14, 6), (-14, 12, 3))
        ],
        "kidney_cyst": [Ellipsoid((-30, -10, -12), (6, 6, 6))],
    }

    def test_lesions_are_numbered_by_type_and_size(self):
        lesions = found(self.MANY)
        assert [one.number for one in lesions] == list(range(1, 8))
        assert [one.key for one in lesions] == ["kidney_tumour"] * 2 + ["liver_tumour"] * 4 + ["kidney_cyst"]
        volumes = [one.volume_ml for one in lesions[2:6]]
        assert volumes == sorted(volumes, reverse=True)

    def test_targets_are_the_largest_tumours_two_an_organ(self):
        lesions = found(self.MANY)
        chosen = target_lesions(lesions, 2.0)
        assert {one.number for one in chosen} == {1, 2, 3, 4}
        content = lesions_json(lesions, grid_at())["lesion_summary"]
        assert content["recist"]["sum_mm"] == pytest.approx(2 * (8 + 7 + 9 + 7), abs=4)
        assert content["by_type"]["liver_tumour"]["lesions"] == 4
        assert content["lesions"] == 7

    def test_thick_slices_ask_for_larger_targets(self):
        assert [one.number for one in target_lesions(found(self.MANY), 8.8)] == [3]

    def test_one_lesion_by_two_names_counts_once(self):
        lesions = found({key: [Ellipsoid((15, 0, 0), (8, 8, 8))] for key in ("liver_tumour", "hepatic_vessel_tumour")})
        assert [one.also for one in lesions] == [("hepatic_vessel_tumour",), ("liver_tumour",)]
        content = lesions_json(lesions, grid_at())["lesion_summary"]
        assert content["lesions"] == 1
        assert content["volume_ml"] == pytest.approx(lesions[0].volume_ml)
        assert content["recist"]["targets"] == [1]

    def test_files_hold_what_was_found(self):
        lesions = found(self.MANY)
        content = json.loads(json.dumps(lesions_json(lesions, grid_at()), allow_nan=False))
        rows = list(csv.DictReader(io.StringIO(lesions_csv({"case 1": lesions}))))
        assert len(rows) == len(content["lesions"]) == 7
        for row, entry, one in zip(rows, content["lesions"], lesions, strict=True):
            assert row["case"] == "case 1"
            assert float(row["longest_axial_mm"]) == entry["longest_axial"]["mm"] == one.axial.longest.mm
            ends = [float(row[f"longest_to_{axis}_mm"]) for axis in "ras"]
            assert ends == entry["longest_axial"]["ends_mm"][1] == list(one.axial.longest.ends_mm[1])
            assert entry["key_slice"] == {"axis": 2, "index": int(row["key_slice"])}
