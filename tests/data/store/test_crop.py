import numpy as np

from omentum.boxes import box_of
from omentum.data.store.crop import body_box, margin_voxels

NOWHERE = np.zeros((60, 50, 40), bool)


def scan() -> np.ndarray:
    """A body, the rim of a table below it, and a speck of noise in the air."""
    hu = np.full(NOWHERE.shape, -1000, np.int16)
    hu[20:45, 15:40, :] = 40
    hu[10:50, 3:4, 0:1] = -100
    hu[2, 2, 2] = 500
    return hu


def test_table_and_noise_do_not_widen_the_box():
    assert body_box(scan(), NOWHERE, (0, 0, 0)) == box_of((20, 15, 0), (45, 40, 40))


def test_the_margin_ends_with_the_scan():
    assert body_box(scan(), NOWHERE, (4, 4, 4)) == box_of((16, 11, 0), (49, 44, 40))
    assert body_box(scan(), NOWHERE, (99, 99, 99)) == box_of((0, 0, 0), NOWHERE.shape)


def test_legs_apart_are_both_kept():
    hu = scan()
    hu[32:34] = -1000
    assert body_box(hu, NOWHERE, (0, 0, 0)) == box_of((20, 15, 0), (45, 40, 40))


def test_what_is_labelled_is_kept_wherever_it_is():
    labelled = NOWHERE.copy()
    labelled[1, 30, 30] = True
    assert body_box(scan(), labelled, (0, 0, 0)) == box_of((1, 15, 0), (45, 40, 40))


def test_a_scan_of_air_is_kept_whole():
    assert body_box(np.full((5, 6, 7), -1000, np.int16), np.zeros((5, 6, 7), bool), (0, 0, 0)) == box_of(
        (0, 0, 0), (5, 6, 7)
    )


def test_a_margin_is_at_least_as_long_as_asked():
    assert margin_voxels(15, (1.5, 1.6, 4)) == (10, 10, 4)
