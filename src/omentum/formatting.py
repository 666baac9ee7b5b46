"""Numbers, lengths, volumes and times formatted for readers."""

from __future__ import annotations

from collections.abc import Sequence

PARTLY = "†"
"""Marks a structure that reaches the edge of the image."""
LISTED = 5
"""So many names of a longer list are told."""
LONG_S = 3 * 3600.0
"""Longer times are given in hours."""
_SIZES = ("B", "kB", "MB", "GB", "TB")


def volume(volume_ml: float) -> str:
    """A volume in ml with three significant digits."""
    digits = 0 if volume_ml >= 100 else 1 if volume_ml >= 1 else 2
    return f"{volume_ml:,.{digits}f} ml"


def number(value: float | None, digits: int = 0) -> str:
    """A rounded number with a typographic minus sign; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
    return text.replace("-", "\N{MINUS SIGN}")


def mm(value: float | None) -> str:
    """A length in mm with one decimal; a dash for None."""
    return "–" if value is None else f"{number(value, 1)} mm"


def hu(mean: float | None, sd: float | None) -> str:
    """Mean and standard deviation of an attenuation, in HU."""
    return f"{number(mean)} ± {number(sd)}"


def counted(n: int, noun: str) -> str:
    """A count with its noun: "1 case", "2 cases"."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[object], most: int = LISTED, *, quoted: bool = False) -> str:
    """The first few names, and the number of the others: "a, b and 3 more".

    Args:
        names: Anything with a text.
        most: So many are named.
        quoted: Write them in quotation marks.
    """
    shown = ", ".join(map(repr if quoted else str, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def time_left(seconds: float) -> str:
    """Remaining time as in ", about 4 min left"."""
    if seconds >= LONG_S:
        return f", about {seconds / 3600:.0f} h left"
    return f", about {duration(seconds)} left"


def size(size_bytes: float) -> str:
    """A size in bytes with its unit: "15.7 MB"."""
    for unit in _SIZES[:-1]:
        if size_bytes < 1000:
            return f"{size_bytes:.1f} {unit}" if unit != "B" else f"{size_bytes:.0f} B"
        size_bytes /= 1000
    return f"{size_bytes:.1f} {_SIZES[-1]}"


def duration(seconds: float) -> str:
    """A time without false precision: "8 s", "4 min", "2.5 h"."""
    if seconds >= LONG_S:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
