"""Names by which the DICOM objects of this package are known again."""

from __future__ import annotations

from typing import Any

MANUFACTURER = "Omentum contributors"
MODEL_NAME = "Omentum"


def is_ours(dataset: Any) -> bool:
    """Whether this package wrote an object, in which organs include their lesions already."""
    return str(dataset.get("ManufacturerModelName")) == MODEL_NAME
