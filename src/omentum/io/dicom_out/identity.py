"""Identifiers of one set of DICOM objects written together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omentum.io.dicom_out.deidentify import deidentify

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


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
        is_deidentified: Whether the object must not tell whose it is.
    """

    series_number: int
    description: str
    series: str = field(default_factory=_new_uid)
    instance: str = field(default_factory=_new_uid)
    is_deidentified: bool = False

    def finish(self, dataset: Dataset) -> None:
        """Last step before an object is written."""
        if self.is_deidentified:
            deidentify(dataset)

    def arguments(self) -> dict[str, Any]:
        """Arguments of highdicom's constructors."""
        return {
            "series_instance_uid": self.series,
            "series_number": self.series_number,
            "series_description": self.description,
            "sop_instance_uid": self.instance,
            "instance_number": 1,
        }
