"""A slice of a case as a small picture: embedded grey values with the outlines of structures on top."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.report.contours import fineness, svg_path
from omentum.report.planes import Plane, Range, classes_in, hung, hung_spacing_mm
from omentum.segmentation import Segmentation
from omentum.volume import Volume

Window = tuple[float, float]
SOFT_TISSUE_HU: Window = (-160.0, 240.0)
"""Level 40, width 400."""
LUNG_HU: Window = (-1350.0, 150.0)
"""Level -600, width 1500."""

UNITS_PER_MM = 2.0
MOST_PIXELS = 512
"""Maximum length of the longer side in pixels; larger slices are downsampled."""
WEBP_QUALITY = 78
_WEBP_EFFORT = 2


@dataclass(frozen=True)
class Picture:
    """Slice with outlines. Lengths are in picture units, `UNITS_PER_MM` per mm.

    Args:
        webp: Grey values, stretched to width and height when shown.
        width, height: Size of the picture.
        outlines: Structure key -> SVG path data, in drawing order.
    """

    webp: bytes
    width: float
    height: float
    outlines: Mapping[str, str]


def take_picture(
    case: tuple[Volume, Segmentation],
    plane: Plane,
    ranges: Sequence[Range],
    *,
    keys: Collection[str] | None = None,
    window_hu: Window = SOFT_TISSUE_HU,
) -> Picture:
    """Render a plane within ranges of the display axes (see `planes`).

    Args:
        case: CT in HU, and a segmentation on its grid.
        plane: Slice to render.
        ranges: Range shown along each display axis.
        keys: Structures to outline; all by default.
        window_hu: HU shown as black and as white.
    """
    ct, seg = case
    spacing_mm = hung_spacing_mm(ct.grid)
    hu = plane.of(hung(ct.voxels, ct.grid), ranges)
    here = classes_in(plane, seg, ranges)
    wanted = here.present() if keys is None else here.present() & set(keys)
    seen = sorted(wanted, key=lambda k: STRUCTURES[k].paint_order)
    masks = {key: here.mask(key)[..., 0] for key in seen}
    return outlined(hu, masks, (spacing_mm[plane.rows], spacing_mm[plane.columns]), window_hu)


def outlined(
    hu: NDArray[Any], masks: Mapping[str, NDArray[np.bool_]], pixel_mm: tuple[float, float], window_hu: Window
) -> Picture:
    """Render a slice with outlines.

    Args:
        hu: HU, shape (rows, columns).
        masks: Name -> non-empty mask of that shape, in drawing order.
        pixel_mm: Height and width of a pixel.
        window_hu: HU shown as black and as white.
    """
    pixel_units = (pixel_mm[0] * UNITS_PER_MM, pixel_mm[1] * UNITS_PER_MM)
    outlines = {name: svg_path(mask, pixel_units, fineness(pixel_mm)) for name, mask in masks.items()}
    height, width = (n * units for n, units in zip(hu.shape, pixel_units, strict=True))
    return Picture(_webp(hu, window_hu), width, height, outlines)


def window_of(organ: str | None) -> Window:
    """Display window for an organ, or for lesions and vessels in it."""
    return LUNG_HU if (organ or "").endswith("lung") else SOFT_TISSUE_HU


def _webp(hu: NDArray[Any], window_hu: Window) -> bytes:
    from PIL import Image

    low, high = window_hu
    grey = (np.nan_to_num(hu.astype(np.float32), nan=low).clip(low, high) - low) * (255 / (high - low))
    picture = Image.fromarray(np.rint(grey).astype(np.uint8))
    picture.thumbnail((MOST_PIXELS, MOST_PIXELS), Image.Resampling.BOX)
    if max(picture.size) < MOST_PIXELS // 2:  # interpolation in browsers is worse
        picture = picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=WEBP_QUALITY, method=_WEBP_EFFORT)
    return out.getvalue()
