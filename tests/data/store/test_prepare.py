import json
import os
import time
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from filelock import FileLock
from listeners import Recorder
from raw_cases import files_of, raw_case, read_or_raise, read_toy, touched, toy_recipe, write_toys
from toy_cases import toy_volume

from omentum.data.datasets.recipe_catalogue import Target
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.errors import InputError, OutputError, UsageError
from omentum.io.truth import write_case
from omentum.temporary_names import unfinished

OPTIONS = StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True, samples=50)


def run(cases, out, **how):
    return prepare(cases, out, how.pop("options", OPTIONS), read=how.pop("read", read_toy), **how)


def states(report):
    return [outcome.state for outcome in report.outcomes]


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    return write_toys(tmp_path_factory.mktemp("raw"), 3)


@pytest.fixture(scope="module")
def finished(toys, tmp_path_factory):
    """The store of the toys, prepared in one go; not to be changed."""
    out = tmp_path_factory.mktemp("finished") / "store"
    assert states(run(toys, out)) == ["prepared"] * 3
    return out


def test_a_case_is_what_its_source_says(finished):
    store = Store.open(finished)
    case = store.case("toy_0")
    ct, truth = toy_volume(0, (60, 56, 50))
    whole = np.zeros(case.whole_shape, np.uint64)
    hu, (bits,) = store.read(case)
    inside = tuple(slice(a, a + n) for a, n in zip(case.crop_start, case.shape, strict=True))
    whole[inside] = bits
    for key in ("liver", "liver_tumour", "left_kidney"):
        k = store.classes.index(key)
        assert np.array_equal(whole >> np.uint64(k) & np.uint64(1) != 0, truth.mask(key))
        assert case.structures[key].voxels == truth.mask(key).sum()
        assert case.structures[key].hu_mean == pytest.approx(ct.voxels[truth.mask(key)].mean(), abs=0.01)
        assert case.structures[key].volume_ml == pytest.approx(truth.mask(key).sum() * 0.027)
    assert np.array_equal(hu, ct.voxels[inside])
    assert case.grid.to_world((0, 0, 0)) == pytest.approx(ct.grid.to_world(case.crop_start))
    assert (case.dataset, case.patient, case.notes) == ("toy", "toy-0", (("toy", "made up"),))


def test_partial_labels_are_carried(finished):
    case = Store.open(finished).case("toy_0")
    assert set(case.annotated) == {"liver", "liver_tumour", "left_kidney", "right_kidney"}


def test_the_manifest_says_where_from_and_how(finished):
    manifest = Store.open(finished).manifest
    assert manifest["datasets"]["toy"]["licence"] == "CC0-1.0"
    assert manifest["options"]["spacing_mm"] == [3.0, 3.0, 3.0]
    assert {"omentum", "blosc2"} <= Store.open(finished).cases[0].versions.keys()


def test_a_second_run_does_no_work(finished, toys):
    before = files_of(finished), {p: p.stat().st_mtime_ns for p in finished.rglob("*.b2nd")}
    assert states(run(toys, finished, read=read_or_raise)) == ["kept"] * 3
    assert before == (files_of(finished), {p: p.stat().st_mtime_ns for p in finished.rglob("*.b2nd")})


def test_neither_jobs_nor_order_show_in_the_bytes(finished, toys, tmp_path):
    assert states(run(toys[::-1], tmp_path / "two", jobs=2)) == ["prepared"] * 3
    assert files_of(tmp_path / "two") == files_of(finished)


def test_one_dataset_after_the_other_is_the_same_store(tmp_path):
    one, two = (write_toys(tmp_path / key, 1, toy_recipe(key)) for key in ("a", "b"))
    run(one + two, tmp_path / "both")
    run(two, tmp_path / "apart")
    run(one, tmp_path / "apart")
    assert files_of(tmp_path / "both") == files_of(tmp_path / "apart")


