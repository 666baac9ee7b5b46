"""Evaluation report as one self-contained HTML file, without scripts, with dark, light and print styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from omentum.evaluate.differences import PREDICTION, REFERENCE
from omentum.report.case_views import add_picture
from omentum.report.page import PageTable, add, add_table, data_url, document, finished
from omentum.report.pictures import Picture

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 100rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.sub { opacity: .75; margin-top: .2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; opacity: .75; padding: .3rem 0; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { vertical-align: bottom; white-space: normal; } td.words { white-space: normal; }
td.words { overflow-wrap: anywhere; }
th:first-child, td:first-child, .words { text-align: left; } tbody tr:hover { background: var(--soft); }
figure { margin: 1rem 0; } figure img { background: #fff; max-width: 100%; border-radius: 6px; }
.slices { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; align-items: start; }
.slices figure { margin: 0; break-inside: avoid; }
.slices svg { display: block; width: 100%; max-height: 20rem; background: #000; border-radius: 6px;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.slices figcaption { font-size: .85rem; overflow-wrap: anywhere; }
.slices path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.slices path.reference { stroke: #4cc9ff; } .slices path.prediction { stroke: #ffb000; stroke-dasharray: 5 3; }
@media print { .slices { grid-template-columns: repeat(4, 1fr); } }
@media print { body { margin: 0; max-width: none; font-size: 9pt; } .scroll { overflow: visible; }
  th, td { padding: .1rem .25rem; font-size: 7pt; } tr { break-inside: avoid; }
  h2, caption { break-after: avoid; } figure img { max-height: 90vh; } }
"""


@dataclass(frozen=True)
class PageFigure:
    """Figure with alternative text."""

    caption: str
    svg: bytes


@dataclass(frozen=True)
class PageSlices:
    """Slices with the outlines of reference and prediction (see `differences`), each with a caption."""

    pictures: Sequence[tuple[str, Picture]]


Part = str | PageTable | PageFigure | PageSlices


@dataclass(frozen=True)
class PageSection:
    """Heading with paragraphs, tables and figures below."""

    title: str
    content: Sequence[Part]


def page_html(title: str, subtitle: str, sections: Sequence[PageSection]) -> bytes:
    """Render the page as UTF-8 HTML."""
    page, body = document(title, STYLE)
    main = add(body, "main")
    add(main, "h1", title)
    add(main, "p", subtitle, class_="sub")
    for section in sections:
        _add_section(main, section)
    return finished(page)


def _add_section(main: ET.Element, section: PageSection) -> None:
    place = add(main, "section")
    add(place, "h2", section.title)
    for part in section.content:
        if isinstance(part, str):
            add(place, "p", part)
        elif isinstance(part, PageTable):
            add_table(place, part)
        elif isinstance(part, PageSlices):
            _add_slices(place, part)
        else:
            _add_figure(place, part)


def _add_figure(place: ET.Element, figure: PageFigure) -> None:
    element = add(place, "figure")
    add(element, "img", src=data_url("image/svg+xml", figure.svg), alt=figure.caption)
    add(element, "figcaption", figure.caption)


def _add_slices(place: ET.Element, slices: PageSlices) -> None:
    gallery = add(place, "div", class_="slices")
    for caption, picture in slices.pictures:
        element = add(gallery, "figure")
        drawn = " and ".join(name for name in (REFERENCE, PREDICTION) if name in picture.outlines)
        add_picture(element, picture, f"{caption}; outlines of {drawn or 'nothing'}")
        add(element, "figcaption", caption)
