"""Layout of the three pictures on a slide: fill it and keep true proportions."""

from __future__ import annotations

from dataclasses import dataclass

GAP_IN, CAPTION_IN = 0.25, 0.3


@dataclass(frozen=True)
class Panel:
    """Rectangle on the slide, in inches from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Area in square inches."""
        return self.width * self.height


Panels = tuple[Panel, Panel, Panel]
Extent = tuple[float, float, float]


def arrange_panels(room: Panel, extent_mm: Extent) -> Panels:
    """Arrange panels for axial, coronal and sagittal pictures, each with `CAPTION_IN` free above it.

    Args:
        room: Available rectangle.
        extent_mm: Extent of the shown part of the scan: right-left, anterior-posterior, superior-inferior.

    Returns:
        The layout that fills more of the rectangle: all in a row, or (few slices) coronal above sagittal.
    """
    return max(_row(room, extent_mm), _stack(room, extent_mm), key=lambda places: sum(p.area for p in places))


def _row(room: Panel, extent_mm: Extent) -> Panels:
    x, y, z = extent_mm
    width, height = room.width - 2 * GAP_IN, room.height - CAPTION_IN
    axial, others = _scales(width, (x, x + y), (height / y, height / z))
    left = room.left + (width - axial * x - others * (x + y)) / 2
    # Aligned at the top, with the row centred.
    top = room.bottom + (height + max(axial * y, others * z)) / 2
    places = []
    for scale, w, h in ((axial, x, y), (others, x, z), (others, y, z)):
        places.append(Panel(left, top - scale * h, scale * w, scale * h))
        left += scale * w + GAP_IN
    return places[0], places[1], places[2]


def _stack(room: Panel, extent_mm: Extent) -> Panels:
    x, y, z = extent_mm
    width, height = room.width - GAP_IN, room.height - CAPTION_IN
    flat_height = (height - CAPTION_IN - GAP_IN) / 2
    axial, others = _scales(width, (x, max(x, y)), (height / y, flat_height / z))
    left = room.left + (width - axial * x - others * max(x, y)) / 2
    right, middle = left + axial * x + GAP_IN, room.bottom + height / 2
    # The pair is as high as its two pictures and one caption, centred beside the axial picture.
    lower = middle - others * z - (GAP_IN + CAPTION_IN) / 2
    upper = middle + (GAP_IN + CAPTION_IN) / 2
    return (
        Panel(left, middle - axial * y / 2, axial * x, axial * y),
        Panel(right, upper, others * x, others * z),
        Panel(right, lower, others * y, others * z),
    )


def _scales(width: float, widths_mm: tuple[float, float], limits: tuple[float, float]) -> tuple[float, float]:
    """Inches per mm of the axial picture and of the others: equal if both fit, otherwise each as large as possible."""
    common = min(width / sum(widths_mm), *limits)
    axial = min(limits[0], (width - common * widths_mm[1]) / widths_mm[0])
    return axial, min(limits[1], (width - axial * widths_mm[0]) / widths_mm[1])
