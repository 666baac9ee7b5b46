"""What a killed process left is removed, what somebody is at is not, and an earlier result is never lost."""

import os
import subprocess
import sys
import time

import pytest

from omentum.atomic import replacing_folder
from omentum.errors import OutputError
from omentum.temporary_names import FOREIGN_AGE_S, remove_unfinished, unfinished


@pytest.fixture(scope="module")
def gone():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_by(path, process, kind="tmp"):
    name = unfinished(path, kind).name
    return path.with_name(name.replace(f"-{os.getpid()}-", f"-{process}-"))


def test_names_are_never_the_same_and_never_too_long(tmp_path):
    long = tmp_path / ("ü" * 127)
    names = {unfinished(long).name for _ in range(100)}
    assert len(names) == 100
    assert max(len(os.fsencode(name)) for name in names) <= 255


def test_what_a_dead_process_left_is_removed_and_nothing_else(tmp_path, gone):
    for place in (left_by(tmp_path / "ct", gone), unfinished(tmp_path / "at work"), tmp_path / "ct2"):
        place.mkdir()
        (place / "half.txt").write_text("half")
    left_by(tmp_path / "report.json", gone).write_text("half")
    others = [tmp_path / ".mine.tmp-notes", tmp_path / ".hidden", tmp_path / "plain.txt"]
    for other in others:
        other.write_text("not ours")
    before = set(tmp_path.iterdir())
    assert remove_unfinished(tmp_path) == 2
    went = before - set(tmp_path.iterdir())
    assert sorted(path.name.partition(".tmp-")[0] for path in went) == [".ct", ".report.json"]


def test_an_earlier_result_comes_back_where_its_place_is_empty(tmp_path, gone):
    for name in ("lost", "there"):
        old = left_by(tmp_path / name, gone, "old")
        old.mkdir()
        (old / "result.txt").write_text("earlier")
    (tmp_path / "there").mkdir()
    assert remove_unfinished(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lost", "there"]
    assert (tmp_path / "lost" / "result.txt").read_text() == "earlier"


def test_what_another_machine_writes_is_left_until_nothing_in_it_has_changed_for_long(tmp_path, gone, monkeypatch):
    monkeypatch.setattr("omentum.temporary_names.platform.node", lambda: "another container")
    fresh, old = (left_by(tmp_path / name, gone) for name in ("fresh", "old"))
    monkeypatch.undo()
    for folder in (fresh, old):
        folder.mkdir()
        (folder / "half.txt").write_text("half")
    long_ago = time.time() - FOREIGN_AGE_S - 60
    for path in (old / "half.txt", old):
        os.utime(path, (long_ago, long_ago))
    assert remove_unfinished(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [fresh]


def test_containers_that_share_a_host_name_are_told_apart_by_their_processes(tmp_path, gone, monkeypatch):
    """One that shares the host's network has its name, and process numbers of its own."""
    monkeypatch.setattr("omentum.temporary_names.os.readlink", lambda path: "pid:[1]")
    at_work = left_by(tmp_path / "ct", gone)
    monkeypatch.setattr("omentum.temporary_names.os.readlink", lambda path: "pid:[2]")
    at_work.mkdir()
    assert remove_unfinished(tmp_path) == 0
    assert at_work.is_dir()


def earlier(folder):
    folder.mkdir()
    (folder / "result.txt").write_text("earlier")
    return folder / "result.txt"


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    result = earlier(tmp_path / "ct")
    with replacing_folder(tmp_path / "ct") as new:
        (new / "other.txt").write_text("later")
        assert result.read_text() == "earlier"
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["ct", "ct/other.txt"]


def test_what_a_link_leads_to_is_not_replaced(tmp_path):
    result = earlier(tmp_path / "kept")
    (tmp_path / "ct").symlink_to("kept")
    with replacing_folder(tmp_path / "ct") as new:
        (new / "other.txt").write_text("later")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct", "kept"]
    assert not (tmp_path / "ct").is_symlink()
    assert result.read_text() == "earlier"


@pytest.mark.parametrize(("may_rename", "stays_at"), [(1, "*.old-*"), (2, "ct")])
def test_the_earlier_result_is_never_lost(tmp_path, monkeypatch, may_rename, stays_at):
    """The first rename puts it aside; then the new folder cannot take its place, nor (at first) the old one go back."""
    earlier(tmp_path / "ct")
    rename, calls = type(tmp_path).rename, []

    def failing(path, target):
        calls.append(path)
        if len(calls) == 2 or (len(calls) == 3 and may_rename == 1):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "rename", failing)
        with pytest.raises(OutputError, match="Input/output error"), replacing_folder(tmp_path / "ct"):
            pass
    (place,) = tmp_path.iterdir()
    assert place.match(stays_at)
    assert (place / "result.txt").read_text() == "earlier"


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert remove_unfinished(tmp_path / "nothing") == 0
