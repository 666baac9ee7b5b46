import numpy as np
import pytest
from ellipsoids import Ellipsoid
from two_scans import FIELD_MM, ORGANS, field, motion, moved, scan

from omentum.errors import InputError
from omentum.follow_up.alignment import align_bodies

CENTRES = np.array([body.centre for body in ORGANS.values()])
BEFORE = scan({}, field())


def worst_mm(alignment, matrix):
    """How far the organs' centres end up from where they were."""
    return np.linalg.norm(alignment.motion(moved(CENTRES, matrix)) - CENTRES, axis=1).max()


@pytest.mark.parametrize(
    ("matrix", "grid"),
    [
        (np.eye(4), field()),
        (motion((0, 0, 0), (40, -60, 300)), field((2.0, 2.0, 5.0))),
        (motion((8, -5, 12), (-15, 30, 8)), field((2.5, 2.5, 4.0), ((2, 0, 1), (-1, 1, -1)))),
        (motion((0, 0, 180), (5, 5, 5)), field((3, 3, 3), ((1, 0, 2), (-1, -1, 1)), (10, 5, -20))),
    ],
)
def test_a_rigid_motion_is_found_whatever_the_grid(matrix, grid):
    found = align_bodies(BEFORE, scan({}, grid, matrix))
    assert worst_mm(found, matrix) < 1.0
    assert found.residual_mm < 1.5
    assert set(found.organs) == set(ORGANS)


@pytest.mark.parametrize(
    ("box_mm", "which"),
    [
        (FIELD_MM - [[0, 0, 0], [0, 0, 60]], "after"),  # from the kidneys to the middle of the liver
        (FIELD_MM - [[0, 0, -75], [0, 0, 0]], "after"),  # nothing below the middle of the liver
        (FIELD_MM - [[0, 0, -75], [0, 0, 0]], "before"),
        (FIELD_MM - [[-90, 0, 0], [0, 0, 0]], "after"),  # the right side
    ],
)
def test_half_a_field_of_view_is_enough(box_mm, which):
    matrix = motion((4, -3, 6), (12, -8, 20))
    whole, part = field(), field(box_mm=box_mm)
    before, after = (part, whole) if which == "before" else (whole, part)
    found = align_bodies(scan({}, before), scan({}, after, matrix))
    centres = np.array([ORGANS["liver"].centre, ORGANS["right_kidney"].centre])
    away = np.linalg.norm(found.motion(moved(centres, matrix)) - centres, axis=1)
    assert away.max() < 4.0


def test_an_organ_that_moves_by_itself_is_followed_and_does_not_carry_the_others_away():
    breathing = {**ORGANS, "spleen": Ellipsoid((-75, -15, 10), (20, 15, 35))}
    found = align_bodies(BEFORE, scan({}, field(), organs=breathing))
    assert np.linalg.norm(found.motion([[45, 5, 10]]) - [[45, 5, 10]]) < 3.0
    np.testing.assert_allclose(found.motion_of("spleen")([-75, -15, 10]), (-75, -15, 25), atol=2.5)


def test_lesions_alone_are_refused():
    lesion = {"liver_tumour": [Ellipsoid((45, 5, 10), (9, 9, 9))]}
    with pytest.raises(InputError, match="no organ in common"):
        align_bodies(scan(lesion, field(), organs={}), scan(lesion, field(), organs={}))
