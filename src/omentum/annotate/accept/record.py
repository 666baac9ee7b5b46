"""The record of a correction that is accepted: whose it is, of which file, and how much it changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.annotate.accept.judge import Verdict
from omentum.data.correction_records import CorrectionRecord
from omentum.data.corrections import mask_sha256
from omentum.pipeline.manifest import sha256_of

Mask = NDArray[np.bool_]


def record_of(
    key: str, mask: Mask, proposal: Mask, verdict: Verdict, *, by: str, file: Path, called: str
) -> CorrectionRecord:
    """Record a corrected mask as accepted now.

    Args:
        key: Structure key.
        mask: The corrected mask, bool [i, j, k].
        proposal: The proposed mask.
        verdict: Of `judge` on the two.
        by: Name of the person.
        file: The file that the mask came from.
        called: Name by which the record knows this file.
    """
    return CorrectionRecord(
        structure=key,
        by=by,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        file=called,
        file_sha256=sha256_of(file),
        mask_sha256=mask_sha256(mask),
        voxels=int(np.count_nonzero(mask)),
        proposed_voxels=int(np.count_nonzero(proposal)),
        changed_voxels=verdict.changed_voxels,
        replaced=verdict.replaced,
    )
