"""Section of the report with the diameters of the aorta."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from omentum.formatting import PARTLY, mm, number
from omentum.measure.aorta import AorticProfile
from omentum.report.page import PageTable, add, add_table

COLUMNS = ("Along its course", "Level, s", "Diameter of equal area", "Largest across")


def add_aorta(main: ET.Element, profile: AorticProfile | None) -> None:
    """Add the largest diameter and a table of all cross-sections; nothing if there are none."""
    if profile is None or profile.maximum is None:
        return
    section = add(main, "section", aria_label="Aorta")
    add(section, "h2", "Aorta")
    most = profile.maximum
    where = f"at s = {number(most.centre_mm[2], 1)} mm, {mm(most.along_mm)} from its upper end"
    add(
        section, "p", f"Widest: {mm(most.equivalent_mm)} (circle of equal area), {mm(most.largest_mm)} across, {where}."
    )
    told = {
        "perpendicular": "Sections at right angles to its course, every 5 mm; of the mask alone, walls and thrombus as "
        "far as they are in it.",
        "axial": "Too little of it is imaged to tell its direction: axial sections, too wide where it is slanted.",
    }
    add(section, "p", told[profile.plane], class_="faint")
    if profile.partly_imaged:
        add(section, "p", f"{PARTLY} The image ends at the aorta: a wider place may lie outside.")
    details = add(section, "details")
    add(details, "summary", f"All {len(profile.stations)} sections")
    rows = [[mm(s.along_mm), mm(s.centre_mm[2]), mm(s.equivalent_mm), mm(s.largest_mm)] for s in profile.stations]
    add_table(details, PageTable("Sections from the upper end on", COLUMNS, rows))
