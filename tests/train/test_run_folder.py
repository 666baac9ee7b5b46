"""The folder of a run: one writer, nothing else in it, and a disk that fails."""

import errno
import os

import pytest
from toy_run import CONFIG, changed, model, run, sampler

from omentum.errors import OutputError, UsageError
from omentum.train import loop


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path):
    messages = []

    def start_another(kind, figures):
        if kind == "advance" and figures["step"] == 1:
            with pytest.raises(UsageError) as refused:
                run(CONFIG, tmp_path)
            messages.append(str(refused.value))

    loop.run_training(changed(steps=1), sampler(), (), tmp_path, start_another, model=model())
    assert f"process {os.getpid()} on " in messages[0]
    assert "is training into it" in messages[0]


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        run(CONFIG, tmp_path / "file" / "run")


def test_a_folder_with_something_else_is_not_taken_over(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match=r"is no run and not empty: it holds thesis\.txt"):
        run(CONFIG, tmp_path)


def test_a_disk_that_fills_up_between_checkpoints_is_told_and_the_run_goes_on_later(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "log.jsonl")

    with monkeypatch.context() as patch:
        patch.setattr(loop.RunLog, "write", full)
        with pytest.raises(OutputError, match=r"No space left on device: log.jsonl .*goes on from the last checkpoint"):
            run(changed(steps=1), tmp_path)
    assert run(changed(steps=1), tmp_path)[0]
