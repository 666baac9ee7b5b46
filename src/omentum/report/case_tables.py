"""Text sections of the report: flags, structures, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from omentum.anatomy import STRUCTURES
from omentum.formatting import PARTLY, hu, number, volume
from omentum.measure.class_trust import NEVER_FOUND, NO_RECORD, TRUST_NOTES, ClassTrust
from omentum.measure.label_map import hidden_line
from omentum.measure.measures import StructureMeasure, liver_minus_spleen_hu
from omentum.report.page import PageTable, add, add_swatch, add_table
from omentum.result_files import LABEL_MAP
from omentum.spec import Trust

if TYPE_CHECKING:
    from omentum.quality.flags import Flag

SEVERITIES = ("error", "warning", "info")
STRUCTURE_COLUMNS = (
    *("Structure", "Volume", "HU mean ± SD", "HU 5 / 50 / 95 %"),
    *("R–L × A–P × S–I, mm", "Surface, cm²", "Score", ""),
)
SCORES = "Scores, 0 to 1, estimate how likely a mask is good (Dice of 0.7 or more); of the case, their mean."


def add_flags(main: ET.Element, flags: Sequence[Flag]) -> None:
    """Add the flags; no section if there are none."""
    if not flags:
        return
    section = add(main, "section", aria_label="Look at this")
    add(section, "h2", "Look at this")
    rows = add(section, "ul", class_="flags")
    for flag in flags:
        row = add(rows, "li", class_=flag.severity if flag.severity in SEVERITIES else "info")
        add(row, "b", flag.severity)
        about = STRUCTURES[flag.structure].display if flag.structure in STRUCTURES else flag.structure
        add(row, "span", f"{about}: {flag.text}" if about else flag.text)


def add_structures(main: ET.Element, measures: Sequence[StructureMeasure], score: float | None = None) -> None:
    """Add a table of the structures that were found, and a list of those that were not.

    Args:
        main: Parent element.
        measures: Measures of every segmented class.
        score: Score of the case, 0..1; see `Quality.score`.
    """
    section = add(main, "section", id="structures", aria_label="Structures", tabindex="-1")
    add(section, "h2", "Structures")
    found = sorted((m for m in measures if m.found), key=lambda m: STRUCTURES[m.key].index)
    if found:
        caption = "Extents along the patient's axes; HU percentiles over all voxels of the structure"
        table = PageTable(caption, STRUCTURE_COLUMNS, [_structure_row(m) for m in found])
        for row, m in zip(add_table(section, table), found, strict=True):
            add_swatch(row, m.key)
    if score is not None:
        add(section, "p", f"Quality score of the case: {number(score, 2)}. {SCORES}", class_="faint")
    contrast = liver_minus_spleen_hu(measures)
    if contrast is not None:
        add(section, "p", f"Liver minus spleen: {number(contrast)} HU (medians)")
    if line := hidden_line(measures, LABEL_MAP):
        add(section, "p", line)
    missing = [m for m in measures if not m.found]
    blind = [m for m in missing if m.trust is Trust.NOT_FOUND]
    for said, those in (("Looked for and not found", [m for m in missing if m not in blind]), (NEVER_FOUND, blind)):
        if those:
            add(section, "p", f"{said}: {', '.join(m.display for m in those)}.", class_="faint")


def add_provenance(main: ET.Element, manifest: Mapping[str, Any]) -> None:
    """Add the provenance: what is needed to reproduce or question the result."""
    section = add(main, "section", class_="made", aria_label="How this was made")
    add(section, "h2", "How this was made")
    facts = add(section, "dl")
    for name, value in _facts(manifest):
        add(facts, "dt", name)
        add(add(facts, "dd"), "bdi", value)
    options = manifest.get("options")
    if isinstance(options, Mapping) and "trust" in options and not ClassTrust.of_options(options).is_recorded:
        add(section, "p", NO_RECORD)
    for warning in manifest.get("warnings", ()):
        add(section, "p", f"Warning: {warning}")
    details = add(section, "details")
    add(details, "summary", "The whole record")
    add(details, "pre", json.dumps(manifest, indent=1, ensure_ascii=False, default=str), tabindex="0")


def _structure_row(m: StructureMeasure) -> list[str]:
    percentiles = " / ".join(number(p) for p in (m.p05_hu, m.median_hu, m.p95_hu))
    extents = " × ".join(number(x) for x in m.extent_mm or ())
    notes = [f"{PARTLY} partly imaged"] if m.touches_border else []
    notes += [TRUST_NOTES[m.trust]] if m.trust in TRUST_NOTES else []
    return [
        *(m.display, volume(m.volume_ml), hu(m.mean_hu, m.sd_hu), percentiles),
        *(extents, number(m.surface_mm2 / 100), number(m.score, 2), ", ".join(notes)),
    ]


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of the manifest entries worth showing; missing entries are skipped."""
    parts = {name: part for name, part in manifest.items() if isinstance(part, Mapping)}
    weights, device = parts.get("weights", {}), parts.get("device", {})
    seconds = sum(parts.get("timings_s", {}).values())
    facts = (
        ("File", parts.get("input", {}).get("file")),
        ("SHA-256", parts.get("input", {}).get("sha256")),
        ("Weights", " · ".join(str(weights[name]) for name in ("name", "backbone") if weights.get(name))),
        ("Licence of the weights", weights.get("licence")),
        ("Post-processing", parts.get("options", {}).get("postprocess")),
        ("Operating points", _operating_points(parts.get("options", {}))),
        ("Made", manifest.get("created")),
        ("With", ", ".join(f"{name} {number}" for name, number in parts.get("versions", {}).items())),
        ("On", device.get("name")),
        ("In", f"{seconds:.1f} s" if seconds else None),
    )
    return [(name, str(value)) for name, value in facts if value]


def _operating_points(options: Mapping[str, Any]) -> str:
    """Structures with a threshold other than 0.5 or a smallest volume of their own."""
    thresholds, smallest = (options.get(name) or {} for name in ("threshold", "minimum_ml"))
    words = []
    for key in (key for key in STRUCTURES.keys if key in thresholds or key in smallest):
        parts = [f"above {thresholds[key]:g}"] if key in thresholds else []
        parts += [f"from {smallest[key]:g} ml"] if key in smallest else []
        words.append(f"{STRUCTURES[key].display} {', '.join(parts)}")
    return "; ".join(words)
