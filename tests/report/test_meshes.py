from __future__ import annotations

import io

import numpy as np
import pytest
from banded_phantom import ras_grid, rotated, stored
from report_case import LIVER_MM, RADII_MM, small_case

from omentum.errors import MissingDependencyError, UsageError
from omentum.report import meshes
from omentum.report.meshes import FILE, FORMATS, VIEW, check_meshes, mesh_file, scene_glb, surface_mesh
from omentum.segmentation import Segmentation

trimesh = pytest.importorskip("trimesh")

GRIDS = {
    "straight": ras_grid((2.0, 2.0, 2.0), (170, 110, 90)),
    "mirrored": stored(ras_grid((2.0, 2.0, 2.0), (170, 110, 90)), (1, 0, 2), (True, True, True)),
    "one axis flipped": stored(ras_grid((2.0, 2.0, 2.0), (170, 110, 90)), (0, 1, 2), (True, False, False)),
    "oblique, thick slices": rotated(ras_grid((1.5, 1.5, 5.0), (190, 140, 120)), 20),
}


def as_trimesh(mesh):
    return trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False)


@pytest.mark.parametrize("detail", [VIEW, FILE], ids=["view", "file"])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_a_ball_is_a_closed_ball_in_the_right_place(grid, detail):
    seg = small_case(grid).seg
    mesh = as_trimesh(surface_mesh(seg, "liver", seg.boxes()["liver"], detail))
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * RADII_MM["liver"] ** 3, rel=0.03)  # > 0: faces look outwards
    np.testing.assert_allclose(mesh.center_mass, LIVER_MM, atol=0.5)


def test_what_the_edge_of_the_image_cuts_is_closed_there():
    mask = np.ones((12, 10, 8), bool)
    seg = Segmentation.from_masks({"liver": mask}, np.diag([2.0, 2.0, 3.0, 1.0]))
    mesh = as_trimesh(surface_mesh(seg, "liver", seg.boxes()["liver"], FILE))
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(mask.sum() * 12, rel=0.05)
    np.testing.assert_allclose(mesh.bounds, [[-1, -1, -1.5], [23, 19, 22.5]], atol=0.7)


def test_a_thin_tube_keeps_its_volume_and_a_single_voxel_is_there():
    masks = {"aorta": np.zeros((20, 20, 40), bool), "coeliac_trunk": np.zeros((20, 20, 40), bool)}
    masks["aorta"][9:11, 9:11, 3:37] = True
    masks["coeliac_trunk"][4, 4, 4] = True
    seg = Segmentation.from_masks(masks, np.eye(4))
    tube, voxel = (as_trimesh(surface_mesh(seg, key, box, FILE)) for key, box in seg.boxes().items())
    assert tube.is_watertight
    assert voxel.is_watertight
    assert tube.volume == pytest.approx(masks["aorta"].sum(), rel=0.25)
    assert 0.1 < voxel.volume < 1.5


def test_pieces_that_touch_at_corners_and_edges_are_closed():
    speckle = np.random.default_rng(3).random((24, 24, 24)) < 0.3
    seg = Segmentation.from_masks({"small_bowel": speckle}, np.eye(4))
    assert as_trimesh(surface_mesh(seg, "small_bowel", seg.boxes()["small_bowel"], FILE)).is_watertight


def test_the_view_is_coarser_than_the_file():
    seg = small_case(GRIDS["straight"]).seg
    few, many = (len(surface_mesh(seg, "liver", seg.boxes()["liver"], d).faces) for d in (VIEW, FILE))
    assert VIEW.faces[0] <= few < many / 3


@pytest.mark.parametrize("file_type", FORMATS)
def test_files_can_be_read_back_in_millimetres(file_type):
    seg = small_case(GRIDS["mirrored"]).seg
    mesh = surface_mesh(seg, "spleen", seg.boxes()["spleen"], FILE)
    read = trimesh.load(io.BytesIO(mesh_file(mesh, "spleen", file_type)), file_type=file_type, force="mesh")
    np.testing.assert_allclose(read.bounds, as_trimesh(mesh).bounds, atol=1e-3)
    assert read.volume == pytest.approx(as_trimesh(mesh).volume, rel=1e-4)


def test_a_scene_names_its_parts():
    seg = small_case(GRIDS["straight"]).seg
    parts = {key: surface_mesh(seg, key, box, VIEW) for key, box in seg.boxes().items()}
    scene = trimesh.load(io.BytesIO(scene_glb(parts)), file_type="glb")
    assert set(scene.geometry) == set(parts)


def test_formats_are_checked_before_the_work(monkeypatch):
    check_meshes(None)
    check_meshes("stl")
    with pytest.raises(UsageError, match="stl, obj, glb"):
        check_meshes("vrml")
    monkeypatch.setattr(meshes, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"omentum\[report\]"):
        check_meshes("stl")
