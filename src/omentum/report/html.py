"""report.html: a segmented case on one page that needs nothing else, neither files beside it nor a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

from omentum.anatomy import STRUCTURES
from omentum.formatting import counted
from omentum.measure.aorta import AorticProfile
from omentum.measure.class_trust import ClassTrust
from omentum.measure.lesions import Lesion
from omentum.measure.measures import StructureMeasure
from omentum.quality.flags import Flag
from omentum.report.case_aorta import add_aorta
from omentum.report.case_lesions import add_lesions
from omentum.report.case_pictures import CasePictures, draw_case
from omentum.report.case_tables import add_flags, add_making, add_structures
from omentum.report.case_views import add_explorer
from omentum.report.page import add, document, finished
from omentum.segmentation import Segmentation
from omentum.volume import Volume

_ASSETS = resources.files("omentum.report") / "assets"


@dataclass(frozen=True, eq=False)
class CaseReport:
    """What a report tells.

    Args:
        case: Name.
        ct: HU.
        seg: On the grid of `ct`.
        measures: Of every class that was looked for.
        lesions: All of them.
        manifest: How the segmentation was made, JSON values.
        flags: Doubts, the gravest first.
        class_trust: How far the weights can be trusted with each structure.
        aorta: Its diameters, if it was found.
        score: Of the case; see `Quality.score`.
        pictures: Of the case, where they were drawn before.
    """

    case: str
    ct: Volume
    seg: Segmentation
    measures: Sequence[StructureMeasure]
    lesions: Sequence[Lesion]
    manifest: Mapping[str, Any]
    flags: Sequence[Flag] = ()
    class_trust: ClassTrust = field(default_factory=ClassTrust)
    aorta: AorticProfile | None = None
    score: float | None = None
    pictures: CasePictures | None = None


def case_html(report: CaseReport) -> bytes:
    """The page of a case, UTF-8; without the extra `[report]` it has no 3D view and says so."""
    pictures = report.pictures or draw_case(report.ct, report.seg, report.lesions)
    scripts = [_asset("report.js")]
    if pictures.surfaces.glb:
        scripts = [pictures.surfaces.script, *scripts, _asset("surfaces.js")]
    name = report.case.strip() or "CT"
    page, body = document(f"{name} · Omentum", f"{_asset('report.css')}\n{_colours()}", scripts)
    add(body, "a", "Skip to the tables", class_="skip", href="#structures")
    main = add(body, "main")
    _add_head(main, name, report)
    add_flags(main, report.flags)
    add_explorer(main, pictures.views, report.measures, pictures.surfaces, report.ct.grid)
    add_lesions(main, report.ct.grid, report.seg.classes, report.lesions, pictures.key_images, report.class_trust)
    add_structures(main, report.measures, report.score)
    add_aorta(main, report.aorta)
    add_making(main, report.manifest)
    add(main, "footer", "Research software. Not a medical device; not for clinical use.")
    return finished(page, scripts)


def _add_head(main: ET.Element, name: str, report: CaseReport) -> None:
    head = add(main, "header")
    # A name may hold characters that turn the direction of writing; they must not reach beyond it.
    add(add(head, "h1"), "bdi", name)
    grid = report.ct.grid
    shape, spacing = (" × ".join(f"{n:.4g}" for n in numbers) for numbers in (grid.shape, grid.spacing_mm))
    found = sum(m.found for m in report.measures)
    facts = [
        f"{shape} voxels",
        f"{spacing} mm",
        grid.orientation,
        f"{found} of {len(report.measures)} structures found",
        *_counted_lesions(report.lesions),
    ]
    add(head, "p", "  ·  ".join(facts), class_="faint")
    add(head, "p", "Not for clinical use", class_="warning")


def _counted_lesions(lesions: Sequence[Lesion]) -> list[str]:
    candidates = sum(lesion.is_candidate for lesion in lesions)
    told = [counted(len(lesions) - candidates, "lesion")]
    return told + ([counted(candidates, "candidate")] if candidates else [])


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _colours() -> str:
    """A rule a structure: the class named like its key has its colour."""
    return "\n".join(f".{row.key} {{ color: rgb{row.colour}; }}" for row in STRUCTURES)
