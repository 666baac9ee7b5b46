from __future__ import annotations

import sys

import pytest

from omentum.errors import MissingDependencyError
from omentum.report.three_js import three_js


def test_the_library_is_whole_and_without_trimesh_own_viewer():
    pytest.importorskip("trimesh")
    script = three_js()
    assert "MIT" in script[:200]  # its licence travels with it
    assert all(f"THREE.{name}=" in script for name in ("GLTFLoader", "TrackballControls"))
    assert "$B64GLTF" not in script


def test_without_trimesh_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(MissingDependencyError, match=r"omentum\[report\]"):
        three_js()


def test_another_page_in_trimesh_is_not_run(monkeypatch):
    resources = pytest.importorskip("trimesh.resources")
    monkeypatch.setattr(resources, "get_bytes", lambda _: b"no archive")
    with pytest.raises(MissingDependencyError):
        three_js()
