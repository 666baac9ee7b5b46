"""The part of a report one reads: doubts, lesions, structures, and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from omentum.anatomy import STRUCTURES
from omentum.report.case_views import add_picture
from omentum.report.diameters import axial_axis
from omentum.report.key_images import KeyImage, key_image
from omentum.report.lesion_summary import target_lesions
from omentum.report.lesions import Lesion
from omentum.report.measures import StructureMeasure, liver_minus_spleen_hu
from omentum.report.page import PageTable, add, add_table
from omentum.report.words import PARTLY, mm, number, volume
from omentum.segmentation import Segmentation
from omentum.volume import Volume

if TYPE_CHECKING:
    from omentum.report.html import Flag

KEY_IMAGES = 24
"""So many lesions, the largest, get a picture; all are in the table."""

SEVERITIES = ("high", "medium", "low")
STRUCTURE_COLUMNS = ("Structure", "Volume", "HU mean ± SD", "HU 5 / 50 / 95 %", "R–L × A–P × S–I, mm", "Surface, cm²", "")
LESION_COLUMNS = ("Lesion", "In", "Longest axial", "Perpendicular", "Longest 3D", "Volume", "HU mean ± SD", "To surface", "")


def add_flags(main: ET.Element, flags: Sequence[Flag]) -> None:
    """What should be looked at; no section where there is nothing."""
    if not flags:
        return
    section = add(main, "section", aria_label="Look at this")
    add(section, "h2", "Look at this")
    rows = add(section, "ul", class_="flags")
    for flag in flags:
        row = add(rows, "li", class_=flag.severity if flag.severity in SEVERITIES else "low")
        add(row, "b", flag.severity)
        about = STRUCTURES[flag.structure].display if flag.structure in STRUCTURES else flag.structure
        add(row, "span", f"{about}: {flag.text}" if about else flag.text)


def add_lesions(main: ET.Element, ct: Volume, seg: Segmentation, lesions: Sequence[Lesion]) -> None:
    """A table of all lesions and key images of the largest."""
    section = add(main, "section", aria_label="Lesions")
    add(section, "h2", "Lesions")
    if not lesions:
        looked_for = [STRUCTURES[key].display for key in seg.classes if STRUCTURES[key].kind in ("tumour", "cyst")]
        add(section, "p", f"None found. Looked for: {', '.join(looked_for) or 'none'}.")
        return
    targets = target_lesions(lesions, ct.spacing_mm[axial_axis(ct.grid)])
    table = PageTable(_lesion_caption(targets), LESION_COLUMNS, [_lesion_row(one, targets) for one in lesions])
    for row, lesion in zip(add_table(section, table), lesions, strict=True):
        _add_swatch(row, lesion.key)
    largest = sorted(lesions, key=lambda one: -one.axial.longest.mm)[:KEY_IMAGES]
    if len(largest) < len(lesions):
        add(section, "p", f"Key images of the {len(largest)} longest.", class_="faint")
    gallery = add(section, "div", class_="lesions")
    for lesion in sorted(largest, key=lambda one: one.number):
        _add_key_image(gallery, lesion, key_image(ct, seg, lesion))


def add_structures(main: ET.Element, measures: Sequence[StructureMeasure]) -> None:
    """A table of what was found, and what was not."""
    section = add(main, "section", id="structures", aria_label="Structures", tabindex="-1")
    add(section, "h2", "Structures")
    found = sorted((m for m in measures if m.found), key=lambda m: STRUCTURES[m.key].index)
    if found:
        caption = "Extents along the patient's axes; HU percentiles over all voxels of the structure"
        table = PageTable(caption, STRUCTURE_COLUMNS, [_structure_row(m) for m in found])
        for row, m in zip(add_table(section, table), found, strict=True):
            _add_swatch(row, m.key)
    contrast = liver_minus_spleen_hu(measures)
    if contrast is not None:
        add(section, "p", f"Liver minus spleen: {number(contrast)} HU (medians)")
    missing = [m.display for m in measures if not m.found]
    if missing:
        add(section, "p", f"Looked for and not found: {', '.join(missing)}.", class_="faint")


def add_making(main: ET.Element, manifest: Mapping[str, Any]) -> None:
    """What has to be known to repeat the result or to doubt it."""
    section = add(main, "section", class_="made", aria_label="How this was made")
    add(section, "h2", "How this was made")
    facts = add(section, "dl")
    for name, value in _facts(manifest):
        add(facts, "dt", name)
        add(add(facts, "dd"), "bdi", value)
    for warning in manifest.get("warnings", ()):
        add(section, "p", f"Warning: {warning}")
    details = add(section, "details")
    add(details, "summary", "The whole record")
    add(details, "pre", json.dumps(manifest, indent=1, ensure_ascii=False, default=str), tabindex="0")


def _add_swatch(row: ET.Element, key: str) -> None:
    """The structure's colour before the first cell's words."""
    cell = row[0]
    swatch = add(cell, "span", class_=f"swatch {key}", aria_hidden="true")
    swatch.tail, cell.text = cell.text, None


def _structure_row(m: StructureMeasure) -> list[str]:
    percentiles = " / ".join(number(p) for p in (m.p05_hu, m.median_hu, m.p95_hu))
    extents = " × ".join(number(x) for x in m.extent_mm or ())
    note = f"{PARTLY} partly imaged" if m.touches_border else ""
    return [
        *(m.display, volume(m.volume_ml), _hu(m.mean_hu, m.sd_hu), percentiles),
        *(extents, number(m.surface_mm2 / 100), note),
    ]


def _lesion_caption(targets: Sequence[Lesion]) -> str:
    if not targets:
        return "No lesion is large enough for a RECIST 1.1 target"
    total = sum(one.axial.longest.mm for one in targets)
    return f"Sum of the longest diameters of {len(targets)} possible RECIST 1.1 targets: {mm(total)}"


def _lesion_row(lesion: Lesion, targets: Sequence[Lesion]) -> list[str]:
    notes = ["target"] if lesion in targets else []
    notes += [f"{PARTLY} partly imaged"] if lesion.touches_border else []
    sizes = (lesion.axial.longest.mm, lesion.axial.perpendicular.mm, lesion.longest_3d.mm)
    return [
        f"{lesion.number} {lesion.display}",
        STRUCTURES[lesion.host].display if lesion.host else "no organ",
        *(mm(size) for size in sizes),
        *(volume(lesion.volume_ml), _hu(lesion.hu.mean_hu, lesion.hu.sd_hu), mm(lesion.to_surface_mm)),
        ", ".join(notes),
    ]


def _add_key_image(gallery: ET.Element, lesion: Lesion, image: KeyImage) -> None:
    where = f" in {STRUCTURES[lesion.host].display.lower()}" if lesion.host else ""
    size = f"{mm(lesion.axial.longest.mm)} × {mm(lesion.axial.perpendicular.mm)}"
    figure = add(gallery, "figure", class_="lesion")
    svg = add_picture(figure, image.picture, f"Axial key slice of lesion {lesion.number}, {lesion.display}{where}: {size}")
    for path in svg.iter("path"):
        if path.get("class") == lesion.key:
            path.set("class", f"{lesion.key} own")
    for name, line in (("longest", image.longest), ("perpendicular", image.perpendicular)):
        ends = {end: f"{at:.1f}" for end, at in zip(("x1", "y1", "x2", "y2"), line, strict=True)}
        add(svg, "line", class_="under", **ends)
        add(svg, "line", class_=name, **ends)
    words = add(figure, "figcaption")
    add(words, "h3", f"{lesion.number} {lesion.display}{where}")
    facts = add(words, "dl")
    for name, value in (
        ("Longest × perpendicular", size),
        ("Volume", volume(lesion.volume_ml)),
        ("HU", _hu(lesion.hu.mean_hu, lesion.hu.sd_hu)),
        ("Slice", f"{lesion.axial.slice} along {'ijk'[lesion.axial.axis]}"),
    ):
        add(facts, "dt", name)
        add(facts, "dd", value)


def _hu(mean: float | None, sd: float | None) -> str:
    return f"{number(mean)} ± {number(sd)}"


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The few of a manifest that are worth a line; a record of another kind simply has fewer."""
    parts = {name: part for name, part in manifest.items() if isinstance(part, Mapping)}
    weights, device = parts.get("weights", {}), parts.get("device", {})
    seconds = sum(parts.get("timings_s", {}).values())
    facts = (
        ("File", parts.get("input", {}).get("file")),
        ("SHA-256", parts.get("input", {}).get("sha256")),
        ("Weights", " · ".join(str(weights[name]) for name in ("name", "backbone") if weights.get(name))),
        ("Licence of the weights", weights.get("licence")),
        ("Post-processing", parts.get("options", {}).get("postprocess")),
        ("Made", manifest.get("created")),
        ("With", ", ".join(f"{name} {number}" for name, number in parts.get("versions", {}).items())),
        ("On", device.get("name")),
        ("In", f"{seconds:.1f} s" if seconds else None),
    )
    return [(name, str(value)) for name, value in facts if value]