def test_only_what_changed_is_made_again(tmp_path):
    toys = write_toys(tmp_path / "raw", 2)
    run(toys, tmp_path / "store")
    touched(toys[1].image)
    assert states(run(toys, tmp_path / "store")) == ["kept", "prepared"]
    os.utime(toys[0].image)  # a new date alone is no change
    assert states(run(toys, tmp_path / "store")) == ["kept", "kept"]
    run(toys, tmp_path / "fresh")
    assert files_of(tmp_path / "store") == files_of(tmp_path / "fresh")


def test_a_recipe_changes_only_the_cases_it_means_otherwise(tmp_path):
    toys = write_toys(tmp_path / "raw", 2)
    run(toys, tmp_path / "store")
    titled = replace(toys[0].recipe, title="Another title")
    narrowed = [replace(case, recipe=titled) for case in toys]
    narrowed[1] = replace(narrowed[1], annotated=frozenset({"liver"}))
    assert states(run(narrowed, tmp_path / "store")) == ["kept", "prepared"]
    store = Store.open(tmp_path / "store")
    assert store.case("toy_1").annotated == ("liver",)
    assert store.manifest["datasets"]["toy"]["title"] == "Another title"
    other = replace(titled, values={1: Target(frozenset({"spleen"}))})
    assert states(run([replace(c, recipe=other) for c in toys], tmp_path / "store")) == ["prepared"] * 2


def test_other_options_make_every_case_again(tmp_path):
    toys = write_toys(tmp_path / "raw", 1)
    run(toys, tmp_path / "store")
    assert states(run(toys, tmp_path / "store", options=replace(OPTIONS, margin_mm=0))) == ["prepared"]
    with pytest.raises(UsageError, match="holds toy prepared with other options"):
        run(write_toys(tmp_path / "b", 1, toy_recipe("b")), tmp_path / "store")


def test_a_case_that_is_gone_leaves_the_store(tmp_path):
    toys = write_toys(tmp_path / "raw", 2)
    run(toys, tmp_path / "store")
    assert run(toys[:1], tmp_path / "store").removed == ("toy_1",)
    assert [case.name for case in Store.open(tmp_path / "store").cases] == ["toy_0"]


def test_a_bad_case_is_told_and_does_not_stop_the_others(toys, tmp_path):
    listener = Recorder()
    report = run(toys, tmp_path / "store", read=read_or_raise, progress=listener)
    assert states(report) == ["prepared", "failed", "failed"]
    assert report.outcomes[1].error == f"{toys[1].image}: is no scan (give a scan)"
    assert "internal fault: ZeroDivisionError: ours" in report.outcomes[2].error
    assert listener.of("progress") == [(1, 3, True), (2, 3, True), (3, 3, True)]
    assert [kind for kind, _ in listener.of("say")] == ["error", "error"]
    store = Store.open(tmp_path / "store")
    assert [case.name for case in store.cases] == ["toy_0"]
    assert store.manifest["datasets"]["toy"]["failed"]["toy_1"] == "is no scan"
    assert states(run(toys, tmp_path / "store")) == ["kept", "prepared", "prepared"]


def test_a_case_its_process_died_of_is_told(toys, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "omentum.data.store.prepare.map_in_processes", lambda work, tasks, jobs: ((task, None) for task in tasks)
    )
    (outcome,) = run(toys[:1], tmp_path / "store").outcomes
    assert outcome.state == "failed"
    assert outcome.error.startswith(f"{toys[0].image}: its process died")


def test_truth_on_another_grid_is_refused(toys, tmp_path):
    assert (
        run(toys[:1], tmp_path / "store", read=read_shifted).outcomes[0].reason
        == "CT and labels are on different grids"
    )


def read_shifted(raw):
    case = read_toy(raw)
    moved = case.truth.affine.copy()
    moved[0, 3] += 9
    return replace(case, truth=replace(case.truth, affine=moved))


