"""Puts this folder on the import path, so that tests can share `reference/`, `shared_data.py` and the like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from omentum.anatomy import STRUCTURES

# A slow or busy machine is no fault of the code; what must be fast is measured in benchmarks/. And the same examples in
# every run, so that what passes for one passes for all; `--hypothesis-profile random` looks for others.
settings.register_profile("random", deadline=None)
settings.register_profile("omentum", deadline=None, derandomize=True)
settings.load_profile("omentum")


@pytest.fixture(scope="session", autouse=True)
def omentum_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is downloaded or compiled by tests goes to a folder of theirs, not to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMENTUM_HOME", str(tmp_path_factory.mktemp("omentum_home")))
        yield


@pytest.fixture(autouse=True)
def packaged_structures() -> Iterator[None]:
    """The structures that a test includes are gone after it."""
    yield
    STRUCTURES.reset()
