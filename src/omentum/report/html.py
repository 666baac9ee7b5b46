"""report.html: a segmented case on one self-contained page that needs no other files and no network."""

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
from omentum.report.case_tables import add_flags, add_provenance, add_structures
from omentum.report.case_views import add_explorer
from omentum.report.page import add, document, finished
from omentum.segmentation import Segmentation
from omentum.volume import Volume

_ASSETS = resources.files("omentum.report") / "assets"


@dataclass(frozen=True, eq=False)
class CaseReport:
    """Content of a report.

    Args:
        case: Name of the case.
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        measures: Measures of every segmented class.
        lesions: All lesions, candidates included.
        manifest: Provenance of the segmentation as JSON values.
        flags: Quality flags, most severe first.
        class_trust: Reliability of the weights for each structure.
        aorta: Diameters of the aorta, if it was found.
        score: Score of the case, 0..1; see `Quality.score`.
        pictures: Images drawn in advance; drawn now if None.
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
    """Render the report of a case as UTF-8 HTML; without the extra `[report]` it says that the 3D view is missing."""
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
    add_provenance(main, report.manifest)
    add(main, "footer", "Research software. Not a medical device; not for clinical use.")
    return finished(page, scripts)


def _add_head(main: ET.Element, name: str, report: CaseReport) -> None:
    head = add(main, "header")
    # A name may contain bidirectional control characters; isolate them.
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
    """One CSS rule per structure: the class named after the key sets the colour."""
    return "\n".join(f".{row.key} {{ color: rgb{row.colour}; }}" for row in STRUCTURES)
