"""Detection of predictions made by weights that were trained on the same scan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from omentum.evaluate.pairing import Pair
from omentum.formatting import listed
from omentum.result_files import MANIFEST


def seen_in_training(pairs: Sequence[Pair]) -> str | None:
    """One line about cases whose manifest says that the weights were trained on the scan; None if there are none."""
    seen = [pair.name for pair in pairs if pair.prediction and _trained_on(pair.prediction.with_name(MANIFEST))]
    return f"evaluated on scans that the weights were trained on: {listed(seen, quoted=True)}" if seen else None


def _trained_on(manifest: Path) -> bool:
    try:
        return bool(json.loads(manifest.read_bytes())["weights"]["trained_on_this_scan"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # a foreign prediction, or weights without this information
