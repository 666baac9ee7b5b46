"""Self-contained HTML pages, built as an element tree and serialised by the XML library.

All text (file names, messages) is escaped by construction; only our own scripts and styles are written verbatim.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

SCROLL = {"class": "scroll", "tabindex": "0", "role": "region"}
"""Attributes of elements that scroll horizontally if they are wider than the screen, reachable by keyboard."""


@dataclass(frozen=True)
class PageTable:
    """Text cells of a table; the first column is the row header; `words` lists further columns that are not numeric."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Collection[str] = ()


def add(place: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    """Append a child element; attributes that are Python keywords take a trailing underscore."""
    element = ET.SubElement(place, tag, {k.rstrip("_").replace("_", "-"): v for k, v in attributes.items()})
    element.text = text
    return element


def add_table(place: ET.Element, table: PageTable) -> ET.Element:
    """Add an accessible table that scrolls independently; return its tbody."""
    scroll = add(place, "div", **SCROLL, aria_label=table.caption)
    element = add(scroll, "table")
    add(element, "caption", table.caption)
    head = add(add(element, "thead"), "tr")
    of_words = [{"class": "words"} if name in table.words else {} for name in table.head]
    for name, kind in zip(table.head, of_words, strict=True):
        add(head, "th", name, scope="col", **kind)
    body = add(element, "tbody")
    for row in table.rows:
        line = add(body, "tr")
        for cell, kind in zip(row, of_words, strict=True):
            add(line, "td", cell, **kind)
    return body


def add_swatch(row: ET.Element, key: str) -> None:
    """Add a colour swatch of a structure before the text of the first cell."""
    cell = row[0]
    swatch = add(cell, "span", class_=f"swatch {key}", aria_hidden="true")
    swatch.tail, cell.text = cell.text, None


def data_url(kind: str, content: bytes) -> str:
    """Encode bytes as a data URL, embedded in the page."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def document(title: str, style: str, scripts: Sequence[str] = ()) -> tuple[ET.Element, ET.Element]:
    """Create an empty page; return the page and its body.

    The content security policy of the page forbids network requests and all scripts but the given ones.

    Args:
        title: Window title.
        style: CSS.
        scripts: Run in this order after the page has loaded; inserted by `finished`.
    """
    page = ET.Element("html", lang="en")
    head = add(page, "head")
    add(head, "meta", charset="utf-8")
    allowed = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts) or "'none'"
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
    add(head, "meta", http_equiv="Content-Security-Policy", content=policy)
    add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    add(head, "title", title)
    add(head, "style", style)
    return page, add(page, "body")


def finished(page: ET.Element, scripts: Sequence[str] = ()) -> bytes:
    """Serialise the page as UTF-8.

    Args:
        page: Page from `document`, with content.
        scripts: The scripts passed to `document`.
    """
    body = page[-1]
    for script in scripts:
        add(body, "script", script)
    return b"<!doctype html>\n" + ET.tostring(page, encoding="unicode", method="html").encode(errors="replace")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
