"""Structures beyond the packaged 32 that a procedural body has on request: appendix, adrenal mass, vertebra L1.

They are drawn from random numbers of their own, so that a body without them is what it always was.
"""

from __future__ import annotations

from importlib import resources

import numpy as np

from omentum.anatomy import include_structures
from omentum.phantom.label_names import AnatomicalPart
from omentum.phantom.reference_canvas import Canvas
from omentum.phantom.template import Numbers

APPENDIX, ADRENAL_MASS, VERTEBRA_L1 = "appendix", "adrenal_mass", "vertebra_l1"
EXTRA_STRUCTURES = (APPENDIX, ADRENAL_MASS, VERTEBRA_L1)
"""Keys of extra_structures.toml, in the order of their numbers."""

MASS_ODDS = 0.8
MASS_RADIUS_MM = (9.0, 18.0)
MASS_CENTRES_MM = {"right": (37.0, 2.0, 290.0), "left": (-35.0, 4.0, 284.0)}
MASS_MATERIAL = "ovary"
"""A tissue that looks like an adenoma: a little darker than muscle, enhancing little."""

APPENDIX_PATHS_MM = (
    np.array([[48, 50, 66], [34, 55, 73], [22, 59, 83], [14, 63, 95], [9, 67, 108]], np.float64),  # towards the middle
    np.array([[66, 36, 60], [74, 20, 76], [82, 14, 94], [86, 13, 114], [88, 15, 132]], np.float64),  # behind the caecum
)
APPENDIX_RADIUS_MM = (3.5, 6.0)


def include_extra_structures() -> None:
    """Add their rows to the table of structures of this process; more than once changes nothing.

    Raises:
        UsageError: one of the keys means something else in this process.
    """
    with resources.as_file(resources.files("omentum.phantom") / "extra_structures.toml") as path:
        include_structures(path)


def paint_appendix(canvas: Canvas, rng: np.random.Generator) -> None:
    """A blind tube from the caecum, over a voxel thick on any grid; after the colon, before the small bowel."""
    if APPENDIX not in canvas.extra:
        return
    path = APPENDIX_PATHS_MM[rng.integers(len(APPENDIX_PATHS_MM))].copy()
    path[1:] += np.cumsum(rng.normal(0.0, 2.0, (len(path) - 1, 3)), axis=0)
    path = path[: rng.integers(4, len(path) + 1)]
    radius = max(rng.uniform(*APPENDIX_RADIUS_MM), 0.8 * max(canvas.spacing_mm))
    canvas.tube(_with_radius(path, radius), AnatomicalPart((APPENDIX,), "bowel_wall"))


def paint_adrenal_mass(canvas: Canvas, rng: np.random.Generator) -> None:
    """In most bodies, on one side; as of every lesion, its voxels are also those of the gland."""
    if ADRENAL_MASS not in canvas.extra or rng.random() > MASS_ODDS:
        return
    side = str(rng.choice(list(MASS_CENTRES_MM)))
    centre = np.array(MASS_CENTRES_MM[side]) + rng.normal(0.0, 3.0, 3)
    found = canvas.ellipsoid(centre, rng.uniform(*MASS_RADIUS_MM) * rng.uniform(0.85, 1.15, 3))
    if found is not None:
        box, r = found
        canvas.claim(box, r < 1.0, AnatomicalPart((f"{side}_adrenal", ADRENAL_MASS), MASS_MATERIAL))


def _with_radius(points: Numbers, radius_mm: float) -> Numbers:
    return np.column_stack([points, np.full(len(points), radius_mm)])
