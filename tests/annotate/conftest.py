"""A finished round of two CTs, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from annotation_round import LOADED, load_by_name, put_cts

from omentum.annotate.propose.api import propose_annotations
from omentum.annotate.propose.options import ProposeOptions


@pytest.fixture(scope="session")
def finished_round(tmp_path_factory) -> Path:
    """Folder with cts/ and round/; not to be changed."""
    place = tmp_path_factory.mktemp("annotation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LOADED, load_by_name)
        done = propose_annotations(put_cts(place / "cts"), place / "round", ProposeOptions(monai_label=True))
    assert not done.failed
    return place


@pytest.fixture
def here(finished_round, tmp_path, monkeypatch) -> Path:
    """The finished round as the working directory."""
    place = tmp_path / "work"
    shutil.copytree(finished_round, place)
    # The round remembers its source by its absolute path.
    description = place / "round" / "round.json"
    description.write_text(description.read_text().replace(str(finished_round), str(place)))
    for path in (place / "round" / "proposals").glob("*.json"):
        path.write_text(path.read_text().replace(str(finished_round), str(place)))
    monkeypatch.chdir(place)
    monkeypatch.setattr(LOADED, load_by_name)
    return place
