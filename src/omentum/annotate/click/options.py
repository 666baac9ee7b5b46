"""Places of clicks, as given on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field

from omentum.option_fields import Group, option

_PLACE = "X,Y,Z in mm, RAS as 3D Slicer shows them (voxel indices with --voxels); repeatable"


@dataclass(frozen=True)
class ClickOptions:
    """Places inside and outside a structure.

    Args:
        inside: "X,Y,Z" of places that belong to it.
        outside: "X,Y,Z" of places that do not.
        voxels: Whether places are voxel indices of the CT, from 0, instead of mm in the patient (RAS).
    """

    inside: tuple[str, ...] = field(
        default=(), metadata=option(f"a place in it: {_PLACE}", Group.INPUT, metavar="X,Y,Z", is_repeated=True)
    )
    outside: tuple[str, ...] = field(
        default=(), metadata=option("a place that is not in it", Group.INPUT, metavar="X,Y,Z", is_repeated=True)
    )
    voxels: bool = field(default=False, metadata=option("places are voxel indices of the CT", Group.INPUT))
