"""Apply the rules in order: exclusion, outside the trunk, sides, structures without a host, those with one, holes.

All removal precedes all filling, and a hole is filled only where no other structure is. A second run therefore changes
nothing, and neither the class order nor which side comes first matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.errors import GeometryError
from omentum.midline.flanks import find_flank_midline
from omentum.midline.plane import Midline
from omentum.postprocess.anatomy_rules import (
    cut_to_hosts,
    hosts_to_go_by,
    keep_in_trunk,
    keep_near_hosts,
    on_own_side,
    repair_sides,
)
from omentum.postprocess.components import Mask, closed_holes, components_to_keep, label_components
from omentum.postprocess.exclusive import make_exclusive
from omentum.postprocess.mask_editor import MaskChange, MaskEditor
from omentum.postprocess.rules import RULES, Rule
from omentum.postprocess.trunk import find_trunk
from omentum.segmentation import Segmentation
from omentum.volume import Volume

AT_ONCE = 2
"""Number of structures processed in parallel; each needs memory of its own."""
LARGE_VOXELS = 2**27
"""In images with more voxels structures are processed one by one."""

Parts = list[tuple[Box, Mask]]
"""Boxes, and masks in them."""


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A segmentation after the rules, and the changes they made."""

    segmentation: Segmentation
    changes: tuple[MaskChange, ...]


def clean(
    seg: Segmentation,
    ct: Volume,
    *,
    rules: Mapping[str, Rule] = RULES,
    in_place: bool = False,
    exclusive: bool = False,
) -> Cleaned:
    """Apply the table of rules.

    Args:
        seg: On the grid of `ct`. Empty masks, single and fused organs and missing classes are allowed.
        ct: CT in HU; used only for the body outline, which separates left from right and inside from outside.
        rules: By structure key; structures without a rule are unchanged.
        in_place: Modify the bits of `seg` instead of a copy.
        exclusive: Leave voxels to one of the structures that exclude each other there; see `make_exclusive`.

    Raises:
        GeometryError: The grids differ.
    """
    if not ct.grid.same_as(seg.grid):
        raise GeometryError("the segmentation is not on the grid of the CT")
    editor = MaskEditor(seg if in_place else replace(seg, bits=seg.bits.copy()))
    if exclusive:
        make_exclusive(editor)
    ruled = {key: rules[key] for key in seg.classes if key in rules}
    in_trunk = [key for key, rule in ruled.items() if rule.trunk]
    trunk = find_trunk(ct) if in_trunk else None
    if trunk:
        for key in in_trunk:
            keep_in_trunk(editor, key, trunk)
    midline = find_flank_midline(ct) if any(rule.sides for rule in ruled.values()) else None
    if midline:
        for pair in _pairs(ruled):
            repair_sides(editor, pair, midline)
    free = [key for key in ruled if not STRUCTURES[key].hosts]
    hosted = [key for key in ruled if STRUCTURES[key].hosts]
    # Structures without a host do not depend on others.
    for key, unwanted in zip(
        free, _side_by_side(editor, lambda key: _unwanted(editor, key, ruled[key]), free), strict=True
    ):
        _remove_components(editor, key, unwanted)
    for key in hosted:
        _reduce(editor, key, ruled[key])
    for keys in (free, hosted):
        _fill(editor, {key: ruled[key] for key in keys}, midline)
    return Cleaned(editor.seg, editor.changes())


def _pairs(rules: Mapping[str, Rule]) -> Iterable[tuple[str, str]]:
    """Yield (right, left), each pair once."""
    for structure in STRUCTURES:
        if structure.side == "right" and structure.pair:
            pair = (structure.key, structure.pair)
            if any(key in rules and rules[key].sides for key in pair):
                yield pair


def _reduce(editor: MaskEditor, key: str, rule: Rule) -> None:
    if rule.inside_mm is not None:
        cut_to_hosts(editor, key, rule.inside_mm)
    if rule.near_mm is not None:
        keep_near_hosts(editor, key, rule.near_mm)
    _remove_components(editor, key, _unwanted(editor, key, rule))


def _unwanted(editor: MaskEditor, key: str, rule: Rule) -> Parts:
    """Components of a structure that exceed the number to keep or are too small."""
    if not (rule.keep or rule.minimum_ml):
        return []
    components = label_components(editor.islands(key))
    return list(components.selected(~components_to_keep(components, rule, editor.seg.grid)))


def _remove_components(editor: MaskEditor, key: str, components: Parts) -> None:
    for box, voxels in components:
        editor.remove(key, "components", box, voxels)


def _fill(editor: MaskEditor, rules: Mapping[str, Rule], midline: Midline | None) -> None:
    """Fill the holes of several structures; all are found before any is filled."""
    found = _side_by_side(editor, lambda key: _cavities(editor, key, rules[key], midline), rules)
    for key, cavities in zip(rules, found, strict=True):
        for box, voxels in cavities:
            editor.add(key, "holes", box, voxels)


def _cavities(editor: MaskEditor, key: str, rule: Rule, midline: Midline | None) -> Parts:
    """Holes of a structure that are to be filled."""
    found, limit = Parts(), rule.holes_ml / editor.seg.grid.voxel_volume_ml
    for box, _ in editor.islands(key) if limit else ():
        voxels = closed_holes(editor.mask(box, key), limit)
        if voxels.any():
            found.append((box, voxels & _allowed(editor, key, rule, box, midline)))
    return found


def _side_by_side(editor: MaskEditor, look: Callable[[str], Parts], keys: Iterable[str]) -> list[Parts]:
    """Apply a search to several structures in parallel threads, while no mask is changed."""
    with ThreadPoolExecutor(AT_ONCE if editor.seg.bits[0].size <= LARGE_VOXELS else 1) as threads:
        return list(threads.map(look, keys))


def _allowed(editor: MaskEditor, key: str, rule: Rule, box: Box, midline: Midline | None) -> Mask:
    """Where a structure may grow: not into another one, outside its host, or across the midline."""
    structure = STRUCTURES[key]
    guests = [other.key for other in STRUCTURES if key in other.hosts]
    allowed = ~editor.others({key, *structure.hosts, *guests}, box)
    if structure.hosts:
        hosts = hosts_to_go_by(editor, key)
        allowed &= editor.mask(box, *hosts) if hosts else False
    if rule.sides and midline:
        allowed &= on_own_side(key, editor.seg.grid, box, midline)
    return allowed
