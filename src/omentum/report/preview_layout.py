"""Where the three pictures go on a slide so that they fill it, in true proportions."""

from __future__ import annotations

from dataclasses import dataclass

GAP_IN, CAPTION_IN = 0.25, 0.3


@dataclass(frozen=True)
class Panel:
    """A rectangle on the slide, in inches from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Square inches."""
        return self.width * self.height


Panels = tuple[Panel, Panel, Panel]
Extent = tuple[float, float, float]


def arrange_panels(room: Panel, extent_mm: Extent) -> Panels:
    """Panels for axial, coronal and sagittal pictures, each with `CAPTION_IN` free above it.

    Args:
        room: What there is.
        extent_mm: Of the shown part of the scan: right-left, anterior-posterior, superior-inferior.

    Returns:
        Whichever fills more of the room: all in a row, or (few slices) the two flat pictures above one another.
    """
    return max(_row(room, extent_mm), _stack(room, extent_mm), key=lambda places: sum(p.area for p in places))


def _row(room: Panel, extent_mm: Extent) -> Panels:
    x, y, z = extent_mm
    width, height = room.width - 2 * GAP_IN, room.height - CAPTION_IN
    axial, others = _scales(width, (x, x + y), (height / y, height / z))
    left = room.left + (width - axial * x - others * (x + y)) / 2
    # Hung from one line, the row as a whole in the middle.
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
    # The pair is as high as its two pictures and the caption between them, centred beside the axial picture.
    lower = middle - others * z - (GAP_IN + CAPTION_IN) / 2
    upper = middle + (GAP_IN + CAPTION_IN) / 2
    return (
        Panel(left, middle - axial * y / 2, axial * x, axial * y),
        Panel(right, upper, others * x, others * z),
        Panel(right, lower, others * y, others * z),
    )


def _scales(width: float, widths_mm: tuple[float, float], limits: tuple[float, float]) -> tuple[float, float]:
    """Inches per mm of the axial picture and of the others: equal if both fit, else each as large as there is room."""
    common = min(width / sum(widths_mm), *limits)
    axial = min(limits[0], (width - common * widths_mm[1]) / widths_mm[0])
    return axial, min(limits[1], (width - axial * widths_mm[0]) / widths_mm[1])
