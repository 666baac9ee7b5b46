"""Identifiers of one set of DICOM objects written together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def _new_uid() -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid())


@dataclass(frozen=True)
class ObjectIdentity:
    """Identifiers of one object; each is in a series of its own. UIDs are random.

    Args:
        series_number: Number of its series.
        description: Description of its series.
        series, instance: UIDs.
    """

    series_number: int
    description: str
    series: str = field(default_factory=_new_uid)
    instance: str = field(default_factory=_new_uid)

    def arguments(self) -> dict[str, Any]:
        """Arguments of highdicom's constructors."""
        return {
            "series_instance_uid": self.series,
            "series_number": self.series_number,
            "series_description": self.description,
            "sop_instance_uid": self.instance,
            "instance_number": 1,
        }
