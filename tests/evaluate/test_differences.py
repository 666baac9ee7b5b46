from __future__ import annotations

import io

import numpy as np
import pytest
from banded_phantom import ras_grid, stored
from PIL import Image
from report_case import ball
from svg_paths import polygons

from omentum.evaluate.differences import PREDICTION, REFERENCE, differences
from omentum.report.pictures import UNITS_PER_MM
from omentum.segmentation import Segmentation
from omentum.volume import Volume

RAS = ras_grid((2.0, 2.0, 3.0), (170, 130, 90))
GRIDS = [RAS, stored(RAS, (2, 0, 1), (True, False, True))]
LIVER_MM = (40.0, 0.0, 0.0)


def seg(grid, **masks):
    return Segmentation.from_masks(masks, grid.affine)


@pytest.mark.parametrize("grid", GRIDS, ids=["straight", "turned"])
def test_the_slice_with_most_errors_and_both_outlines_where_they_are(grid):
    ref = seg(grid, liver=ball(grid, LIVER_MM, 30))
    wrong = ball(grid, LIVER_MM, 30) & ~ball(grid, (55.0, 10.0, 15.0), 14)
    (one,) = differences(None, seg(grid, liver=wrong), ref, ["liver"]).values()
    errors = ref.mask("liver") ^ wrong
    along = np.count_nonzero(errors, axis=tuple(a for a in range(3) if a != one.axis))
    assert along[one.slice] == along.max() > 0
    (true,), ours = polygons(one.picture.outlines[REFERENCE]), polygons(one.picture.outlines[PREDICTION])
    assert np.ptp(true[:, 0]) / UNITS_PER_MM == pytest.approx(2 * np.sqrt(30**2 - 15**2), abs=4)
    # The bite lies forward and to the patient's right: above and left in the picture.
    bite = true.mean(axis=0) + np.array([-15, -10]) * UNITS_PER_MM
    assert all(not inside(corners, bite) for corners in ours)
    assert inside(true, bite)


def inside(corners, point):
    from matplotlib.path import Path

    return Path(corners).contains_point(point)


def test_only_what_is_there_is_drawn_and_agreement_needs_no_picture():
    liver, spleen = ball(RAS, LIVER_MM, 20), ball(RAS, (-40.0, 0.0, 0.0), 12)
    ref = seg(RAS, liver=liver, spleen=spleen, aorta=np.zeros(RAS.shape, bool), pancreas=spleen)
    pred = seg(RAS, liver=liver, spleen=np.zeros(RAS.shape, bool), aorta=spleen)
    drawn = differences(None, pred, ref, ["liver", "spleen", "aorta", "pancreas", "colon"])
    assert {key: set(one.picture.outlines) for key, one in drawn.items()} == {
        "spleen": {REFERENCE},
        "aorta": {PREDICTION},
        "pancreas": {REFERENCE},
    }


def test_grey_values_are_the_ct_s_and_a_picture_is_small():
    grid = ras_grid((0.7, 0.7, 3.0), (360, 300, 30))
    ref = seg(grid, liver=ball(grid, LIVER_MM, 100))
    hu = Volume(np.where(ref.mask("liver"), 240, -160).astype(np.int16), grid.affine).voxels
    empty = seg(grid, liver=np.zeros(grid.shape, bool))
    grey, black = (differences(ct, empty, ref, ["liver"])["liver"].picture for ct in (hu, None))
    shades, none = (np.asarray(Image.open(io.BytesIO(p.webp)).convert("L")) for p in (grey, black))
    assert (shades.min(), shades.max()) == (pytest.approx(0, abs=3), pytest.approx(255, abs=3))
    assert none.max() < 4
    assert max(shades.shape) <= 512
    assert len(grey.webp) < 40_000
