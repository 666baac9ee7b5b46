from __future__ import annotations

import numpy as np
import pytest
from banded_phantom import ras_grid, rotated, stored
from report_case import small_case
from svg_paths import polygons

from omentum.report.key_images import key_image
from omentum.report.pictures import UNITS_PER_MM

RAS = ras_grid((1.5, 1.5, 2.0), (170, 110, 90))
GRIDS = [RAS, stored(RAS, (2, 0, 1), (True, False, True)), rotated(stored(RAS, (1, 0, 2), (True, True, False)), 20)]


@pytest.mark.parametrize("grid", GRIDS, ids=["straight", "turned", "oblique"])
def test_the_diameters_lie_on_the_lesion(grid):
    case = small_case(grid)
    (lesion,) = case.lesions
    image = key_image(case.ct, case.seg, lesion)
    assert set(image.picture.outlines) == {"liver", "liver_tumour"}
    (corners,) = polygons(image.picture.outlines["liver_tumour"])
    steps = np.linspace(0, 1, 20, endpoint=False)[:, None, None]
    outline = (corners + steps * (np.roll(corners, -1, axis=0) - corners)).reshape(-1, 2)
    for line, diameter in ((image.longest, lesion.axial.longest), (image.perpendicular, lesion.axial.perpendicular)):
        ends = np.array(line).reshape(2, 2)
        assert np.linalg.norm(ends[0] - ends[1]) / UNITS_PER_MM == pytest.approx(diameter.mm, rel=0.01)
        for end in ends:
            assert np.linalg.norm(outline - end, axis=1).min() < 1.2 * UNITS_PER_MM
    (x1, y1, x2, y2), (x3, y3, x4, y4) = image.longest, image.perpendicular
    assert (x2 - x1) * (x4 - x3) + (y2 - y1) * (y4 - y3) == pytest.approx(0, abs=0.02 * lesion.axial.longest.mm**2)


def test_a_lesion_at_the_edge_of_the_image_is_drawn():
    grid = ras_grid((2.0, 2.0, 2.0), (100, 110, 90))
    case = small_case(grid)
    (lesion,) = case.lesions
    assert lesion.touches_border
    image = key_image(case.ct, case.seg, lesion)
    assert 0 < max(image.longest) <= max(image.picture.width, image.picture.height) + 2
