"""Section of the report with the lesions: a table of all, and key images of the longest."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from xml.etree import ElementTree as ET

from omentum.anatomy import STRUCTURES
from omentum.formatting import PARTLY, hu, mm, number, volume
from omentum.measure.class_trust import CANDIDATES, NEVER_FOUND, ClassTrust
from omentum.measure.diameters import axial_axis
from omentum.measure.lesion_tables import target_lesions
from omentum.measure.lesions import Lesion
from omentum.report.case_views import add_picture
from omentum.report.key_images import KeyImage
from omentum.report.page import PageTable, add, add_swatch, add_table
from omentum.report.planes import slice_words
from omentum.spec import Trust
from omentum.volume import Grid

KEY_IMAGES = 24
"""Maximum number of lesions with a key image, longest first; the table lists all."""

COLUMNS = (
    *("Lesion", "In", "Longest axial", "Perpendicular", "Longest 3D"),
    *("Volume", "HU mean ± SD", "To surface", ""),
)


def add_lesions(
    main: ET.Element,
    grid: Grid,
    classes: Sequence[str],
    lesions: Sequence[Lesion],
    images: Mapping[int, KeyImage],
    class_trust: ClassTrust | None = None,
) -> None:
    """Add a table of the lesions, a table of the candidates, and key images of the longest.

    Args:
        main: Parent element.
        grid: Grid of the CT.
        classes: Keys of the segmented structures.
        lesions: All lesions, candidates included.
        images: Lesion number -> key image, for the lesions returned by `pictured`.
        class_trust: How far the weights can be trusted with each type.
    """
    section = add(main, "section", class_="found", aria_label="Lesions")
    add(section, "h2", "Lesions")
    sure = [lesion for lesion in lesions if not lesion.is_candidate]
    if sure:
        targets = target_lesions(sure, grid.spacing_mm[axial_axis(grid)])
        _add_table(section, PageTable(_caption(targets), COLUMNS, [_row(one, targets) for one in sure]), sure)
    types = [key for key in classes if STRUCTURES[key].is_lesion]
    for line in _unlisted(types, {lesion.key for lesion in lesions}, bool(sure), class_trust or ClassTrust()):
        add(section, "p", line)
    candidates = [lesion for lesion in lesions if lesion.is_candidate]
    if candidates:
        add(section, "h3", "Candidates")
        add(section, "p", CANDIDATES)
        caption = "Candidates: in no sum, and no target"
        _add_table(section, PageTable(caption, COLUMNS, [_row(one, ()) for one in candidates]), candidates)
    if lesions:
        _add_gallery(section, grid, lesions, images)


def _add_table(section: ET.Element, table: PageTable, lesions: Sequence[Lesion]) -> None:
    for row, lesion in zip(add_table(section, table), lesions, strict=True):
        add_swatch(row, lesion.key)


def _unlisted(types: Sequence[str], found: Container[str], any_sure: bool, class_trust: ClassTrust) -> list[str]:
    """Sentences about lesion types without a row in the table, and about finding no lesion."""
    blind = [key for key in types if key not in found and class_trust.of(key) is Trust.NOT_FOUND]
    requested = [key for key in types if key not in found and key not in blind]
    if any_sure:
        lines = [f"Looked for and not found: {_names(requested)}."] if requested else []
    else:
        lines = [f"None found. Looked for: {_names(requested)}." if requested or not types else "None found."]
    if blind:
        lines.append(f"{NEVER_FOUND}: {_names(blind)}.")
    return lines


def _names(keys: Sequence[str]) -> str:
    return ", ".join(STRUCTURES[key].display for key in keys) or "none"


def pictured(lesions: Sequence[Lesion]) -> list[Lesion]:
    """The lesions that get a key image, longest first."""
    return sorted(lesions, key=lambda one: -one.axial.longest.mm)[:KEY_IMAGES]


def _add_gallery(section: ET.Element, grid: Grid, lesions: Sequence[Lesion], images: Mapping[int, KeyImage]) -> None:
    largest = pictured(lesions)
    if len(largest) < len(lesions):
        add(section, "p", f"Key images of the {len(largest)} longest.", class_="faint")
    gallery = add(section, "div", class_="lesions")
    for lesion in sorted(largest, key=lambda one: one.number):
        where = slice_words(grid, lesion.axial.axis, lesion.axial.slice)
        _add_key_image(gallery, lesion, images[lesion.number], where)


def _caption(targets: Sequence[Lesion]) -> str:
    if not targets:
        return "No lesion is large enough for a RECIST 1.1 target"
    total = sum(one.axial.longest.mm for one in targets)
    return f"Sum of the longest diameters of {len(targets)} possible RECIST 1.1 targets: {mm(total)}"


def _row(lesion: Lesion, targets: Sequence[Lesion]) -> list[str]:
    notes = ["target"] if lesion in targets else []
    notes += [lesion.candidate_reason] if lesion.candidate_reason else []
    notes += [f"{PARTLY} partly imaged"] if lesion.touches_border else []
    sizes = (lesion.axial.longest.mm, lesion.axial.perpendicular.mm, lesion.longest_3d.mm)
    return [
        f"{lesion.number} {lesion.display}",
        STRUCTURES[lesion.host].display if lesion.host else "no organ",
        *(mm(size) for size in sizes),
        *(volume(lesion.volume_ml), hu(lesion.hu.mean_hu, lesion.hu.sd_hu), mm(lesion.to_surface_mm)),
        ", ".join(notes),
    ]


def _add_key_image(gallery: ET.Element, lesion: Lesion, image: KeyImage, place: str) -> None:
    where = f" in {STRUCTURES[lesion.host].display.lower()}" if lesion.host else ""
    size = f"{number(lesion.axial.longest.mm, 1)} × {mm(lesion.axial.perpendicular.mm)}"
    figure = add(gallery, "figure", class_="lesion")
    svg = add_picture(
        figure, image.picture, f"Axial key slice of lesion {lesion.number}, {lesion.display}{where}: {size}"
    )
    for path in svg.iter("path"):
        if path.get("class") == lesion.key:
            path.set("class", f"{lesion.key} own")
    for name, line in (("longest", image.longest), ("perpendicular", image.perpendicular)):
        ends = {end: f"{at:.1f}" for end, at in zip(("x1", "y1", "x2", "y2"), line, strict=True)}
        add(svg, "line", class_="under", **ends)
        add(svg, "line", class_=name, **ends)
    caption = add(figure, "figcaption")
    candidate = ", candidate" if lesion.is_candidate else ""
    add(caption, "h3", f"{lesion.number} {lesion.display}{where}{candidate}")
    facts = add(caption, "dl")
    for name, value in (
        ("Diameters", size),
        ("Volume", volume(lesion.volume_ml)),
        ("HU", hu(lesion.hu.mean_hu, lesion.hu.sd_hu)),
        ("Slice", place.removeprefix("slice ")),
    ):
        add(facts, "dt", name)
        add(facts, "dd", value)
