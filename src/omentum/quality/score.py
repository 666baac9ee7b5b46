"""Probability that a mask is good (Dice of 0.7 or more), from its features and position alone.

A logistic model in which every feature can only lower the score. Each feature says how unusual the mask is in one
respect, compared with good masks of the same structure. The coefficients (score.json) are fitted by
`benchmarks/quality.py calibrate` on phantoms with injected failures. Volumes are compared with structures.toml, because
phantoms vary less than people.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.measure.measures import StructureMeasure
from omentum.quality.limits import QUALITY_RULES, QualityRules
from omentum.quality.mask_features import MaskFeatures
from omentum.quality.placement import Placement

GOOD_DICE = 0.7
UNUSUAL_CAP = 6.0
"""Anomalies are capped at this many standard deviations."""
HU_STEP = 30.0
RANGE_SDS = 6.0
"""Width of the plausible volume range in SDs of the logarithm."""

ONE_SIDED = {
    "components": 1,
    "outside_largest": 1,
    "holes": 1,
    "similar_outside": 1,
    "dissimilar_inside": 1,
    "edge_hu": -1,
    "spread_hu": 1,
}
"""Learned features for which only high (1) or only low (-1) values are bad."""
TWO_SIDED = ("roughness", "elongation_r", "elongation_a", "elongation_s")
LEARNED = (*ONE_SIDED, *TWO_SIDED)
GIVEN = ("small", "large", "hu", "pair", "wrong_half", "misplaced", "shared", "outside_host")
FEATURES = (*GIVEN, *LEARNED)

Usual = Mapping[str, tuple[float, float]]
"""Learned feature -> mean and SD of its raw value in good masks."""


@dataclass(frozen=True)
class ScoreModel:
    """Parameters of the score.

    Args:
        usual: Structure key (or "lesion" for all lesion types) -> usual feature values.
        weights: Weight of each feature, >= 0.
        intercept: Log-odds of a mask without anomalies.
    """

    usual: Mapping[str, Usual]
    weights: Mapping[str, float]
    intercept: float

    def score(self, anomalies: NDArray[np.float64]) -> float:
        """Probability that the mask is good, 0..1.

        Args:
            anomalies: Result of `anomaly_scores`.
        """
        weights = np.array([self.weights[name] for name in FEATURES])
        return 1.0 / (1.0 + math.exp(float(weights @ anomalies) - self.intercept))

    def reasons(self, anomalies: NDArray[np.float64], count: int = 3) -> tuple[str, ...]:
        """The features that lower the log-odds most, worst first; only those that lower it by 0.5 or more."""
        loss = {name: self.weights[name] * float(x) for name, x in zip(FEATURES, anomalies, strict=True)}
        return tuple(name for name in sorted(loss, key=lambda n: -loss[n])[:count] if loss[name] >= 0.5)


@cache
def bundled_model() -> ScoreModel:
    """The packaged parameters."""
    text = (resources.files("omentum.quality") / "score.json").read_text(encoding="utf-8")
    content = json.loads(text)
    usual = {key: {name: (mean, sd) for name, (mean, sd) in row.items()} for key, row in content["usual"].items()}
    return ScoreModel(usual, content["weights"], content["intercept"])


def group_of(key: str) -> str:
    """Group whose usual values apply: the structure itself, or "lesion" for all lesions."""
    return "lesion" if STRUCTURES[key].is_lesion else key


def raw_features(features: MaskFeatures) -> dict[str, float | None]:
    """Learned features before comparison with usual values; None if the image truncates the structure."""
    r, a, s = features.elongation or (None, None, None)
    return {
        "components": math.log(max(1, features.components)),
        "outside_largest": math.sqrt(features.outside_largest),
        "holes": math.sqrt(features.holes_share),
        "similar_outside": math.sqrt(features.similar_outside),
        "dissimilar_inside": math.sqrt(features.dissimilar_inside),
        "edge_hu": math.log(features.edge_hu + HU_STEP),
        "spread_hu": math.log(features.spread_hu + HU_STEP),
        "roughness": features.roughness,
        "elongation_r": r,
        "elongation_a": a,
        "elongation_s": s,
    }


def anomaly_scores(
    m: StructureMeasure,
    features: MaskFeatures,
    placement: Placement,
    pair: StructureMeasure | None,
    usual: Usual,
    rules: QualityRules = QUALITY_RULES,
) -> NDArray[np.float64]:
    """Anomaly of a mask in each of `FEATURES`, from 0.

    Args:
        m: Measure of the structure.
        features: Features of its mask.
        placement: Result of the order rules for its case.
        pair: Measure of its counterpart on the other side, if any was found.
        usual: Usual values of its group; a learned feature without an entry has anomaly 0.
        rules: HU ranges.
    """
    small, large = _volume(m)
    found = {
        "small": small,
        "large": large,
        "hu": _outside_hu(m, rules),
        "pair": _uneven(m, pair),
        "wrong_half": UNUSUAL_CAP * float(m.key in placement.wrong_half),
        "misplaced": UNUSUAL_CAP * placement.misplaced(m.key),
        "shared": UNUSUAL_CAP * math.sqrt(features.shared),
        "outside_host": UNUSUAL_CAP * math.sqrt(features.outside_host),
    }
    for name, value in raw_features(features).items():
        mean, sd = usual.get(name, (0.0, math.inf))
        away = 0.0 if value is None else (value - mean) / sd
        found[name] = abs(away) if name in TWO_SIDED else max(0.0, ONE_SIDED[name] * away)
    return np.minimum([found[name] for name in FEATURES], UNUSUAL_CAP)


def _volume(m: StructureMeasure) -> tuple[float, float]:
    """SDs below and above the middle of the plausible range; a truncated structure is never too small."""
    low, high = (math.log(ml) for ml in STRUCTURES[m.key].volume_ml)
    away = (math.log(m.volume_ml) - (low + high) / 2) / ((high - low) / RANGE_SDS)
    return (0.0 if m.touches_border else max(0.0, -away)), max(0.0, away)


def _outside_hu(m: StructureMeasure, rules: QualityRules) -> float:
    if m.median_hu is None or m.key not in rules.hu:
        return 0.0
    low, high = rules.hu[m.key]
    return max(0.0, low - m.median_hu, m.median_hu - high) / HU_STEP


def _uneven(m: StructureMeasure, pair: StructureMeasure | None) -> float:
    """Number of doublings by which the two volumes of a pair differ."""
    if pair is None or not pair.found or m.touches_border or pair.touches_border:
        return 0.0
    return abs(math.log2(m.volume_ml / pair.volume_ml))
