"""Puts this folder on the import path, so that tests can share `reference/`, `shared_data.py` and the like."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from omentum.anatomy import STRUCTURES

# A slow or busy machine is no fault of the code; what must be fast is measured in benchmarks/. And the same few
# examples in every run, so that what passes for one passes for all; `--hypothesis-profile random` looks for others, and
# for more of them.
settings.register_profile("random", deadline=None, max_examples=200)
settings.register_profile("omentum", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("omentum")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests begin first, so that no process is left with one at the end; branches are not counted in them."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker("no_cover")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


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


@pytest.fixture(scope="session", autouse=True)
def valid_json() -> Iterator[None]:
    """Every document that any test has Omentum write, in this process, fits the schema that it names."""
    from json_schemas import fault_of

    plain = json.dumps

    def dumps(content: Any, **options: Any) -> str:
        text = plain(content, **options)
        is_ours = sys._getframe(1).f_globals["__name__"].startswith("omentum.")
        if is_ours and isinstance(content, dict) and "schema_version" in content:
            fault = fault_of(json.loads(text))
            assert fault is None, fault
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json, "dumps", dumps)
        yield
