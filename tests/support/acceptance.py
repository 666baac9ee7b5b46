"""Acceptance of corrections in the round of the fixture `here`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from annotation_round import grown, masks_of, put_corrected

from omentum.annotate.accept.api import accept_corrections
from omentum.annotate.accept.judge import AcceptStatus
from omentum.annotate.accept.options import AcceptOptions
from omentum.io.truth import read_case

ACCEPTED, UNCHANGED, KNOWN, REFUSED = AcceptStatus
ORIGINAL = Path("round/proposals/ct_0.seg.nrrd")
SAVED = Path("corrected/ct_0.seg.nrrd")
BY = "A. Miller"


def accept(*paths, **options):
    by = options.pop("by", BY)
    done = accept_corrections("round", [Path(p) for p in paths or (SAVED,)], by, AcceptOptions(**options))
    return {(one.case, one.structure): one for one in done.outcomes}


def statuses(outcomes):
    return {key: one.status for (_, key), one in outcomes.items()}


def wider_liver() -> np.ndarray:
    return grown(masks_of(ORIGINAL)["liver"])


def corrected() -> np.ndarray:
    """A corrected liver, saved under the name of its case."""
    put_corrected(ORIGINAL, SAVED, liver=wider_liver())
    return wider_liver()


def accepted(key: str = "liver", case: str = "ct_0") -> np.ndarray:
    _, labels, _ = read_case(Path("round/accepted") / case)
    return labels.mask(key)
