"""Numbers as a reader wants them."""

from __future__ import annotations

PARTLY = "†"
"""Marks a structure that reaches the edge of the image."""


def volume(volume_ml: float) -> str:
    """Three digits that matter, no more."""
    digits = 0 if volume_ml >= 100 else 1 if volume_ml >= 1 else 2
    return f"{volume_ml:,.{digits}f} ml"


def number(value: float | None, digits: int = 0) -> str:
    """Rounded, with a true minus; a dash for what is not known."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
    return text.replace("-", "\N{MINUS SIGN}")


def mm(value: float | None) -> str:
    """Millimetres, to a tenth."""
    return "–" if value is None else f"{number(value, 1)} mm"


def hu(mean: float | None, sd: float | None) -> str:
    """Mean and standard deviation in HU."""
    return f"{number(mean)} ± {number(sd)}"
