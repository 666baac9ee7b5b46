"""Structures that claim the same voxel: which of them may, and who keeps it where they may not.

The rule. A lesion overlaps whatever it lies in, and what lives in a host (a hepatic vessel) overlaps its host. The
portal and splenic vein runs through liver and pancreas, and datasets count it as either or both. Any two others
exclude one another; of these, the one that a one-number-a-voxel map would show keeps the voxel (`paint` in
structures.toml: vessels over organs, small over large, e.g. gallbladder over liver).
Afterwards what lives in exactly one host is given to that host as well, wherever both were looked for.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.data.marks import BITS, Marks, bits_of, boxes_of
from omentum.data.notes import Note

RUNS_THROUGH = {"portal_splenic_vein": ("liver", "pancreas")}
_EXCLUSIVE = bits_of(s.key for s in STRUCTURES if not s.is_lesion)
_ONE = np.uint64(1)


def may_overlap(one: str, other: str) -> bool:
    """Whether a voxel can belong to both structures."""
    for a, b in ((STRUCTURES[one], STRUCTURES[other]), (STRUCTURES[other], STRUCTURES[one])):
        if a.is_lesion or b.key in a.hosts or b.key in RUNS_THROUGH.get(a.key, ()):
            return True
    return False


def resolve_conflicts(marks: Marks) -> list[Note]:
    """Let one structure keep each voxel that several exclusive ones claim; in place, slice by slice."""
    lost: Counter[str] = Counter()
    for k in range(marks.shape[2]):
        plane = marks[:, :, k]
        claims = plane & _EXCLUSIVE
        several = (claims & (claims - (claims > 0))) != 0
        if several.any():
            sets, which, counts = np.unique(plane[several], return_inverse=True, return_counts=True)
            kept = [_kept(int(one)) for one in sets]
            plane[several] = np.array(kept, np.uint64)[which]
            for before, after, n in zip(sets.tolist(), kept, counts.tolist(), strict=True):
                if before != after:
                    lost[_told(before, after)] += n
    return [Note("conflict", f"{n} voxels {text}") for text, n in sorted(lost.items())]


def add_to_hosts(marks: Marks, annotated: frozenset[str]) -> list[Note]:
    """Give what lives in one host to that host, where both are annotated; in place."""
    notes = []
    for key, box in boxes_of(marks).items():
        hosts = STRUCTURES[key].hosts if key in STRUCTURES else ()
        if len(hosts) != 1 or not {key, *hosts} <= annotated:
            continue
        inside, host = BITS[key], BITS[hosts[0]]
        part, added = marks[box], 0
        for k in range(part.shape[2]):
            plane = part[:, :, k]
            lacking = (plane & (inside | host)) == inside
            added += int(np.count_nonzero(lacking))
            plane[lacking] |= host
        if added:
            notes.append(Note("host", f"{added} voxels of {key} were not in {hosts[0]}; now they are"))
    return notes


def _kept(claims: int) -> int:
    """The bits that stay of a set: greedily in painting order, last painted first."""
    keys = [s.key for s in STRUCTURES if claims & int(BITS[s.key])]
    stay: list[str] = []
    for key in sorted(keys, key=lambda k: STRUCTURES[k].paint_order, reverse=True):
        if all(may_overlap(key, other) for other in stay):
            stay.append(key)
    return (claims & ~int(bits_of(keys))) | int(bits_of(stay))


def _told(before: int, after: int) -> str:
    losers = [s.key for s in STRUCTURES if (before & ~after) & int(BITS[s.key])]
    keepers = [s.key for s in STRUCTURES if after & int(BITS[s.key] & _EXCLUSIVE)]
    return f"claimed by {' and '.join(losers)} were left to {' and '.join(keepers)}"
