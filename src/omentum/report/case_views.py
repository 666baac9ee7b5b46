"""Interactive section of the report: slices in three directions, surfaces in 3D, and a legend to toggle structures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from omentum.anatomy import STRUCTURES
from omentum.formatting import PARTLY, volume
from omentum.measure.measures import StructureMeasure
from omentum.report.layers import View
from omentum.report.page import add, data_url
from omentum.report.pictures import Picture
from omentum.report.planes import array_slice, slice_words
from omentum.volume import Grid

SIDES = {"R": "right", "L": "left", "A": "front", "P": "back", "S": "head", "I": "feet"}
LOOKS = ("front", "back", "right", "left", "above")
SHOW = {"all": "All", "none": "None", "organ": "Organs", "vessel": "Vessels", "lesion": "Lesions"}

GLASS_PERCENT = 35
"""Initial opacity of organs in percent if there are lesions, which would be hidden inside opaque organs."""

KEYS_3D = (
    "Surfaces in 3D, seen from the front. "
    "Drag or arrow keys turn, wheel or plus and minus zoom, 0 goes back to the front."
)


@dataclass(frozen=True)
class Surfaces:
    """Content of the 3D view.

    Args:
        glb: Binary glTF whose nodes are named by structure key; empty if there is none.
        note: Reason why there is none.
        script: JavaScript that renders it.
    """

    glb: bytes
    note: str = ""
    script: str = ""


def add_explorer(
    main: ET.Element, views: Sequence[View], measures: Sequence[StructureMeasure], surfaces: Surfaces, grid: Grid
) -> None:
    """Add slices (of an image on `grid`), 3D view and legend as one section."""
    section = add(main, "section", aria_label="Overview")
    add(section, "h2", "Overview")
    explore = add(section, "div", class_="explore")
    panes = add(explore, "div", class_="panes")
    for view in views:
        _add_slices(panes, view, grid)
    found = sorted((m for m in measures if m.found), key=lambda m: STRUCTURES[m.key].index)
    _add_surfaces(panes, surfaces, any(_kind(m.key) == "lesion" for m in found))
    if found:
        _add_legend(explore, found)


def add_picture(place: ET.Element, picture: Picture, words: str) -> ET.Element:
    """Add a slice with its outlines as SVG; return the SVG element so that more can be drawn on it."""
    box = f"0 0 {picture.width:.1f} {picture.height:.1f}"
    svg = add(place, "svg", viewBox=box, role="img", aria_label=words)
    size = {"width": f"{picture.width:.1f}", "height": f"{picture.height:.1f}"}
    add(svg, "image", **size, preserveAspectRatio="none", href=data_url("image/webp", picture.webp))
    for key, line in picture.outlines.items():
        add(svg, "path", class_=key, d=line)
    return svg


def _add_slices(panes: ET.Element, view: View, grid: Grid) -> None:
    pane = add(panes, "figure", class_="pane", data_slices=str(view.first))
    film = add(pane, "div", class_="film")
    for n, (picture, plane) in enumerate(zip(view.pictures, view.planes, strict=True)):
        names = [STRUCTURES[key].display for key in picture.outlines]
        words = f"{view.name} slice with the outlines of {', '.join(names) or 'nothing'}"
        svg = add_picture(film, picture, words)
        svg.set("data-place", slice_words(grid, *array_slice(grid, plane)))
        if n != view.first:
            svg.set("hidden", "")
    for letter, where in zip(view.planes[0].letters, ("left", "right", "top", "bottom"), strict=True):
        add(film, "span", letter, class_=where, title=f"The patient's {SIDES[letter]}")
    bar = add(pane, "figcaption", class_="bar")
    add(bar, "h3", view.name)
    last = len(view.pictures) - 1
    slider = {"type": "range", "min": "0", "max": str(last), "value": str(view.first)}
    add(bar, "input", None, **slider, aria_label=f"{view.name} slice")
    add(bar, "output", slice_words(grid, *array_slice(grid, view.planes[view.first])))


def _add_surfaces(panes: ET.Element, surfaces: Surfaces, lesions: bool) -> None:
    pane = add(panes, "figure", class_="pane")
    film = add(pane, "div", class_="film")
    add(film, "p", surfaces.note, class_="note")
    bar = add(pane, "figcaption", class_="bar")
    add(bar, "h3", "3D")
    if not surfaces.glb:
        return
    add(film, "canvas", id="surfaces", tabindex="0", role="img", aria_label=KEYS_3D)
    add(film, "script", base64.b64encode(surfaces.glb).decode(), id="glb", type="text/plain")
    for side in LOOKS:
        add(bar, "button", side, type="button", data_look=side, aria_label=f"3D view from {side}")
    add(bar, "label", "organs", for_="glass")
    percent = str(GLASS_PERCENT if lesions else 100)
    glass = {"type": "range", "min": "5", "max": "100", "step": "5", "value": percent}
    add(bar, "input", id="glass", aria_label="Opacity of organs in 3D", **glass)


def _add_legend(explore: ET.Element, found: Sequence[StructureMeasure]) -> None:
    legend = add(explore, "fieldset", class_="legend")
    add(legend, "legend", "Structures")
    buttons = add(legend, "div", class_="buttons")
    kinds = {_kind(m.key) for m in found} | {"all", "none"}
    for show, name in SHOW.items():
        if show in kinds:
            add(buttons, "button", name, type="button", data_show=show)
    rows = add(legend, "ul")
    for m in found:
        label = add(add(rows, "li"), "label")
        ticked = {"type": "checkbox", "checked": "", "data-structure": m.key, "data-kind": _kind(m.key)}
        add(label, "input", **ticked)
        add(label, "span", class_=f"swatch {m.key}", aria_hidden="true")
        add(label, "span", f"{m.display} {PARTLY}" if m.touches_border else m.display)
        add(label, "span", volume(m.volume_ml), class_="amount")
    if any(m.touches_border for m in found):
        add(legend, "p", f"{PARTLY} reaches the edge of the scan", class_="faint")
    label = add(add(legend, "p", class_="screen"), "label")
    add(label, "input", id="fill", type="checkbox", checked="").tail = " Fill outlines"


def _kind(key: str) -> str:
    """Kind of a structure: organ, vessel or lesion."""
    structure = STRUCTURES[key]
    return "lesion" if structure.is_lesion else structure.kind
