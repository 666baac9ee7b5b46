"""A smooth random deformation of space: scale, rotation, and displacement on two lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from omentum.phantom.texture import Axis, Field, sample_axes, smooth_field

LATTICE_MM = 12.0
WAVES = (((85.0, 140.0), (5.0, 10.0)), ((32.0, 45.0), (1.5, 3.0)))
"""(correlation length, SD of the displacement) in mm, each drawn from a range; peaks reach about 2.5 SD.

The SD stays under a seventh of the length, so that neighbouring points keep their order and nothing folds.
"""


@dataclass(frozen=True, eq=False)
class Deformation:
    """Target mm -> source mm, both measured from the middle of the source.

    Args:
        matrix: Linear part, shape (3, 3).
        displacement: Added to it, three lattices of `LATTICE_MM` spacing.
        reach_mm: The lattices span -reach..reach along every axis.
        scale: Size of the target relative to the source, per axis.
    """

    matrix: NDArray[np.float64]
    displacement: tuple[Field, Field, Field]
    reach_mm: NDArray[np.float64]
    scale: NDArray[np.float64]

    def source_points(self, axes_mm: tuple[Axis, Axis, Axis]) -> tuple[Field, Field, Field]:
        """Where the grid points of three axes come from; three arrays of the grid's shape."""
        x, y, z = axes_mm
        places = tuple((a + r) / LATTICE_MM for a, r in zip(axes_mm, self.reach_mm, strict=True))
        out = []
        for row, lattice in zip(self.matrix.astype(np.float32), self.displacement, strict=True):
            linear = (row[0] * x.astype(np.float32))[:, None, None] + (row[1] * y.astype(np.float32))[None, :, None]
            moved = sample_axes(lattice, (places[0], places[1], places[2]))
            out.append(moved + linear + (row[2] * z.astype(np.float32))[None, None, :])
        return out[0], out[1], out[2]


def draw_deformation(
    rng: np.random.Generator, half_extent_mm: NDArray[np.float64], strength: float = 1.0
) -> Deformation:
    """A deformation for a source that reaches so far from its middle.

    Args:
        rng: Source of randomness.
        half_extent_mm: Shape (3,).
        strength: 0 leaves the body as it is, 1 is the full range (0.8-1.2 in size, 15 degrees, 25 mm).
    """
    common = rng.uniform(-0.12, 0.12)
    scale = 1.0 + strength * np.clip(common + rng.uniform(-0.1, 0.1, 3), -0.2, 0.2)
    # Tilting forward or sideways lifts one end of the body out of a source cut at both ends: less of that.
    degrees = strength * np.clip(rng.normal(0.0, [2.5, 2.5, 6.0]), [-6, -6, -15], [6, 6, 15])
    rotation = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    reach = half_extent_mm * 1.3 + 90.0
    a, b, c = (int(np.ceil(2 * r / LATTICE_MM)) + 1 for r in reach)
    fields = []
    for _ in range(3):
        field = np.zeros((a, b, c), np.float32)
        for length, sd in WAVES:
            amount = np.float32(strength * rng.uniform(*sd))
            field += amount * smooth_field(rng, (a, b, c), (LATTICE_MM,) * 3, rng.uniform(*length))
        fields.append(field)
    return Deformation(np.diag(1.0 / scale) @ rotation.T, (fields[0], fields[1], fields[2]), reach, scale)
