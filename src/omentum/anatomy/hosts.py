"""Host organs of lesions and vessels, and which structures may share voxels.

Four packages use the same table (`hosts` in structures.toml): `io.hosts` for masks of a label map,
`data.harmonise.overlaps` for label sets, `postprocess.exclusive` for predictions, `measure.lesions` for one measured
lesion.
"""

from __future__ import annotations

from omentum.anatomy.structures import STRUCTURES

RUNS_THROUGH = {"portal_splenic_vein": ("liver", "pancreas")}
"""Organs that a vessel crosses; datasets count the crossing as either or both."""


def hosts_of(key: str) -> frozenset[str]:
    """Keys of the organs that contain a structure or that it runs through."""
    return frozenset((*STRUCTURES[key].hosts, *RUNS_THROUGH.get(key, ())))


def sole_host(key: str) -> str | None:
    """The organ that contains every voxel of a structure; None if there are several or none."""
    hosts = STRUCTURES[key].hosts
    return hosts[0] if len(hosts) == 1 else None


def nesting_depth(key: str) -> int:
    """Number of structures in which a structure is nested, one within the other."""
    return max((1 + nesting_depth(host) for host in STRUCTURES[key].hosts), default=0)


def may_overlap(one: str, other: str) -> bool:
    """Whether a voxel may belong to both structures.

    A lesion may overlap any structure, and a structure may overlap its hosts. A vessel may also overlap a part of an
    organ (user-defined liver segments), since vessels run through the parts. Any two others exclude each other.
    """
    for a, b in ((STRUCTURES[one], STRUCTURES[other]), (STRUCTURES[other], STRUCTURES[one])):
        if a.is_lesion or b.key in hosts_of(a.key):
            return True
        if a.kind == "vessel" and b.kind != "vessel" and not hosts_of(a.key).isdisjoint(b.hosts):
            return True
    return False
