"""One patient of ellipsoids, scanned twice: on any grid, moved by any rigid motion, with lesions of known size."""

from __future__ import annotations

import numpy as np
from ellipsoids import Ellipsoid
from scipy.spatial.transform import Rotation
from strategies import storage_affine

from omentum.segmentation import Segmentation
from omentum.volume import Grid

ORGANS = {
    "liver": Ellipsoid((45, 5, 10), (55, 45, 50)),
    "right_kidney": Ellipsoid((45, -50, -55), (16, 14, 28), (10, 0, 0)),
    "left_kidney": Ellipsoid((-45, -42, -35), (15, 14, 27)),
    "spleen": Ellipsoid((-75, -15, 25), (20, 15, 35)),
    "pancreas": Ellipsoid((-35, 20, -20), (25, 9, 10), (0, 20, 0)),
}
FIELD_MM = np.array([[-105, -75, -90], [110, 60, 70]])
"""Lowest and highest corner of a field of view that shows all of it."""


def motion(degrees=(0, 0, 0), shift_mm=(0, 0, 0)):
    """4x4, RAS+ mm -> RAS+ mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def moved(points, matrix):
    return np.asarray(points) @ matrix[:3, :3].T + matrix[:3, 3]


def field(spacing_mm=(3.0, 3.0, 3.0), order=((0, 1, 2), (1, 1, 1)), tilt=(0, 0, 0), box_mm=FIELD_MM):
    """A grid in any storage order, oblique if tilted, that spans a box (turned with it)."""
    axes, signs = order
    low, high = np.asarray(box_mm, float)
    step = np.array(spacing_mm)[list(axes)]
    shape = np.ceil((high - low)[list(axes)] / step).astype(int)
    affine = storage_affine(axes, signs, tuple(step))
    affine[:3, :3] = motion(tilt)[:3, :3] @ affine[:3, :3]
    affine[:3, 3] = (low + high) / 2 - affine[:3, :3] @ ((shape - 1) / 2)
    return Grid(tuple(shape.tolist()), affine)


def scan(lesions, grid, matrix=None, organs=ORGANS):
    """The patient after a motion. `grid` is where the scanner looks before the motion; it moves along."""
    masks = {key: body.on(grid) for key, body in organs.items()}
    masks |= {key: np.any([b.on(grid) for b in bodies], axis=0) if bodies else np.zeros(grid.shape, bool)
              for key, bodies in lesions.items()}  # fmt: skip
    return Segmentation.from_masks(masks, grid.affine if matrix is None else matrix @ grid.affine)


def changed_scan(lesions, grid, matrix):
    """The patient whose body was stretched or sheared: organs by the 4x4 matrix, lesions (of a size of their own) only
    carried along to where it takes their centres."""
    body = Grid(grid.shape, np.linalg.inv(matrix) @ grid.affine)
    masks = {key: organ.on(body) for key, organ in ORGANS.items()}
    for key, spots in lesions.items():
        there = [Ellipsoid(tuple(moved(spot.centre, matrix)), spot.half_axes, spot.turn) for spot in spots]
        masks[key] = np.any([spot.on(grid) for spot in there], axis=0)
    return Segmentation.from_masks(masks, grid.affine)


def stretch(factors=(1, 1, 1), shear=0.0, degrees=(0, 0, 0), shift_mm=(0, 0, 0)):
    """4x4: the trunk sheared sideways along the body axis, stretched along the three axes, turned and shifted."""
    matrix = np.diag([*factors, 1.0])
    matrix[0, 2] = shear
    return motion(degrees, shift_mm) @ matrix
