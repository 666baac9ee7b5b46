"""Whether two scans can show the same body: distances of organs after alignment.

Two surface distances are computed, each the median over organs of the median over points. *Place*: the whole body is
moved by one motion; sensitive to breathing. *Shape*: each organ is then shifted onto its counterpart; sensitive to a
different person. The residual is their geometric mean, so that neither a deep breath nor a coarse mask alone counts as
another body. The limits separate scans of one person (other pose, breath, slices, noise, field of view) from scans of
different people; benchmarks/follow_up.py measures both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from omentum.follow_up.shared_organ import SharedOrgan
from omentum.follow_up.transform import AffineTransform

LIMIT_MM, STRETCHED_LIMIT_MM, FEW_LIMIT_MM = 2.5, 2.1, 2.0
"""Largest residual of the same body: in general; for affine motions, which bring other people's organs closer; and with
fewer organs than MANY, which fit by chance."""
MANY = 5
FINE_MM, LIMIT_PER_MM = 5.0, 0.3
"""Above this voxel size surfaces are coarser: the limits increase by this much per mm."""
SMALLEST_ML = 10.0
"""Minimum volume of an organ; masks of smaller ones differ by chance."""
FEWEST_POINTS = 60
"""Minimum number of surface points of an organ, from both scans, for it to count."""


@dataclass(frozen=True)
class OrganAgreement:
    """Agreement of the organs with a motion.

    Args:
        organs: Keys of the organs used.
        place_mm, shape_mm: Distances described above.
        limit_mm: Limit of the residual.
        seen: Share of the organ surfaces in the field of view of the other scan.
    """

    organs: tuple[str, ...]
    place_mm: float
    shape_mm: float
    limit_mm: float
    seen: float

    @property
    def residual_mm(self) -> float:
        """Geometric mean of `place_mm` and `shape_mm`."""
        return math.sqrt(self.place_mm * self.shape_mm)

    @property
    def fits(self) -> bool:
        """Whether both scans can show the same body."""
        return self.residual_mm <= self.limit_mm

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values, as part of the alignment."""
        distances = {"residual_limit_mm": self.limit_mm, "place_mm": self.place_mm, "shape_mm": self.shape_mm}
        return distances | {"organs_checked": list(self.organs), "surface_seen": self.seen}


def agreement(
    organs: Sequence[SharedOrgan], motion: AffineTransform, *, is_affine: bool = False
) -> OrganAgreement | None:
    """Measure how far organs are apart; None if the scans have too little of the organs in common.

    Args:
        organs: Organs in both scans.
        motion: Motion of the later scan.
        is_affine: Whether the motion scales or shears the body.
    """
    counts = [organ for organ in organs if min(organ.volumes_ml) >= SMALLEST_ML] or list(organs)
    points = sum(organ.points for organ in counts)
    places = {organ.key: organ.apart_mm(motion) for organ in counts}
    asked = [organ for organ in counts if len(places[organ.key]) >= FEWEST_POINTS]
    shapes = [organ.apart_mm(organ.follow(motion)) for organ in asked]
    if not any(len(shape) for shape in shapes):
        return None
    limit_mm = FEW_LIMIT_MM if len(asked) < MANY else STRETCHED_LIMIT_MM if is_affine else LIMIT_MM
    coarsest_mm = max(organ.coarsest_mm for organ in asked)
    return OrganAgreement(
        organs=tuple(organ.key for organ in asked),
        place_mm=float(np.median([np.median(places[organ.key]) for organ in asked])),
        shape_mm=float(np.median([np.median(shape) for shape in shapes if len(shape)])),
        limit_mm=limit_mm + LIMIT_PER_MM * max(0.0, coarsest_mm - FINE_MM),
        seen=sum(map(len, places.values())) / points,
    )
