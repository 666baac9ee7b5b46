"""An evaluation as one HTML file: tables and figures, nothing fetched, no script, readable dark, light and printed.

The page is built as a tree of elements and written by the XML library, so that every text (names of files, messages)
is escaped by construction.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

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
class PageTable:
    """Cells as text; the first column is the row's name."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


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
    page = ET.Element("html", lang="en")
    head, body = ET.SubElement(page, "head"), ET.SubElement(page, "body")
    ET.SubElement(head, "meta", charset="utf-8")
    ET.SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _add(head, "title", title)
    _add(head, "style", STYLE)
    main = ET.SubElement(body, "main")
    _add(main, "h1", title)
    _add(main, "p", subtitle).set("class", "sub")
    for section in sections:
        _add_section(main, section)
    return b"<!doctype html>\n" + ET.tostring(page, encoding="unicode", method="html").encode(errors="replace")


def _add_section(main: ET.Element, section: Section) -> None:
    place = ET.SubElement(main, "section")
    _add(place, "h2", section.title)
    for part in section.content:
        if isinstance(part, str):
            _add(place, "p", part)
        elif isinstance(part, PageTable):
            _add_table(place, part)
        else:
            _add_figure(place, part)


def _add_table(place: ET.Element, table: PageTable) -> None:
    # A table wider than the screen scrolls by itself; it must be reachable by keyboard for that.
    scroll = ET.SubElement(
        place, "div", {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": table.caption}
    )
    element = ET.SubElement(scroll, "table")
    _add(element, "caption", table.caption)
    head = ET.SubElement(ET.SubElement(element, "thead"), "tr")
    for name in table.head:
        _add(head, "th", name).set("scope", "col")
    body = ET.SubElement(element, "tbody")
    for row in table.rows:
        line = ET.SubElement(body, "tr")
        for cell in row:
            _add(line, "td", cell)


def _add_figure(place: ET.Element, figure: PageFigure) -> None:
    element = ET.SubElement(place, "figure")
    source = f"data:image/svg+xml;base64,{base64.b64encode(figure.svg).decode()}"
    ET.SubElement(element, "img", src=source, alt=figure.caption)
    _add(element, "figcaption", figure.caption)


def _add(place: ET.Element, tag: str, text: str) -> ET.Element:
    element = ET.SubElement(place, tag)
    element.text = text
    return element
