"""The DICOM objects among the results of a case, which go back to where its CT came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from omentum.errors import UsageError
from omentum.pipeline.options import OutputFormat, SaveOptions
from omentum.result_files import MANIFEST

ALWAYS = (OutputFormat.DICOM_SEG, OutputFormat.DICOM_SR)


def with_dicom(save: SaveOptions) -> SaveOptions:
    """The outputs, with a DICOM segmentation and a report.

    Raises:
        UsageError: They would not belong to the patient and study that they go back to.
    """
    if save.deidentify:
        reason = "results without identity cannot go back to where their CT came from"
        raise UsageError(reason, remedy="leave out --deidentify, or --stow and --send-to")
    return replace(save, formats=(*save.formats, *ALWAYS))


def dicom_results(folder: Path) -> list[Path]:
    """DICOM objects in a case folder, as its manifest lists them; none where no structure was found."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return [path for name in manifest.get("dicom", {}) if (path := folder / name).is_file()]
