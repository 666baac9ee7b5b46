"""What matplotlib is spared of the environment, and what is left as it is."""

import os
import sys

import pytest

from omentum.report.environment import ready_matplotlib


@pytest.fixture(autouse=True)
def not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    for name in ("MPLBACKEND", "MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "to be removed again")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("backend", "left"),
    [("module://nothing_of_ours.backend", "agg"), ("module://omentum.report.preview", None), ("qtagg", None)],
)
def test_only_a_backend_that_is_not_there_is_replaced(backend, left, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", backend)
    ready_matplotlib()
    assert os.environ["MPLBACKEND"] == (left or backend)


def test_a_home_that_can_be_written_is_matplotlibs_own_business(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    ready_matplotlib()
    assert "MPLCONFIGDIR" not in os.environ


def test_one_that_cannot_be_written_has_ours_instead(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "ours"))
    monkeypatch.setattr("omentum.report.environment.os.access", lambda place, _: "home" not in str(place.name))
    ready_matplotlib()
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "ours" / "matplotlib")


def test_once_it_is_imported_it_is_too_late(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", os)
    monkeypatch.setenv("MPLBACKEND", "module://nothing_of_ours.backend")
    ready_matplotlib()
    assert os.environ["MPLBACKEND"] == "module://nothing_of_ours.backend"
