"""The DICOM objects among the results of a case."""

from __future__ import annotations

import json
from pathlib import Path

from omentum.result_files import MANIFEST


def dicom_results(folder: Path) -> list[Path]:
    """DICOM objects in a case folder, as its manifest lists them; none where no structure was found."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return [folder / name for name in manifest.get("dicom", {})]
