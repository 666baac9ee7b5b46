"""Resolve structures that claim the same voxel.

A lesion may overlap its host, and so may a vessel inside its host. The portal and splenic vein runs through liver and
pancreas, and datasets count it as either or both, so it may overlap both. A vessel may also overlap the parts of an
organ (user-defined liver segments). Any other two structures exclude each other. The voxel then goes to the structure
with the higher painting priority (`paint` in structures.toml: vessels over organs, small over large, e.g. gallbladder
over liver). Finally, a structure with exactly one host is added to that host where both are annotated.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap, nesting_depth, sole_host
from omentum.data.harmonise.label_bits import LabelBits, Names
from omentum.data.harmonise.notes import Note


def resolve_conflicts(marks: LabelBits) -> list[Note]:
    """Assign each voxel claimed by several exclusive structures to one of them, in place."""
    lost: Counter[str] = Counter()
    counts = marks.counts()
    for number, before in enumerate(marks.combinations):
        after = _kept(before)
        if before != after and counts[number]:
            lost[_format_change(before, after)] += int(counts[number])
    marks.change_all(_kept)
    return [Note("conflict", f"{n} voxels {text}") for text, n in sorted(lost.items())]


def add_to_hosts(marks: LabelBits, annotated: frozenset[str]) -> list[Note]:
    """Add structures with one host to that host where both are annotated, in place."""
    notes, counts = [], marks.counts()
    for key in sorted(STRUCTURES.keys, key=lambda key: -nesting_depth(key)):
        host = sole_host(key)
        if host is None or not {host, key} <= annotated:
            continue
        before = marks.combinations
        marks.change_all(partial(_with_host, key=key, hosts=frozenset((host,))))
        added = sum(int(n) for n, old, new in zip(counts, before, marks.combinations, strict=True) if old != new)
        if added:
            notes.append(Note("host", f"{added} voxels of {key} were not in {host}; now they are"))
    return notes


def _with_host(names: Names, key: str, hosts: Names) -> Names:
    return names | hosts if key in names else names


def _kept(claims: Names) -> Names:
    """Labels kept from a combination: greedily by painting priority, highest first."""
    keys = [key for key in claims if key in STRUCTURES]
    stay: list[str] = []
    for key in sorted(keys, key=lambda k: STRUCTURES[k].paint_order, reverse=True):
        if all(may_overlap(key, other) for other in stay):
            stay.append(key)
    return claims.difference(keys).union(stay)


def _format_change(before: Names, after: Names) -> str:
    losers = [s.key for s in STRUCTURES if s.key in before - after]
    keepers = [s.key for s in STRUCTURES if s.key in after and not s.is_lesion]
    return f"claimed by {' and '.join(losers)} were left to {' and '.join(keepers)}"
