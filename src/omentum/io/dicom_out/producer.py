"""What made a DICOM object: the software, its weights, and the identification of its algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omentum.io.dicom.maker import MANUFACTURER, MODEL_NAME

_UNKNOWN = "unknown"
_LONGEST = 64
"""Characters of a DICOM long string (VR LO)."""


@dataclass(frozen=True)
class Producer:
    """Software and weights.

    Args:
        version: Version of the software.
        weights: Name of the weights; "" if they have none.
        weights_sha256: Hash of their values.
    """

    version: str
    weights: str = ""
    weights_sha256: str = _UNKNOWN

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> Producer:
        """Read from a case's manifest."""
        weights = manifest.get("weights", {})
        version = manifest.get("versions", {}).get("omentum", _UNKNOWN)
        return cls(str(version), str(weights.get("name") or ""), str(weights.get("sha256") or _UNKNOWN))

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters of the algorithm: its weights by name and hash."""
        named = {"weights": self.weights} if self.weights else {}
        return named | {"weights_sha256": self.weights_sha256}

    def equipment(self) -> dict[str, Any]:
        """Arguments of highdicom's constructors for the equipment; its serial number is the hash of the weights."""
        return {
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": MODEL_NAME,
            "software_versions": self.version[:_LONGEST],
            "device_serial_number": self.weights_sha256[:_LONGEST],
        }

    def algorithm(self) -> Any:
        """`highdicom.AlgorithmIdentificationSequence`."""
        import highdicom
        from pydicom.sr.codedict import codes

        return highdicom.AlgorithmIdentificationSequence(
            name=MODEL_NAME,
            family=codes.DCM.ArtificialIntelligence,
            version=self.version[:_LONGEST],
            source=MANUFACTURER,
            parameters=self.parameters,
        )