@pytest.mark.parametrize("turn", ["flipped", "permuted", "oblique"])
def test_storage_order_and_tilt_do_not_matter(turn, tmp_path):
    """However a scan is stored, its voxels come to the same places; a tilted grid keeps its own axes."""
    ct, truth = toy_volume(0, (60, 56, 50))
    write_case(tmp_path / "raw" / "0", ct, truth, {})
    turned = turned_case(ct, truth, turn)
    write_case(tmp_path / "raw" / "1", *turned, {})
    run([raw_case(toy_recipe(), tmp_path / "raw" / k) for k in "01"], tmp_path / "store")
    store = Store.open(tmp_path / "store")
    one, other = store.cases
    for a, b in zip(store.read(one), store.read(other), strict=True):
        assert np.array_equal(a, b)
    if turn == "oblique":
        assert other.grid.to_world((3, 4, 5)) == pytest.approx(ROTATION @ [*one.grid.to_world((3, 4, 5)), 1][:3])
    else:
        assert other.grid.same_as(one.grid)


a = np.deg2rad(10)
ROTATION = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])


def turned_case(ct, truth, turn):
    if turn == "oblique":
        affine = np.eye(4)
        affine[:3, :3] = ROTATION
        return replace(ct, affine=affine @ ct.affine), replace(truth, affine=affine @ truth.affine)
    move = np.eye(4)
    if turn == "flipped":
        move[:2, :2] *= -1
        move[:2, 3] = np.array(ct.shape[:2]) - 1
        voxels, bits = ct.voxels[::-1, ::-1], truth.bits[:, ::-1, ::-1]
    else:
        move = move[:, [2, 0, 1, 3]]
        voxels, bits = ct.voxels.transpose(2, 0, 1), truth.bits.transpose(0, 3, 1, 2)
    affine = ct.affine @ move
    return replace(ct, voxels=voxels, affine=affine), replace(truth, bits=bits, affine=affine)


def test_what_cannot_be_is_refused(toys, tmp_path):
    with pytest.raises(UsageError, match="no case to prepare"):
        run([], tmp_path / "store")
    with pytest.raises(UsageError, match="two cases have the name 'toy_0'"):
        run([toys[0], toys[0]], tmp_path / "store")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("dear to somebody")
    with pytest.raises(OutputError, match="holds something else than a store"):
        run(toys, tmp_path / "thesis")


def test_two_writers_are_one_too_many(toys, tmp_path):
    (tmp_path / "store" / ".cache").mkdir(parents=True)
    with (
        FileLock(tmp_path / "store" / ".cache" / "lock"),
        pytest.raises(OutputError, match="another process is writing"),
    ):
        run(toys, tmp_path / "store")


def test_an_unfinished_store_says_so(toys, tmp_path):
    run(toys[:1], tmp_path / "store")
    (tmp_path / "store" / "store.json").unlink()
    with pytest.raises(InputError, match="is an unfinished store"):
        Store.open(tmp_path / "store")


def test_killed_at_any_moment_and_run_again_it_is_the_same_store(finished, toys, tmp_path):
    out = tmp_path / "store"
    for delay in (0.03, 0.1, 0.25):
        # fork: a fresh interpreter would spend the time on imports (benchmarks/store_kills.py kills those)
        process = get_context("fork").Process(target=run, args=(toys, out))
        process.start()
        time.sleep(delay)
        process.kill()
        process.join()
    assert "failed" not in states(run(toys, out))
    assert files_of(out) == files_of(finished)
    assert not list((out / "cases").glob(".*"))


def test_leftovers_of_a_kill_are_cleaned(finished, toys, tmp_path, monkeypatch):
    out = tmp_path / "store"
    run(toys[:1], out)
    with monkeypatch.context() as killed:
        killed.setattr("os.getpid", lambda: 2**22 + 1)  # Linux numbers no process so
        half = unfinished(out / "cases" / "toy_1")
        half.mkdir()
        (half / "ct.b2nd").write_bytes(b"half")
        unfinished(out / "store.json").write_bytes(b"half")
    (out / "cases" / "toy_2").mkdir()  # cannot come of a kill, but somebody may delete files
    (out / "cases" / "toy_2" / "case.json").write_text(json.dumps({"format": 0}))
    run(toys, out)
    assert files_of(out) == files_of(finished)
    assert not half.exists()
