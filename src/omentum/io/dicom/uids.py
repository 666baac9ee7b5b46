"""UIDs of the DICOM standard (PS3.6, annex A) that more than one module needs."""

from __future__ import annotations

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_CONVERTED_ENHANCED_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2.2"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
"""Of bits or fractions."""
LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DICOMDIR = "1.2.840.10008.1.3.10"

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
UNCOMPRESSED = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
"""Transfer syntaxes: implicit and explicit value representation, little endian; explicit, big endian; explicit and
deflated. See PS3.5 A.1 to A.5."""
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG = "1.2.840.10008.1.2.4.5"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.8"
JPEG_2000 = "1.2.840.10008.1.2.4.9"
HIGH_THROUGHPUT_JPEG_2000 = "1.2.840.10008.1.2.4.20"
RLE = "1.2.840.10008.1.2.5"
"""Compressed transfer syntaxes; JPEG, JPEG_LS, JPEG_2000 and HIGH_THROUGHPUT_JPEG_2000 are prefixes of several."""

UNKNOWN = "unknown"
"""Instead of the name of a UID that is not registered."""


def registered_name(uid: str) -> str:
    """Name of a registered UID; private ones may identify a site and are not shown."""
    from pydicom.uid import UID

    name = UID(uid).name
    return name if name and name != uid else UNKNOWN
