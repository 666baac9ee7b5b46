"""Puts this folder on the import path, so that tests can share `reference/`, `shared_data.py` and the like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

# A slow or busy machine is no fault of the code; what must be fast is measured in benchmarks/.
settings.register_profile("omentum", deadline=None)
settings.load_profile("omentum")


@pytest.fixture(scope="session", autouse=True)
def omentum_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is downloaded or compiled by tests goes to a folder of theirs, not to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMENTUM_HOME", str(tmp_path_factory.mktemp("omentum_home")))
        yield
