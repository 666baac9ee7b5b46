"""All images of a report. They need only the lesions, so they can be drawn while the rest is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omentum.errors import MissingDependencyError
from omentum.measure.lesions import Lesion
from omentum.report.case_lesions import pictured
from omentum.report.case_views import Surfaces
from omentum.report.key_images import KeyImage, key_image
from omentum.report.layers import View, overview
from omentum.report.meshes import VIEW, need_libraries, scene_glb, surface_mesh
from omentum.report.three_js import three_js
from omentum.segmentation import Segmentation
from omentum.volume import Volume


@dataclass(frozen=True, eq=False)
class CasePictures:
    """Images of one case.

    Args:
        views: Axial, coronal and sagittal slices.
        surfaces: Content of the 3D view.
        key_images: Lesion number -> key image, for the lesions returned by `pictured`.
    """

    views: Sequence[View]
    surfaces: Surfaces
    key_images: Mapping[int, KeyImage]


def draw_case(ct: Volume, seg: Segmentation, lesions: Sequence[Lesion]) -> CasePictures:
    """Draw all images of a case.

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        lesions: Lesions of `seg`.
    """
    shown = pictured(lesions)
    views = overview(ct, seg, [one.axial.slice for one in shown])
    return CasePictures(views, _surfaces(seg), {one.number: key_image(ct, seg, one) for one in shown})


def _surfaces(seg: Segmentation) -> Surfaces:
    """Meshes for the 3D view, or the reason why there are none."""
    try:
        need_libraries()
        script = three_js()
    except MissingDependencyError as fault:
        return Surfaces(b"", f"No 3D view: {fault}")
    boxes = seg.boxes()
    if not boxes:
        return Surfaces(b"", "No 3D view: nothing was found.")
    meshes = {key: surface_mesh(seg, key, box, VIEW) for key, box in boxes.items()}
    return Surfaces(scene_glb(meshes), script=script)
