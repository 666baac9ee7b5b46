"""Where things are kept, and where instead if that cannot be."""

import logging
import os
import stat
from pathlib import Path

import pytest

from omentum import home as home_module
from omentum.home import home, writable_home


@pytest.fixture
def no_home(tmp_path, monkeypatch):
    """A home that is a file: nobody, not even root, can write below it."""
    (tmp_path / "home").write_text("a file")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home" / "omentum"))
    monkeypatch.setattr(home_module.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.setattr(home_module.tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path


def test_the_variable_names_it_and_the_cache_of_the_user_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", "~/elsewhere")
    assert home() == Path.home() / "elsewhere"
    monkeypatch.delenv("OMENTUM_HOME")
    assert home() == Path.home() / ".cache" / "omentum"


def test_one_that_can_be_written_is_made_and_used(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "a" / "b"))
    assert writable_home() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()
    assert caplog.text == ""


def test_one_that_cannot_be_written_is_replaced_by_a_private_one_and_said_once(no_home, caplog):
    with caplog.at_level(logging.WARNING):
        instead = writable_home()
        assert writable_home() == instead
    assert len(caplog.records) == 1
    assert f"home/omentum cannot be written; {instead} is used instead (OMENTUM_HOME names" in caplog.text
    assert instead.parent == no_home / "tmp"
    assert stat.S_IMODE(instead.stat().st_mode) == 0o700
    assert os.environ["OMENTUM_HOME"] == str(instead)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no users here")
@pytest.mark.parametrize("planted", ["open to all", "a link", "a file"])
def test_what_somebody_else_may_have_put_there_is_not_trusted(planted, no_home):
    place = no_home / "tmp" / f"omentum-{os.getuid()}"
    if planted == "a link":
        (no_home / "theirs").mkdir(mode=0o700)
        place.symlink_to(no_home / "theirs")
    elif planted == "a file":
        place.write_text("theirs")
    else:
        place.mkdir()
        place.chmod(0o777)
    instead = writable_home()
    assert instead != place
    assert stat.S_IMODE(instead.stat().st_mode) == 0o700
