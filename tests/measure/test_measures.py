from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omentum.errors import GeometryError
from omentum.measure import measure, measures_csv, measures_json, measures_rows
from omentum.measure.csv_table import csv_text
from omentum.measure.parquet import parquet_bytes
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (7, 6, 5)
AFFINE = np.array([[0, 0, 3, -50], [-0.8, 0, 0, 20], [0, 0.7, 0.1, 900], [0, 0, 0, 1.0]])
masks = arrays(bool, SHAPE, elements=st.booleans())


def measured(mask, hu=None, affine=AFFINE):
    hu = np.zeros(SHAPE, np.int16) if hu is None else hu
    return measure(Volume(hu, affine), Segmentation.from_masks({"liver": mask}, affine))[0]


@given(masks, arrays(np.int16, SHAPE, elements=st.integers(-1024, 3071)), st.sampled_from("CF"))
def test_numbers_agree_with_the_obvious_way(mask, hu, order):
    found = measured(mask, np.asarray(hu, order=order))
    points = np.argwhere(mask)
    assert found.found == bool(len(points))
    assert found.voxels == len(points)
    assert found.volume_ml == pytest.approx(len(points) * 0.8 * 0.7 * 3 / 1000)
    assert found.touches_border == any(p == 0 or p == n - 1 for q in points for p, n in zip(q, SHAPE, strict=True))
    if len(points):
        assert found.mean_hu == pytest.approx(hu[mask].astype(float).mean())
        assert found.sd_hu == pytest.approx(hu[mask].astype(float).std(), abs=1e-6)
        expected = (AFFINE @ [*points.mean(axis=0), 1])[:3]
        assert found.centroid_mm == pytest.approx(tuple(expected))
        assert (found.p05_hu, found.median_hu, found.p95_hu) == pytest.approx(
            tuple(np.percentile(hu[mask], [5, 50, 95]))
        )
        corners = points[:, None] + np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
        assert found.extent_mm == pytest.approx(tuple(np.ptp((corners @ AFFINE[:3, :3].T).reshape(-1, 3), axis=0)))
    else:
        assert (found.mean_hu, found.sd_hu, found.median_hu) == (None, None, None)
        assert (found.centroid_mm, found.extent_mm, found.surface_mm2) == (None, None, 0)


def test_overlapping_structures_are_measured_each_in_full():
    liver, tumour = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    liver[1:5, 1:5, 1:4], tumour[2:3, 2:3, 2:3] = True, True
    seg = Segmentation.from_masks({"liver": liver, "liver_tumour": tumour}, AFFINE)
    assert [m.voxels for m in measure(Volume(np.zeros(SHAPE), AFFINE), seg)] == [48, 1]


def test_voxels_without_a_number_are_left_out_of_the_mean():
    mask = np.ones(SHAPE, bool)
    hu = np.full(SHAPE, 40.0, np.float32)
    hu[0] = np.nan
    hu[1] = np.inf
    assert (measured(mask, hu).mean_hu, measured(mask, hu).sd_hu) == (40.0, 0.0)
    assert measured(mask, np.full(SHAPE, np.nan)).mean_hu is None


def test_a_structure_in_the_outermost_layer_is_partly_imaged_and_one_inside_is_not():
    for axis in range(3):
        for end in (0, -1):
            mask = np.zeros(SHAPE, bool)
            mask[3, 3, 2] = True
            assert not measured(mask).touches_border
            np.moveaxis(mask, axis, 0)[end] = True
            assert measured(mask).touches_border


def test_another_grid_is_refused():
    seg = Segmentation.from_masks({"liver": np.ones(SHAPE, bool)}, np.eye(4))
    with pytest.raises(GeometryError, match="not on the grid"):
        measure(Volume(np.zeros(SHAPE), AFFINE), seg)


def test_json_is_valid_and_keyed_by_structure():
    found = measured(np.zeros(SHAPE, bool), np.full(SHAPE, np.nan))
    content = json.loads(json.dumps(measures_json([found], Volume(np.zeros(SHAPE), AFFINE).grid), allow_nan=False))
    assert content["structures"]["liver"]["mean_hu"] is None
    assert content["grid"]["shape"] == list(SHAPE)


def test_fat_in_the_liver_shows_against_the_spleen():
    liver, spleen, none = (np.zeros(SHAPE, bool) for _ in range(3))
    liver[1:3], spleen[4:6] = True, True
    hu = np.where(liver, 25, 50).astype(np.int16)
    hu[1, 0, 0] = 3000  # a clip in the liver

    def difference(spleen):
        seg = Segmentation.from_masks({"liver": liver, "spleen": spleen}, AFFINE)
        return measures_json(measure(Volume(hu, AFFINE), seg), seg.grid)["derived"]["liver_minus_spleen_hu"]

    assert difference(spleen) == -25
    assert difference(none) is None


def test_csv_has_a_line_a_structure_and_never_a_formula():
    hu = np.full(SHAPE, -800, np.int16)
    found = measured(np.ones(SHAPE, bool), hu)
    head, line = measures_csv({"=HYPERLINK(1)": [found]}).splitlines()
    columns = dict(zip(head.split(","), line.split(","), strict=True))
    assert columns["case"] == "'=HYPERLINK(1)"
    assert columns["mean_hu"] == columns["median_hu"] == "-800.0"
    assert {"centroid_r_mm", "extent_s_mm", "surface_mm2"} <= set(columns)


def test_parquet_has_the_columns_of_the_csv():
    from pyarrow.parquet import read_table

    nothing = measured(np.zeros(SHAPE, bool), affine=AFFINE)
    by_case = {"=a": [measured(np.ones(SHAPE, bool), np.full(SHAPE, -800, np.int16))], "b": [nothing]}
    table = read_table(io.BytesIO(parquet_bytes(measures_rows(by_case))))
    assert table.column_names == measures_csv(by_case).splitlines()[0].split(",")
    first, second = table.to_pylist()
    assert (first["case"], first["mean_hu"], first["voxels"], first["found"]) == ("=a", -800.0, 210, True)
    assert (second["mean_hu"], second["centroid_r_mm"]) == (None, None)
    nowhere = read_table(io.BytesIO(parquet_bytes(measures_rows({"b": [nothing]}))))
    assert str(nowhere.schema.field("mean_hu").type) == "double"
    assert read_table(io.BytesIO(parquet_bytes([]))).num_rows == 0


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_text_that_starts_a_formula_is_guarded_in_head_and_body(text):
    out = csv_text([{text: text}])
    assert out.count(f"'{text}") == 2
    assert csv_text([]) == ""
