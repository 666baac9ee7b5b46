"""Quality assessment of a case: flags with reasons, a score per structure, a score for the case."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.json_values import from_json_values
from omentum.measure.csv_table import csv_text
from omentum.measure.lesions import Lesion
from omentum.measure.measures import StructureMeasure
from omentum.quality.body_size import body_size, body_size_flags
from omentum.quality.confidence import Confidence
from omentum.quality.ct_facts import ct_facts
from omentum.quality.ct_flags import ct_flags, input_warning_flags, mirrored_flags
from omentum.quality.flags import Flag, FlagCode, Severity, worst_first
from omentum.quality.limits import QUALITY_RULES
from omentum.quality.mask_features import MaskFeatures, mask_features
from omentum.quality.placement import place
from omentum.quality.result_flags import QualityEvidence, missing, result_flags
from omentum.quality.score import ScoreModel, anomaly_scores, bundled_model, group_of
from omentum.segmentation import Segmentation
from omentum.volume import Volume

AT_ONCE = 2
"""Number of structures processed in parallel; each needs memory of its own."""
LARGE_VOXELS = 2**25
"""A structure whose bounding box has more voxels is processed alone."""
CSV_COLUMNS = ("case", "case_score", "structure", "score", "reasons", "flags")


@dataclass(frozen=True)
class StructureQuality:
    """Quality of one structure that was found.

    Args:
        score: Probability that its Dice is 0.7 or more, 0..1.
        reasons: The features (`score.FEATURES`) that lower it most, worst first.
        confidence: Confidence of the network; None for masks from other sources.
    """

    score: float
    reasons: tuple[str, ...]
    confidence: Confidence | None

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        confidence = self.confidence.to_json() if self.confidence else None
        return {"score": round(self.score, 4), "reasons": list(self.reasons), "confidence": confidence}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> StructureQuality:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


@dataclass(frozen=True)
class Quality:
    """Quality of one case.

    Args:
        flags: Flags, most severe first.
        structures: Quality of the structures that were found, by key.
        missing_structures: Keys of structures that are expected but missing, and rarely resected.
    """

    flags: tuple[Flag, ...]
    structures: Mapping[str, StructureQuality]
    missing_structures: tuple[str, ...] = field(default=())

    @property
    def score(self) -> float | None:
        """Mean score over the structures, counting `missing_structures` as 0; None if there are neither."""
        scores = [q.score for q in self.structures.values()] + [0.0] * len(self.missing_structures)
        return sum(scores) / len(scores) if scores else None

    def to_json(self) -> dict[str, Any]:
        """Quality section of measurements.json, as JSON values."""
        of_each = {key: q.to_json() for key, q in self.structures.items()}
        score = None if self.score is None else round(self.score, 4)
        return {"score": score, "flags": [flag.to_json() for flag in self.flags], "structures": of_each}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Quality:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        flags = tuple(map(Flag.from_json, raw["flags"]))
        structures = {key: StructureQuality.from_json(one) for key, one in raw["structures"].items()}
        return cls(flags, structures, _missing(flags))

    def summary(self) -> dict[str, Any]:
        """Summary for the manifest: score of the case, and number of flags by code."""
        codes = Counter(flag.code for flag in self.flags)
        return {"score": None if self.score is None else round(self.score, 4), "flags": dict(codes)}


def gather_evidence(
    ct: Volume,
    seg: Segmentation,
    measures: Sequence[StructureMeasure],
    lesions: Sequence[Lesion],
    *,
    middle_mm: float | None,
    confidence: Mapping[str, Confidence] | None = None,
) -> QualityEvidence:
    """Compute all features of a result that flags and scores need.

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        measures: Measures of `seg`, every class.
        lesions: Lesions of `seg`.
        middle_mm: x of the body's centroid in mm, growing to the patient's right; see `CtFacts`.
        confidence: Confidence of the network, by key.
    """
    boxes, by_key = seg.boxes(), {m.key: m for m in measures}
    found = [m for m in measures if m.found]
    seen = _seen(ct, seg, found, boxes)
    features = {m.key: seen[m.key] for m in found}
    assert seg.annotated is not None
    return QualityEvidence(by_key, features, place(measures, middle_mm), lesions, confidence or {}, seg.annotated)


def _seen(
    ct: Volume, seg: Segmentation, found: Sequence[StructureMeasure], boxes: Mapping[str, Box]
) -> dict[str, MaskFeatures]:
    """Mask features by key; large structures run in sequence, small ones in parallel."""
    small, large = list[StructureMeasure](), list[StructureMeasure]()
    for m in found:
        voxels = math.prod(s.stop - s.start for s in boxes[m.key])
        (large if voxels > LARGE_VOXELS else small).append(m)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        seen = dict(threads.map(lambda m: (m.key, mask_features(ct, seg, m, boxes[m.key])), small))
    return seen | {m.key: mask_features(ct, seg, m, boxes[m.key]) for m in large}


def anomalies(case: QualityEvidence, key: str, model: ScoreModel) -> NDArray[np.float64]:
    """Anomaly of a structure in each feature, see `anomaly_scores`."""
    pair = case.measures.get(STRUCTURES[key].pair or "")
    usual = model.usual.get(group_of(key), {})
    return anomaly_scores(case.measures[key], case.features[key], case.placement, pair, usual)


def assess_quality(
    ct: Volume,
    seg: Segmentation,
    measures: Sequence[StructureMeasure],
    lesions: Sequence[Lesion],
    *,
    confidence: Mapping[str, Confidence] | None = None,
    input_warnings: Iterable[str] = (),
    clearer_mirrored: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> Quality:
    """Assess a case: flags and scores.

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        measures: Measures of `seg`, every class.
        lesions: Lesions of `seg`.
        confidence: Confidence of the network, by key.
        input_warnings: Warnings from reading the CT.
        clearer_mirrored: Mean probability, as stored and mirrored, of structures that the network recognises better in
            the mirror image; empty if it does not.
    """
    facts = ct_facts(ct, QUALITY_RULES.ct)
    case = gather_evidence(ct, seg, measures, lesions, middle_mm=facts.middle_mm, confidence=confidence)
    flags = [
        *input_warning_flags(list(input_warnings)),
        *ct_flags(facts, case.found, case.placement),
        *body_size_flags(body_size(ct, QUALITY_RULES.ct.body_hu), ct.spacing_mm),
        *mirrored_flags(case.found, case.placement, clearer_mirrored),
        *result_flags(case),
    ]
    model = bundled_model()
    structures = {key: _structure(case, key, model) for key in case.found}
    return Quality(worst_first(flags), structures, _missing(missing(case)))


def _missing(flags: Iterable[Flag]) -> tuple[str, ...]:
    """Missing structures that are rarely resected, in the order of the flags."""
    return tuple(f.structure for f in flags if f.code is FlagCode.MISSING and f.severity is not Severity.INFO)


def quality_csv(quality_by_case: Mapping[str, Quality]) -> str:
    """Format as CSV, one row per structure, worst case first and worst structure first within a case.

    Flags about the case as a whole are in a row without a structure; a case without structures comes first.
    """
    ranked = sorted(quality_by_case.items(), key=lambda item: (_as_in_files(item[1].score), item[0]))
    return csv_text([row for case, quality in ranked for row in _rows(case, quality)], CSV_COLUMNS)


def _rows(case: str, quality: Quality) -> list[dict[str, Any]]:
    score = None if quality.score is None else round(quality.score, 4)
    ranked = sorted(quality.structures.items(), key=lambda item: (_as_in_files(item[1].score), item[0]))
    lines: list[tuple[str, float | None, tuple[str, ...]]] = [("", None, ())]
    lines += [(key, 0.0, ()) for key in quality.missing_structures]
    lines += [(key, round(q.score, 4), q.reasons) for key, q in ranked]
    flags = {key: " ".join(dict.fromkeys(f.code for f in quality.flags if f.structure == key)) for key, _, _ in lines}
    rows = [(case, score, key, own, " ".join(why), flags[key]) for key, own, why in lines]
    return [dict(zip(CSV_COLUMNS, row, strict=True)) for row in rows]


def _as_in_files(score: float | None) -> float:
    """Score rounded as in files, so that a case read back from its files sorts the same."""
    return -1.0 if score is None else round(score, 4)


def _structure(case: QualityEvidence, key: str, model: ScoreModel) -> StructureQuality:
    features, sure = anomalies(case, key, model), case.confidence.get(key)
    score = model.score(features)
    # The model is calibrated on masks alone; the score must not exceed the network's own confidence.
    if sure is not None and sure.mean_probability is not None:
        score = min(score, sure.mean_probability)
    return StructureQuality(score, model.reasons(features), sure)
