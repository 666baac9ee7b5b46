"""Numbers and counts as a reader wants them."""

from __future__ import annotations

PARTLY = "†"
"""LabelBits a structure that reaches the edge of the image."""
LONG_S = 3 * 3600.0
"""More than this is told in hours."""


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


def counted(n: int, noun: str) -> str:
    """1 case, 2 cases."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def time_left(seconds: float) -> str:
    """ ", about 4 min left"."""
    if seconds >= LONG_S:
        return f", about {seconds / 3600:.0f} h left"
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"
