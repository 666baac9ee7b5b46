"""Every dataset's raw files, as re-enacted, come back through its recipe as exactly what was drawn.

Site table and recipes were written apart. Voxel for voxel, on the case's own grid: no tolerance but that of a grid
stated in decimals.
"""

import numpy as np
import pytest

from omentum.anatomy.recipes import bundled_recipes, find_recipe
from omentum.data.raw import find_cases
from omentum.data.read_raw import read_raw
from omentum.data.sites import Studio, find_sites, load_sites, site_tasks, write_site_case
from omentum.data.sites.layouts import turned
from omentum.io.truth import read_case

STUDIO = Studio(seed=2, finest_mm=(6.0, 6.0, 6.0), bodies=2)
THICK = Studio(seed=2, finest_mm=(6.0, 6.0, 15.0), bodies=2)
STUDIOS = {"3d-ircadb-01": THICK}
"""Where every slice of every structure is a file of its own."""
CASES = {"3d-ircadb-01": 1, "btcv": 3}
"""Two cases of a site where nothing is said: enough for two of its orientations."""
AIR_HU, BONE_HU = -1024, 3071


def upright(array, grid):
    return turned(array, grid, "RAS")


def hidden(site, truth):
    """Voxels with a value that means none of ours and was painted over what does (a lesion of any organ)."""
    drawn = [stroke.value in site.foreign for stroke in site.paint]
    last = len(drawn) - drawn[::-1].index(False) if False in drawn else 0
    over = np.zeros(truth.shape, bool)
    for stroke in site.paint[last:]:
        for key in stroke.structures:
            over |= truth.mask(key)
    return over


def as_found(task):
    recipe = find_recipe(task.site)
    return next(case for case in find_cases(recipe, task.out / task.site).cases if case.id == task.id)


def compare(site, task, read):
    ct, truth, facts = read_case(task.truth)
    assert sorted(read.truth.annotated) == facts["annotated_at_site"]
    voxels, grid = upright(read.ct.voxels, read.ct.grid)
    wanted, exact = upright(ct.voxels, ct.grid)
    assert grid.same_as(exact, tolerance_mm=1e-3)
    assert np.array_equal(np.clip(voxels, AIR_HU, BONE_HU), np.clip(wanted, AIR_HU, BONE_HU))
    over, _ = upright(hidden(site, truth), truth.grid)
    for key in read.truth.annotated:
        found, _ = upright(read.truth.mask(key), read.truth.grid)
        drawn, _ = upright(truth.mask(key), truth.grid)
        assert np.array_equal(found & ~over, drawn & ~over), key


def test_every_recipe_has_a_site():
    assert load_sites().keys() == bundled_recipes().keys()


@pytest.mark.slow
@pytest.mark.parametrize("key", list(load_sites()))
def test_raw_files_come_back_as_what_was_drawn(tmp_path, key):
    (site,) = find_sites([key])
    number = CASES.get(key, 2)
    tasks = site_tasks(tmp_path, [site], number, STUDIOS.get(key, STUDIO))
    for task in tasks:
        root = write_site_case(task)
    found = find_cases(find_recipe(key), root)
    assert sorted(case.id for case in found.cases) == sorted(site.ids[:number])
    left_out = sum(1 for decoy in site.decoys.values() if decoy != "mr")
    assert (len(found.skipped), len(found.unpaired)) == (len(site.decoys) - left_out, left_out)
    seen = set()
    for task in tasks[:number]:
        read = read_raw(as_found(task))
        compare(site, task, read)
        seen |= read.truth.present()
    assert site.lesions.keys() & site.annotated_in(site.ids[0]) <= seen


def test_the_sites_draw_every_structure_somewhere():
    from omentum.anatomy import STRUCTURES

    drawn = {key for site in load_sites().values() for id_ in site.ids[:3] for key in site.annotated_in(id_)}
    assert drawn == set(STRUCTURES.keys)


def test_patients_are_shared_as_the_recipes_say():
    patient = {(key, n): find_recipe(key).patient_of(n) for key, n in SAME_SCANS}
    site = {(key, n): load_sites()[key].patient_of(n) for key, n in SAME_SCANS}
    for one in SAME_SCANS:
        for other in SAME_SCANS:
            assert (patient[one] == patient[other]) == (site[one] == site[other])


SAME_SCANS = [
    ("lits", "28"),
    ("3d-ircadb-01", "1"),
    ("msd-liver", "28"),
    ("lits", "74"),
    ("abdomenct-1k", "00297"),
    ("abdomenct-1k", "00928"),
    ("kits19", "00001"),
    ("kits21", "00001"),
    ("pancreas-ct", "0002"),
    ("pancreas-ct-tcia", "0002"),
    ("word", "0002"),
]
