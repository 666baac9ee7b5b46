"""A folder is one run's, and says whose."""

from __future__ import annotations

import pytest

from omentum.errors import InputError, UsageError
from omentum.train.run_folder import IDENTITY_FILE, claim, locked

RUN = {"config": {"steps": 8, "lr": 0.1}, "classes": ["liver"], "data": {}, "validation": {}}


def test_a_claimed_folder_is_recognised_and_defended(tmp_path):
    claim(tmp_path, RUN)
    claim(tmp_path, RUN)
    other = {**RUN, "config": {"steps": 9, "lr": 0.1}}
    with pytest.raises(UsageError, match="was begun otherwise: steps was 8, is 9"):
        claim(tmp_path, other)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1, 2]", b"7"])
def test_a_description_that_cannot_be_read_is_said_in_a_line(tmp_path, content):
    (tmp_path / IDENTITY_FILE).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as fault:
        claim(tmp_path, RUN)
    assert IDENTITY_FILE in str(fault.value)
    assert (tmp_path / IDENTITY_FILE).read_bytes() == content


def test_a_description_that_is_a_folder_is_said_in_a_line(tmp_path):
    (tmp_path / IDENTITY_FILE).mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        claim(tmp_path, RUN)


def test_at_most_five_strangers_are_named(tmp_path):
    for name in "gfedcba":
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"it holds a, b, c, d, e \(use another -o\)"):
        claim(tmp_path, RUN)


def test_a_folder_is_free_again_when_its_writer_is_done(tmp_path):
    with locked(tmp_path), pytest.raises(UsageError, match="is training into it"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
