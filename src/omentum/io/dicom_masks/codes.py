"""Which structure a segment or region of interest means, by its name or by its codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omentum.anatomy import STRUCTURES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SCHEMES = ("SCT", "SRT", "SNM3", "99SDM")
"""SNOMED CT, and designators of the earlier SNOMED RT, whose codes pydicom converts."""


def key_by_codes(kind: Any, region: Any = None) -> str | None:
    """Key of the structure with these codes; None if there is none, or if the side is not stated.

    Args:
        kind: Code sequence of the type, with its modifiers.
        region: Code sequence of the anatomic region, with its modifiers.
    """
    wanted = _sct(kind)
    sides = {_sct(one) for item in (kind, region) if item for one in _modifiers(item)} - {None}
    place = _sct(region)
    if wanted is None:
        return None
    for structure in STRUCTURES:
        side, at = structure.snomed_modifier, structure.snomed_region
        if structure.snomed.code != wanted or (at is not None and at.code != place):
            continue
        if side is None or side.code in sides:
            return structure.key
    return None


def _modifiers(sequence: Any) -> list[Dataset]:
    item = sequence[0]
    names = ("SegmentedPropertyTypeModifierCodeSequence", "AnatomicRegionModifierSequence")
    return [one for name in names for one in item.get(name) or ()]


def _sct(item: Any) -> str | None:
    """SNOMED CT code of a code sequence or of an item of one."""
    from pydicom.sr.coding import Code

    if not item:
        return None
    one = item if hasattr(item, "CodeValue") or hasattr(item, "LongCodeValue") else item[0]
    value, scheme = str(one.get("CodeValue") or one.get("LongCodeValue") or ""), str(one.get("CodingSchemeDesignator"))
    if scheme not in _SCHEMES:
        return None
    if scheme == "SCT":
        return value
    known = {code.code for s in STRUCTURES for code in (s.snomed, s.snomed_region, s.snomed_modifier) if code}
    return next((code for code in known if Code(code, "SCT", "") == Code(value, "SRT", "")), None)
