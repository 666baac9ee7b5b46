import errno
import os
import shutil
from contextlib import nullcontext

import pytest
import torch
from toy_cases import toy_case
from toy_run import changed, model, run

from omentum import atomic as case_folder
from omentum.errors import CheckpointError, OutputError
from omentum.model import load_checkpoint
from omentum.train.run.checkpoints import MANIFEST, MODEL_FILE, STATE_FILE, Checkpoints


@pytest.fixture(scope="module")
def toy_model():
    return model().eval()


def state(step):
    return {"step": step, "weights": torch.full((50,), float(step)), "nested": {"more": [torch.zeros(3), "text"]}}


def filled(folder, toy_model, steps, keep=2, best=None):
    checkpoints = Checkpoints(folder, keep)
    for step in steps:
        checkpoints.save(step, state(step), toy_model, best)
    return checkpoints


def newest(folder):
    told = []
    found = Checkpoints(folder, 2).newest(told.append)
    return found and found["step"], told


def test_the_last_few_and_the_best_are_kept(tmp_path, toy_model):
    checkpoints = filled(tmp_path, toy_model, [1, 2, 3, 4, 5], keep=2, best=2)
    assert checkpoints.steps == [2, 4, 5]
    assert sorted(path.name for path in checkpoints.place(5).iterdir()) == [MANIFEST, MODEL_FILE, STATE_FILE]
    assert newest(tmp_path) == (5, [])


def test_a_run_that_has_not_saved_has_no_state(tmp_path):
    assert newest(tmp_path) == (None, [])


@pytest.mark.parametrize("file", [STATE_FILE, MODEL_FILE, MANIFEST])
@pytest.mark.parametrize("fault", ["missing", "cut", "zeroed", "flipped"])
def test_damage_of_any_file_is_found_and_the_one_before_is_used(tmp_path, toy_model, file, fault):
    path = filled(tmp_path, toy_model, [1, 2]).place(2) / file
    content = bytearray(path.read_bytes())
    if fault == "missing":
        path.unlink()
    elif fault == "cut":
        path.write_bytes(content[:-7])
    elif fault == "zeroed":
        path.write_bytes(bytes(len(content)))
    else:
        content[len(content) // 3] ^= 16
        path.write_bytes(content)
    step, told = newest(tmp_path)
    assert step == 1
    assert "step-00000002: is damaged" in told[0]
    assert (tmp_path / "step-00000002.broken").is_dir()
    assert newest(tmp_path) == (1, [])


def test_only_damaged_checkpoints_are_no_reason_to_begin_again_silently(tmp_path, toy_model):
    filled(tmp_path, toy_model, [1, 2])
    for place in tmp_path.iterdir():
        (place / STATE_FILE).write_bytes(b"PK\x03\x04")
    for _ in range(2):
        with pytest.raises(CheckpointError, match="all checkpoints are damaged"):
            newest(tmp_path)


def test_unsafe_pickles_are_not_run(tmp_path, toy_model):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    checkpoints = filled(tmp_path, toy_model, [1])
    checkpoints.save(2, state(2) | {"payload": Payload()}, toy_model, None)
    step, told = newest(tmp_path)
    assert step == 1
    assert len(told) == 1
    assert not (tmp_path / "ran").exists()


class Killed(BaseException):
    """No handler for ordinary exceptions sees it, as none sees a SIGKILL."""


def crash_points(monkeypatch):
    """Count the operations on the disk that `save` makes, and die before a chosen one, leaving all as it is then."""
    point = {"count": 0, "die_at": None}

    def counted(real):
        def operation(*args, **how):
            if point["count"] == point["die_at"]:
                raise Killed
            point["count"] += 1
            return real(*args, **how)

        return operation

    for owner, name in ((os, "fsync"), (os, "rename"), (os, "mkdir"), (torch, "save")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    for name in ("rename", "mkdir", "replace", "write_text"):
        monkeypatch.setattr(f"pathlib.Path.{name}", counted(getattr(case_folder.Path, name)))
    # A killed process tidies nothing up.
    real_rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda *args, **how: point["die_at"] is None and real_rmtree(*args, **how))
    return point


def test_killed_before_any_write_the_old_or_the_new_checkpoint_is_whole(tmp_path, toy_model):
    filled(tmp_path / "run", toy_model, [1, 2])
    with pytest.MonkeyPatch.context() as patch:
        point = crash_points(patch)
        shutil.copytree(tmp_path / "run", tmp_path / "probe", copy_function=shutil.copy)
        point["count"] = 0
        Checkpoints(tmp_path / "probe", 2).save(3, state(3), toy_model, None)
        operations = point["count"]
    assert operations > 10
    outcomes = set()
    for die_at in range(operations):
        place = tmp_path / f"crash_{die_at}"
        shutil.copytree(tmp_path / "run", place)
        with pytest.MonkeyPatch.context() as patch:
            crash_points(patch)["die_at"] = die_at
            with pytest.raises(Killed):
                Checkpoints(place, 2).save(3, state(3), toy_model, None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("omentum.temporary_names._is_alive", lambda process: False)
            step, told = newest(place)
        assert told == []
        assert step in (2, 3), die_at
        outcomes.add(step)
        assert not list(place.glob(".*"))
    assert outcomes == {2, 3}


def test_a_full_disk_leaves_the_old_checkpoints(tmp_path, toy_model, monkeypatch):
    checkpoints = filled(tmp_path, toy_model, [1])
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 100))
        with pytest.raises(OutputError, match="the disk is full: a checkpoint needs"):
            checkpoints.save(2, state(2), toy_model, None)

    def no_space(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", no_space)
        with pytest.raises(OutputError, match="No space left on device"):
            checkpoints.save(2, state(2), toy_model, None)

    def too_large(*args):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 30208 vs 30102\nframe #0: ...")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", too_large)
        with pytest.raises(
            OutputError,
            match=r"of step 2 .*: the disk takes no more .*30102\); it needs 0.0. GB .*goes on from step 1",
        ):
            checkpoints.save(2, state(2), toy_model, None)
    assert newest(tmp_path) == (1, [])
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_the_room_asked_for_is_that_of_the_bytes_written(tmp_path, monkeypatch):
    """By a run that saves once and is validated: the checkpoint, the result, and the best model."""
    config = changed(
        parameters={"widths": [16, 64, 96], "stem": 8, "blocks": 1, "decoded_channels": 4},
        optimiser="muon",
        steps=1,
        validate_every=1,
    )
    run(config, tmp_path / "run", held_out=(toy_case(5),))
    files = [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".pt", ".safetensors")]
    assert sorted(path.name for path in files) == ["best.safetensors", MODEL_FILE, MODEL_FILE, STATE_FILE]
    written = sum(path.stat().st_size for path in files)
    saved, averaged = (
        Checkpoints(tmp_path / "run/checkpoints", 2).load(1),
        load_checkpoint(tmp_path / "run" / MODEL_FILE),
    )
    again = Checkpoints(tmp_path / "again", 2)
    for free, enough in ((written - 1, False), (int(1.2 * written), True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(10**12, 10**12, free))
        with nullcontext() if enough else pytest.raises(OutputError, match="the disk is full"):
            again.save(1, saved, averaged, None)
