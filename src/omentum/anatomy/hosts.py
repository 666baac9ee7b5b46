"""Which organ a lesion or vessel lives in, and which structures may therefore share voxels.

Three rooms answer the question for different material, by the same table (`hosts` in structures.toml): `io.hosts` for
the masks of a label map, `data.harmonise.overlaps` for sets of labels, `measure.lesions` for one measured lesion.
"""

from __future__ import annotations

from omentum.anatomy.structures import STRUCTURES

RUNS_THROUGH = {"portal_splenic_vein": ("liver", "pancreas")}
"""Organs that a vessel crosses; datasets count the crossing as either or both."""


def hosts_of(key: str) -> frozenset[str]:
    """Keys of the organs that a structure lives in or runs through."""
    return frozenset((*STRUCTURES[key].hosts, *RUNS_THROUGH.get(key, ())))


def sole_host(key: str) -> str | None:
    """The organ that every voxel of a structure belongs to as well; None where there are several or none."""
    hosts = STRUCTURES[key].hosts
    return hosts[0] if len(hosts) == 1 else None


def nesting_depth(key: str) -> int:
    """In how many other structures a structure lives, one within the other."""
    return max((1 + nesting_depth(host) for host in STRUCTURES[key].hosts), default=0)


def may_overlap(one: str, other: str) -> bool:
    """Whether a voxel can belong to both structures.

    A lesion overlaps anything it lies in, and a structure overlaps its hosts. A vessel and a part of one organ (a
    user's segments of the liver) overlap too, since vessels run through the parts. Any two others exclude one another.
    """
    for a, b in ((STRUCTURES[one], STRUCTURES[other]), (STRUCTURES[other], STRUCTURES[one])):
        if a.is_lesion or b.key in hosts_of(a.key):
            return True
        if a.kind == "vessel" and b.kind != "vessel" and not hosts_of(a.key).isdisjoint(b.hosts):
            return True
    return False
