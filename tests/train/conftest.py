"""A run that nothing interrupted."""

import pytest
from toy_cases import toy_case
from toy_run import CONFIG, run


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run: its folder, model and events."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *run(CONFIG, folder, [toy_case(2)])
