"""Writes the tables of `web/src/tables` from the Python package, so that the page states no rule a second time.

python web/tables.py, after a change of what it reads; tests/export/test_browser_tables.py says when.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.io.archive import unpack
from omentum.io.dicom import geometry, images, phases, pixels, series, tilt
from omentum.measure import class_trust, lesions
from omentum.quality import ct_facts, ct_flags, result_flags
from omentum.quality.limits import QUALITY_RULES

FOLDER = Path(__file__).parent / "src" / "tables"


def tables() -> dict[str, Any]:
    """File name -> content."""
    return {"dicom.json": _dicom(), "lesions.json": _lesions(), "quality.json": _quality(), "zip.json": _zip()}


def text_of(content: Any) -> str:
    """A table as it is written."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _dicom() -> dict[str, Any]:
    listed = resources.files("omentum.io.dicom.naming") / "words_of_ct.toml"
    words = tomllib.loads(listed.read_text(encoding="utf-8"))
    return {
        "max_side": images.MAX_SIDE,
        "max_frames": images.MAX_FRAMES,
        "most_mm": images.MOST_MM,
        "bits": list(images.BITS),
        "beside": images.BESIDE,
        "not_hu": images.NOT_HU,
        "hu_unit": images.HU_UNIT,
        "spacing_tolerance": geometry.SPACING_TOLERANCE,
        "spacing_tolerance_mm": geometry.SPACING_TOLERANCE_MM,
        "rounded": geometry.ROUNDED,
        "direction_tolerance": geometry.DIRECTION_TOLERANCE,
        "sideways_tolerance": geometry.SIDEWAYS_TOLERANCE,
        "least_mm": geometry.LEAST_MM,
        "most_gaps": geometry.MOST_GAPS,
        "tilt_degrees": series.TILT_DEGREES,
        "most_tilt_degrees": tilt.MOST_DEGREES,
        "most_rescale": pixels.MOST_RESCALE,
        "tissue_hu": [pixels.LEAST_TISSUE_HU, pixels.MOST_TISSUE_HU],
        "phases": [asdict(kind) for kind in phases.KINDS],
        "words": sorted({word for listed in words["words"].values() for word in listed.split()}),
        "patterns": list(words["patterns"].values()),
    }


def _lesions() -> dict[str, Any]:
    return {
        "host_reach_mm": lesions.HOST_REACH_MM,
        "same_lesion": lesions.SAME_LESION,
        "doubts": {trust.value: text for trust, text in class_trust.DOUBTS.items()},
    }


def _quality() -> dict[str, Any]:
    rules = QUALITY_RULES
    return {
        "volume_ml": {key: list(STRUCTURES[key].volume_ml) for key in STRUCTURES.keys},
        "hu": rules.hu,
        "right_to_left": rules.right_to_left,
        "order": [[rule.structure, rule.direction, rule.axis, rule.other] for rule in rules.order],
        "order_words": result_flags.WORDS,
        "margin_mm": rules.margin_mm,
        "expected_with": rules.expected_with,
        "removable": sorted(rules.removable),
        "single": sorted(rules.single),
        "fragment_share": rules.fragment_share,
        "overlaps": sorted(sorted(pair) for pair in rules.overlaps),
        "overlap_share": rules.overlap_share,
        "host_share": rules.host_share,
        "ct": asdict(rules.ct),
        "air_search_hu": ct_facts.AIR_SEARCH_HU,
        "least_air": ct_facts.LEAST_AIR,
        "looked_at": ct_facts.LOOKED_AT,
        "phase": rules.phase,
        "phase_names": rules.phase_names,
        "farthest_sds": ct_flags.FARTHEST_SDS,
        "least_evidence": ct_flags.LEAST_EVIDENCE,
        "clear_distance": ct_flags.CLEAR_DISTANCE,
        "mirror_rules": ct_flags.MIRROR_RULES,
    }


def _zip() -> dict[str, Any]:
    return {"max_entries": unpack.MAX_ENTRIES, "max_ratio": unpack.MAX_RATIO, "slack_bytes": unpack.SLACK_BYTES}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in tables().items():
        (FOLDER / name).write_text(text_of(content), encoding="utf-8")
