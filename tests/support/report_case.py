"""A small case with a lesion, for what is written about cases: stored in any orientation."""

from __future__ import annotations

import numpy as np

from omentum.measure import find_lesions, measure
from omentum.report.html import CaseReport
from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume

LIVER_MM, SPLEEN_MM, TUMOUR_MM = (40.0, 0.0, 0.0), (-45.0, -10.0, 0.0), (45.0, 5.0, -6.0)
RADII_MM = {"liver": 30.0, "spleen": 18.0, "liver_tumour": 9.0}


def ball(grid: Grid, centre_mm: tuple[float, float, float], radius_mm: float):
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    return np.linalg.norm(grid.to_world(index) - centre_mm, axis=-1) <= radius_mm


def small_case(grid: Grid, name: str = "case", manifest: dict | None = None) -> CaseReport:
    """Liver with a tumour on the patient's right, spleen on the left, in a body of fat."""
    centres = dict(zip(RADII_MM, (LIVER_MM, SPLEEN_MM, TUMOUR_MM), strict=True))
    masks = {key: ball(grid, centres[key], radius) for key, radius in RADII_MM.items()}
    hu = np.full(grid.shape, -100, np.int16)
    hu[masks["liver"]], hu[masks["spleen"]], hu[masks["liver_tumour"]] = 100, 110, 40
    ct, seg = Volume(hu, grid.affine), Segmentation.from_masks(masks, grid.affine)
    return CaseReport(name, ct, seg, measure(ct, seg), find_lesions(ct, seg), manifest or {})
