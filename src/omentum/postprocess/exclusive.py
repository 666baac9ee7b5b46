"""Structures that exclude each other: a voxel that several of them claim is left to one.

It stays with the structure that the label map shows there, the one painted last (`paint` in structures.toml: vessels
over organs, small over large), as in labels for training (`data.harmonise.overlaps`). Only an organ with a lesion of
its own in the voxel comes first, so that no lesion loses its host. Who may share voxels says `anatomy.hosts`. Left and
right of a pair are not told apart here but at the midline: see `anatomy_rules.repair_sides`. The rule is needed where
several looks of a second pass draw organs. The page in the browser has no second pass, and no counterpart of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.boxes import Box
from omentum.postprocess.mask_editor import MaskEditor

PLANES = 32
"""Planes looked at together: what a large box takes on the way is a few bytes a voxel."""


def make_exclusive(editor: MaskEditor) -> None:
    """Leave voxels that are claimed by structures which exclude each other to one of them.

    Nothing is added, and the order of the classes does not matter.
    """
    last_painted_first = sorted(editor.seg.classes, key=lambda key: STRUCTURES[key].paint_order, reverse=True)
    for host in last_painted_first:
        for lesion in (key for key in last_painted_first if _is_lesion_of(key, host)):
            _take(editor, (host, lesion), last_painted_first)
    for place, key in enumerate(last_painted_first):
        _take(editor, (key,), last_painted_first[place + 1 :])


def _is_lesion_of(key: str, host: str) -> bool:
    return STRUCTURES[key].is_lesion and host in STRUCTURES[key].hosts


def _take(editor: MaskEditor, claim: tuple[str, ...], others: Iterable[str]) -> None:
    """Remove others where all structures of a claim are, if the first of them excludes them."""
    for other in others:
        box = editor.shared_box(claim[0], other) if _excludes(claim[0], other) else None
        for part in _slabs(box) if box else ():
            contested = editor.mask(part, other)
            for key in claim:
                contested &= editor.mask(part, key)
            if contested.any():
                editor.remove(other, "exclusive", part, contested)


def _excludes(one: str, other: str) -> bool:
    return one != other and STRUCTURES[one].pair != other and not may_overlap(one, other)


def _slabs(box: Box) -> Iterator[Box]:
    i, j, k = box
    for start in range(i.start, i.stop, PLANES):
        yield slice(start, min(start + PLANES, i.stop)), j, k
