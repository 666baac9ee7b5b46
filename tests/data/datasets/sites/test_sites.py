"""Every dataset's raw files, as re-enacted, come back through its recipe as exactly what was drawn.

Site table and recipes were written apart. Voxel for voxel, on the case's own grid: no tolerance but that of a grid
stated in decimals. In a prepared store the same holds on the model grid, where the truth is brought by nearest
neighbour; there, too, not a voxel may differ.
"""

import numpy as np
import pytest

from omentum.data.datasets.raw_case import find_cases
from omentum.data.datasets.recipe_catalogue import bundled_recipes, find_recipe
from omentum.data.datasets.sites import Studio, find_sites, load_sites, site_tasks, write_site_case
from omentum.data.datasets.sites.layouts import turned
from omentum.data.harmonise.read import read_raw
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.io.truth import read_case
from omentum.preprocess.grid import nearest_on_model_grid

STUDIO = Studio(seed=2, finest_mm=(6.0, 6.0, 6.0), bodies=2)
THICK = Studio(seed=2, finest_mm=(6.0, 6.0, 15.0), bodies=2)
STUDIOS = {"3d-ircadb-01": THICK}
"""Where every slice of every structure is a file of its own."""
CASES = {"3d-ircadb-01": 1, "btcv": 3}
"""Two cases of a site where nothing is said: enough for two of its orientations."""
STORED = StoreOptions(spacing_mm=(7.0, 7.0, 7.0), samples=10)
PADDING_HU, BONE_HU = -1024, 3071


def upright(array, grid):
    return turned(array, grid, "RAS")


def as_found(task):
    recipe = find_recipe(task.site)
    return next(case for case in find_cases(recipe, task.out / task.site).cases if case.id == task.id)


def compare_stored(store, task, case):
    _, truth, facts = read_case(task.truth)
    assert sorted(case.annotated) == facts["annotated_at_site"]
    wanted = nearest_on_model_grid(truth.bits[0], truth.grid, STORED.spec)
    found = np.zeros(case.whole_shape, np.uint64)
    found[tuple(slice(a, a + n) for a, n in zip(case.crop_start, case.shape, strict=True))] = store.read(case).bits[0]
    assert found.shape == wanted.shape
    for key in store.classes:
        drawn = (wanted >> np.uint64(truth.classes.index(key)) & np.uint64(1)).astype(bool)
        drawn &= key in case.annotated
        stored = (found >> np.uint64(store.classes.index(key)) & np.uint64(1)).astype(bool)
        assert np.array_equal(stored, drawn), key


def compare(task, read):
    ct, truth, facts = read_case(task.truth)
    assert sorted(read.truth.annotated) == facts["annotated_at_site"]
    voxels, grid = upright(read.ct.voxels, read.ct.grid)
    wanted, exact = upright(ct.voxels, ct.grid)
    assert grid.same_as(exact, tolerance_mm=1e-3)
    assert np.array_equal(np.clip(voxels, PADDING_HU, BONE_HU), np.clip(wanted, PADDING_HU, BONE_HU))
    for key in read.truth.annotated:
        found, _ = upright(read.truth.mask(key), read.truth.grid)
        drawn, _ = upright(truth.mask(key), truth.grid)
        assert np.array_equal(found, drawn), key


def test_every_recipe_has_a_site():
    assert load_sites().keys() == bundled_recipes().keys()


def test_who_is_known_to_be_healthy_is():
    for key, site in load_sites().items():
        assert site.healthy == bundled_recipes()[key].healthy
        assert not site.healthy & site.lesions.keys()


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
    reads = {task.id: read_raw(as_found(task)) for task in tasks[:number]}
    for task in tasks[:number]:
        compare(task, reads[task.id])
    seen = set().union(*(read.truth.present() for read in reads.values()))
    assert site.lesions.keys() & site.annotated_in(site.ids[0]) <= seen
    assert prepare(found.cases, tmp_path / "store", STORED, read=lambda case: reads[case.id]).count("failed") == 0
    store = Store.open(tmp_path / "store")
    for task in tasks[:number]:
        compare_stored(store, task, store.case(f"{key}_{task.id}"))


def test_an_organ_with_an_unnamed_lesion_does_not_count(tmp_path):
    (site,) = find_sites(["flare23"])
    lost = set()
    for task in site_tasks(tmp_path, [site], 2, STUDIO):
        write_site_case(task)
        read = read_raw(as_found(task))
        compare(task, read)
        lost |= {"liver", "right_kidney", "left_kidney", "pancreas"} - read.truth.annotated
        assert any("a lesion of an organ that is not named may be part of" in note.text for note in read.notes)
    assert lost


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
