"""preview.png: one dark slide with three planes, coloured contours, and a legend with volumes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import silence_library_warnings
from omentum.formatting import PARTLY, volume
from omentum.measure.measures import StructureMeasure, measure
from omentum.report.contours import field_around, fineness
from omentum.report.pictures import SOFT_TISSUE_HU
from omentum.report.planes import Plane, best_planes, classes_in, hung, hung_spacing_mm, shown_ranges
from omentum.report.preview_layout import Panel, arrange_panels
from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume

SIZE_IN, DPI = (16.0, 9.0), 120
BACKGROUND, TEXT, FAINT_TEXT = "#0b0d10", "#f2f4f7", "#98a2b3"
SCALE_MM = 50.0
FILL_OPACITY, LINE_WIDTH = 0.25, 1.4

_EDGE_IN, _GAP_IN, _TITLE_IN = 0.35, 0.25, 0.95
_LEGEND_ROW_IN, _LEGEND_COLUMNS = 0.25, 5
_LEGEND_ENTRY_IN, _FOOT_IN = 2.75, 0.2
_INNER_IN = SIZE_IN[0] - 2 * _EDGE_IN
_LETTER_EDGE, _SCALE_EDGE = 0.015, 0.03
_LONGEST_NAME = 60


def preview_png(
    ct: Volume, seg: Segmentation, *, case: str = "", measures: Sequence[StructureMeasure] | None = None
) -> bytes:
    """Render a case as a PNG (1920 x 1080).

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        case: Case name for the title.
        measures: Result of `measure(ct, seg)` if available; computed otherwise.

    Raises:
        GeometryError: the grids differ.
    """
    figure = slide(ct, seg, case, measure(ct, seg) if measures is None else measures)
    out = io.BytesIO()
    # The font may lack the script of a case name; boxes are drawn instead, without a warning.
    with silence_library_warnings():
        figure.savefig(out, format="png", facecolor=BACKGROUND, metadata={"Software": "omentum"})
    return out.getvalue()


def slide(ct: Volume, seg: Segmentation, case: str, measures: Sequence[StructureMeasure]) -> Figure:
    """The slide as a figure without a window; arguments as for `preview_png`."""
    found = [m for m in measures if m.found]
    figure = Figure(figsize=SIZE_IN, dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    _draw_title(figure, case, ct.grid, f"{len(found)} of {len(measures)} structures found")
    _draw_planes(figure, ct, seg, _draw_legend(figure, found))
    return figure


def _draw_title(figure: Figure, case: str, grid: Grid, found: str) -> None:
    w, h = SIZE_IN
    name = "".join(c if c.isprintable() else " " for c in case).strip() or "CT"
    name = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    shape = " × ".join(str(n) for n in grid.shape)
    spacing = " × ".join(f"{mm:.4g}" for mm in grid.spacing_mm)
    facts = f"{shape} voxels   ·   {spacing} mm   ·   {grid.orientation}   ·   {found}"
    style: dict[str, Any] = {"va": "baseline", "parse_math": False}
    figure.text(_EDGE_IN / w, 1 - 0.48 / h, name, color=TEXT, fontsize=20, fontweight="bold", **style)
    figure.text(_EDGE_IN / w, 1 - 0.78 / h, facts, color=FAINT_TEXT, fontsize=11.5, **style)
    note = "Not for clinical use"
    figure.text(1 - _EDGE_IN / w, 1 - 0.78 / h, note, color=FAINT_TEXT, fontsize=11.5, ha="right", **style)


def _draw_legend(figure: Figure, found: Sequence[StructureMeasure]) -> float:
    """Draw names and volumes in columns at the foot of the slide; return the height used, in inches."""
    rows = -(-len(found) // _LEGEND_COLUMNS)
    note = any(m.touches_border for m in found)
    height = max(1, rows + note) * _LEGEND_ROW_IN
    axes = _axes(figure, Panel(_EDGE_IN, _FOOT_IN, _INNER_IN, height))
    axes.set(xlim=(0, _INNER_IN), ylim=(-height, 0))
    for n, m in enumerate(sorted(found, key=lambda m: STRUCTURES[m.key].index)):
        column, row = divmod(n, rows)
        _draw_entry(axes, m, column * _INNER_IN / _LEGEND_COLUMNS, -(row + 0.5) * _LEGEND_ROW_IN)
    if note:
        text = f"{PARTLY} reaches the edge of the scan: partly imaged"
        axes.text(0, -(rows + 0.6) * _LEGEND_ROW_IN, text, color=FAINT_TEXT, fontsize=9, va="center")
    return _FOOT_IN + height


def _draw_entry(axes: Axes, m: StructureMeasure, x: float, y: float) -> None:
    axes.add_patch(Rectangle((x, y - 0.065), 0.13, 0.13, facecolor=_colour(m.key), edgecolor="none"))
    name = f"{m.display} {PARTLY}" if m.touches_border else m.display
    axes.text(x + 0.22, y, name, color=TEXT, fontsize=10, va="center_baseline")
    right = x + _LEGEND_ENTRY_IN
    axes.text(right, y, volume(m.volume_ml), color=FAINT_TEXT, fontsize=10, va="center_baseline", ha="right")


def _draw_planes(figure: Figure, ct: Volume, seg: Segmentation, bottom_in: float) -> None:
    planes, spacing_mm = best_planes(seg), hung_spacing_mm(ct.grid)
    ranges = shown_ranges(ct, seg, planes)
    z_mm, y_mm, x_mm = ((stop - start) * mm for (start, stop), mm in zip(ranges, spacing_mm, strict=True))
    bottom = bottom_in + _GAP_IN
    room = Panel(_EDGE_IN, bottom, _INNER_IN, SIZE_IN[1] - _TITLE_IN - bottom)
    for plane, place in zip(planes, arrange_panels(room, (x_mm, y_mm, z_mm)), strict=True):
        axes = _axes(figure, place)
        pixel_mm = (spacing_mm[plane.rows], spacing_mm[plane.columns])
        _draw_ct(axes, plane.of(hung(ct.voxels, ct.grid), ranges), pixel_mm)
        picture = classes_in(plane, seg, ranges)
        for key in sorted(picture.present(), key=lambda k: STRUCTURES[k].paint_order):
            _draw_structure(axes, picture.mask(key)[..., 0], pixel_mm, _colour(key))
        _draw_letters(axes, plane)
        _draw_scale(axes)


def _draw_ct(axes: Axes, hu: NDArray[Any], pixel_mm: tuple[float, float]) -> None:
    """Draw the CT in data coordinates of mm, origin at the upper left corner."""
    height_mm, width_mm = (n * mm for n, mm in zip(hu.shape, pixel_mm, strict=True))
    low, high = SOFT_TISSUE_HU
    grey = np.nan_to_num(hu.astype(np.float32), nan=low).clip(low, high)
    axes.imshow(
        grey,
        cmap="gray",
        vmin=low,
        vmax=high,
        extent=(0, width_mm, height_mm, 0),
        aspect="auto",
        interpolation="bicubic",
    )


def _draw_structure(
    axes: Axes, mask: NDArray[np.bool_], pixel_mm: tuple[float, float], colour: tuple[float, float, float]
) -> None:
    """Draw a translucent fill and a contour."""
    field = field_around(mask, fineness(pixel_mm))
    y, x = field.rows * pixel_mm[0], field.columns * pixel_mm[1]
    axes.contourf(x, y, field.values, levels=[field.level, 2.0], colors=[colour], alpha=FILL_OPACITY)
    axes.contour(x, y, field.values, levels=[field.level], colors=[colour], linewidths=LINE_WIDTH)


def _draw_letters(axes: Axes, plane: Plane) -> None:
    outline = [Stroke(linewidth=2.5, foreground=BACKGROUND), Normal()]
    near, far = _LETTER_EDGE, 1 - _LETTER_EDGE
    spots = ((near, 0.5, "left", "center"), (far, 0.5, "right", "center"))
    ends = ((0.5, far, "center", "top"), (0.5, near, "center", "bottom"))
    for letter, (x, y, ha, va) in zip(plane.letters, (*spots, *ends), strict=True):
        style: dict[str, Any] = {"color": TEXT, "fontsize": 12, "fontweight": "bold", "path_effects": outline}
        axes.text(x, y, letter, transform=axes.transAxes, ha=ha, va=va, **style)
    axes.set_title(plane.name, loc="left", color=FAINT_TEXT, fontsize=11, pad=5)


def _draw_scale(axes: Axes) -> None:
    """Draw a 5 cm scale bar in the lower right corner unless it would cover half of the picture."""
    width_mm, height_mm = axes.get_xlim()[1], axes.get_ylim()[0]
    if width_mm < 2 * SCALE_MM:
        return
    right, y = (1 - _SCALE_EDGE) * width_mm, height_mm - _SCALE_EDGE * width_mm
    outline = [Stroke(linewidth=4, foreground=BACKGROUND), Normal()]
    axes.plot([right - SCALE_MM, right], [y, y], color=TEXT, linewidth=2, solid_capstyle="butt", path_effects=outline)
    style: dict[str, Any] = {"color": TEXT, "fontsize": 9, "path_effects": outline}
    place: dict[str, Any] = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center", "va": "bottom"}
    axes.annotate(f"{SCALE_MM / 10:g} cm", (right - SCALE_MM / 2, y), **place, **style)


def _axes(figure: Figure, place: Panel) -> Axes:
    w, h = SIZE_IN
    axes = figure.add_axes((place.left / w, place.bottom / h, place.width / w, place.height / h))
    axes.set_axis_off()
    return axes


def _colour(key: str) -> tuple[float, float, float]:
    red, green, blue = (channel / 255 for channel in STRUCTURES[key].colour)
    return red, green, blue
