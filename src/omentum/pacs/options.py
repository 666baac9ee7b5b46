"""Options of DICOM over the network; the command line is generated from them. Nothing slow is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.option_fields import Group, option

TOKEN_VARIABLE = "OMENTUM_DICOMWEB_TOKEN"


@dataclass(frozen=True)
class DicomWebOptions:
    """Options for inputs with a DICOMweb address.

    Args:
        token_file: File with the token of the server; by default the environment variable `TOKEN_VARIABLE`.
    """

    token_file: Path | None = field(
        default=None,
        metadata=option(
            "token of a DICOMweb server; else the variable " + TOKEN_VARIABLE,
            Group.INPUT,
            kind=Path,
            metavar="FILE",
            is_rare=True,
        ),
    )
