"""An evaluation as one HTML file: tables and figures, nothing fetched, no script, readable dark, light and printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from omentum.report.page import PageTable, add, add_table, data_url, document, finished

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 100rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.sub { opacity: .75; margin-top: .2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; opacity: .75; padding: .3rem 0; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } tbody tr:hover { background: var(--soft); }
figure { margin: 1rem 0; } figure img { background: #fff; max-width: 100%; border-radius: 6px; }
@media print { body { margin: 0; max-width: none; } section { break-inside: avoid-page; } }
"""


@dataclass(frozen=True)
class PageFigure:
    """A drawing, and what it shows in words."""

    caption: str
    svg: bytes


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, tables and figures below it."""

    title: str
    content: Sequence[str | PageTable | PageFigure]


def page_html(title: str, subtitle: str, sections: Sequence[Section]) -> bytes:
    """The file, UTF-8."""
    page, body = document(title, STYLE)
    main = add(body, "main")
    add(main, "h1", title)
    add(main, "p", subtitle, class_="sub")
    for section in sections:
        _add_section(main, section)
    return finished(page)


def _add_section(main: ET.Element, section: Section) -> None:
    place = add(main, "section")
    add(place, "h2", section.title)
    for part in section.content:
        if isinstance(part, str):
            add(place, "p", part)
        elif isinstance(part, PageTable):
            add_table(place, part)
        else:
            _add_figure(place, part)


def _add_figure(place: ET.Element, figure: PageFigure) -> None:
    element = add(place, "figure")
    add(element, "img", src=data_url("image/svg+xml", figure.svg), alt=figure.caption)
    add(element, "figcaption", figure.caption)
