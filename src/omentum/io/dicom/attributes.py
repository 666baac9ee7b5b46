"""Attributes of one image: of a data set, or of a frame of a multi-frame image with its functional groups.

Values are checked as they are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from omentum.io.dicom.damage import DamagedHeaderError, damage_errors
from omentum.io.dicom.naming.words_of_ct import words_of_ct

HASH_DIGITS = 16
"""Digits of a hash, enough to distinguish frames of reference."""

_IDENTIFYING = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID", "OtherPatientIDs")


class Attributes:
    """Attributes of an image; those of a frame come before those of all frames, and these before the image's own.

    Args:
        dataset: The image.
        frame: Index of a frame of a multi-frame image; None for the image itself.
    """

    def __init__(self, dataset: Any, frame: int | None = None) -> None:
        self._dataset = dataset
        self._groups = [] if frame is None else list(_functional_groups(dataset, frame))

    def get(self, name: str, default: Any = None) -> Any:
        """Value of an attribute by its keyword; None or the default if it is missing or empty.

        Raises:
            DamagedHeaderError: It is no value of its type.
        """
        tag = _tag_of(name)
        for group in (*self._groups, self._dataset):
            if tag in group and (value := _value(group, tag, name)) is not None and value != "":
                return value
        return default

    def numbers(self, name: str, count: int) -> tuple[float, ...] | None:
        """Exactly `count` numbers; None if missing.

        Raises:
            DamagedHeaderError: It holds something else.
        """
        stored = self.get(name)
        if stored is None:
            return None
        values = [stored] if isinstance(stored, (int, float, str)) else list(stored)
        if len(values) != count:
            raise DamagedHeaderError(f"{name} has {len(values)} numbers, expected {count}")
        return tuple(_number(value, name) for value in values)

    def number(self, name: str) -> float | None:
        """A number; None if missing."""
        stored = self.get(name)
        return None if stored is None else _number(stored, name)

    def whole(self, name: str) -> int | None:
        """A whole number; None if missing."""
        stored = self.get(name)
        return None if stored is None else int(_number(stored, name))

    def hashed(self, what: str, *names: str) -> str | None:
        """Hash of texts, different for every `what`; None if all are missing."""
        text = " ".join(str(self.get(name, "")).strip() for name in names)
        return short_hash(f"{what} {text}") if text.strip() else None

    def description(self, name: str) -> str:
        """Words of CT in a free text, without parts of the patient's name and ids; see `words_of_ct`."""
        known = " ".join(str(self.get(field, "")) for field in _IDENTIFYING)
        return words_of_ct(str(self.get(name, "")), hidden=known)


def short_hash(text: str) -> str:
    """Digits by which something that must not be shown can be told apart."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:HASH_DIGITS]


def n_frames_of(dataset: Any) -> int:
    """Number of frames; 1 if not stated.

    Raises:
        DamagedHeaderError: Not a positive number.
    """
    count = Attributes(dataset).whole("NumberOfFrames")
    if count is not None and count < 0:
        raise DamagedHeaderError(f"{count} frames")
    return count or 1


def _value(group: Any, tag: Any, name: str) -> Any:
    try:
        return group[tag].value
    except damage_errors() as fault:
        raise DamagedHeaderError(f"{name} cannot be read") from fault


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except damage_errors() as fault:
        raise DamagedHeaderError(f"{name} is no number") from fault
    return number


@lru_cache
def _tag_of(keyword: str) -> Any:
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return Tag(tag)


def _functional_groups(dataset: Any, frame: int) -> Iterator[Any]:
    """First items of the functional groups of a frame, then of those shared by all (PS3.3 C.7.6.16)."""
    per_frame, shared = (dataset.get(f"{kind}FunctionalGroupsSequence") for kind in ("PerFrame", "Shared"))
    for groups in (per_frame and per_frame[frame], shared and shared[0]):
        for element in groups or ():
            if element.VR == "SQ" and element.value:
                yield element.value[0]
