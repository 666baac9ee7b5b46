"""Labels that are stored on another grid than their CT: turned exactly, given the CT's header, or refused."""

import pytest
from raw_layouts import GRID, check, recipe, the_case, truth_of, write_pair
from sided_body import grid_around
from strategies import STORAGE_ORDERS

from omentum.axis_order import axis_order
from omentum.data.harmonise.read import read_raw
from omentum.errors import GeometryError
from omentum.volume import Grid


@pytest.mark.parametrize("order", STORAGE_ORDERS[::9], ids=str)
@pytest.mark.parametrize("tilt", [(0, 0, 0), (12, -7, 9)], ids=["upright", "oblique"])
def test_labels_stored_another_way_round_are_turned_exactly(tmp_path, order, tilt):
    grid = grid_around(*order, tilt, half_mm=(220, 160, 180))
    stored = axis_order(grid, "LAS")
    write_pair(tmp_path, grid, stored.view(truth_of(grid)), stored.grid(grid).affine)
    read = read_raw(the_case(recipe(), tmp_path))
    check(read, Grid(read.ct.shape, read.ct.affine))
    assert [n.kind for n in read.notes] == (["geometry"] if read.ct.orientation != "LAS" else [])


def test_a_slightly_different_header_gives_way_to_the_ct_s(tmp_path):
    affine = GRID.affine.copy()
    affine[:3, 3] += 1.5
    write_pair(tmp_path, label_affine=affine)
    read = read_raw(the_case(recipe(), tmp_path))
    check(read, GRID)
    (note,) = read.notes
    assert note.text == "the header of labels.nii.gz differs slightly from its CT's, which was used"


@pytest.mark.parametrize("change", ["shape", "shift", "spacing", "mirror"])
def test_labels_of_another_grid_are_refused(tmp_path, change):
    labels, affine = truth_of(GRID), GRID.affine.copy()
    if change == "shape":
        labels = labels[:-1]
    elif change == "shift":
        affine[:3, 3] += 9
    elif change == "spacing":
        affine[:3, :3] *= 1.1
    else:
        affine[0] *= -1
        affine[0, 3] += 40
    write_pair(tmp_path, labels=labels, label_affine=affine)
    with pytest.raises(GeometryError, match=r"labels.nii.gz: lies on another grid than its CT: .* never resampled"):
        read_raw(the_case(recipe(), tmp_path))
