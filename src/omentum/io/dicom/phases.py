"""Series with several images at each position, such as the phases of a heart beat: told apart by one attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omentum.io.dicom.slices import Slice


@dataclass(frozen=True)
class PhaseAttribute:
    """An attribute that may tell the images at one position apart.

    Args:
        keywords: Of single and of multi-frame images.
        words: For messages.
        is_shown: Whether its values may be shown; times are not.
        unit: Follows a value.
    """

    keywords: tuple[str, ...]
    words: str
    is_shown: bool = True
    unit: str = ""


KINDS = (
    PhaseAttribute(("TemporalPositionIdentifier", "TemporalPositionIndex"), "time point"),
    PhaseAttribute(("NominalPercentageOfCardiacPhase",), "cardiac phase", unit=" %"),
    PhaseAttribute(("NominalPercentageOfRespiratoryPhase",), "respiratory phase", unit=" %"),
    PhaseAttribute(("TriggerTime", "NominalCardiacTriggerDelayTime"), "trigger delay", unit=" ms"),
    PhaseAttribute(("AcquisitionNumber", "FrameAcquisitionNumber"), "acquisition"),
    PhaseAttribute(("StackID",), "stack"),
    PhaseAttribute(("FrameType", "ImageType"), "image type"),
    PhaseAttribute(("ConvolutionKernel",), "kernel"),
    PhaseAttribute(("KVP",), "tube voltage", unit=" kV"),
    PhaseAttribute(("AcquisitionTime", "FrameAcquisitionDateTime"), "acquisition time", is_shown=False),
    PhaseAttribute(("ContentTime",), "content time", is_shown=False),
)
"""The first one that leaves one image at each position is used."""


@dataclass(frozen=True)
class Phase:
    """The images of a series that have one value of an attribute.

    Args:
        words: For messages, e.g. "cardiac phase 40 %" or "acquisition time 2 of 3".
        value: As stored; never shown.
        slices: Its images.
    """

    words: str
    value: str
    slices: tuple[Slice, ...]


def phases_of(slices: Sequence[Slice]) -> tuple[Phase, ...]:
    """Split a series by the first attribute that leaves one image at each position.

    Returns:
        At least two phases in the order of their values; nothing if no position repeats, if only copies do, or if no
        attribute explains it.
    """
    if not _repeats(slices):
        return ()
    for number, kind in enumerate(KINDS):
        values = sorted({one.kinds[number] for one in slices}, key=_by_number)
        if len(values) < 2:
            continue
        split = [tuple(one for one in slices if one.kinds[number] == value) for value in values]
        if not any(_repeats(members) for members in split):
            words = [f"{kind.words} {_shown(kind, value, values)}" for value in values]
            return tuple(Phase(*phase) for phase in zip(words, values, split, strict=True))
    return ()


def _repeats(slices: Sequence[Slice]) -> bool:
    """Whether two images that are no copies of each other lie at one position."""
    places: dict[tuple[float, ...], tuple[str, int]] = {}
    for one in slices:
        if one.position_mm is None:
            continue
        place, image = tuple(np.round(one.position_mm, 2)), (one.identity.uid, one.frame_index)
        if places.setdefault(place, image) != image:
            return True
    return False


def _shown(kind: PhaseAttribute, value: str, values: Sequence[str]) -> str:
    if not kind.is_shown:
        return f"{values.index(value) + 1} of {len(values)}"
    return f"{value or 'not stated'}{kind.unit if value else ''}"


def _by_number(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value
