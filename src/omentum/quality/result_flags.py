"""Flags about the result: volumes, HU, sides, order, components, overlaps, lesions, confidence, missing structures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from omentum.anatomy import STRUCTURES
from omentum.formatting import volume
from omentum.measure.lesions import Lesion
from omentum.measure.measures import StructureMeasure
from omentum.quality.confidence import Confidence
from omentum.quality.flags import Flag, FlagCode, Severity
from omentum.quality.limits import QUALITY_RULES, OrderRule, QualityRules
from omentum.quality.mask_features import MaskFeatures
from omentum.quality.placement import Placement

WORDS = {"right": "left of", "above": "below", "front": "behind"}
"""Wording of a violated order rule."""


@dataclass(frozen=True)
class QualityEvidence:
    """Everything that flags and scores need to know about a result.

    Args:
        measures: Measures of all classes, by key.
        features: Features of the structures that were found, by key.
        placement: Relative positions of the structures.
        lesions: Individual lesions.
        confidence: Confidence of the network by key; empty for masks from other sources.
        requested: Keys of the requested structures.
    """

    measures: Mapping[str, StructureMeasure]
    features: Mapping[str, MaskFeatures]
    placement: Placement
    lesions: Sequence[Lesion]
    confidence: Mapping[str, Confidence]
    requested: frozenset[str]

    @property
    def found(self) -> dict[str, StructureMeasure]:
        """Measures of the structures that were found, by key."""
        return {key: m for key, m in self.measures.items() if m.found}


def result_flags(case: QualityEvidence, rules: QualityRules = QUALITY_RULES) -> Iterator[Flag]:
    """All flags about the segmentation.

    Args:
        case: Result to check.
        rules: Limits of the quality rules.
    """
    yield from _sides(case)
    yield from _order(case)
    for key, m in case.found.items():
        yield from _volume(m)
        yield from _attenuation(m, rules)
        yield from _shape(m, case.features[key], rules)
        yield from _confidence(m, case.confidence.get(key), rules)
    yield from _pairs(case, rules)
    yield from _lesions(case, rules)
    yield from missing(case, rules)


def missing(case: QualityEvidence, rules: QualityRules = QUALITY_RULES) -> Iterator[Flag]:
    """Flags for requested structures that were not found although their surroundings are fully in the image."""
    whole = {key for key, m in case.found.items() if not m.touches_border}
    for key, others in rules.expected_with.items():
        if key in case.requested and key not in case.found and whole >= set(others):
            near = " and ".join(STRUCTURES[other].display.lower() for other in others)
            seen = f"not found although {near} {'is' if len(others) == 1 else 'are'} wholly in the image"
            if key in rules.removable:
                yield Flag(Severity.INFO, key, FlagCode.MISSING, f"{seen}; removed by surgery, or overlooked")
            else:
                yield Flag(Severity.WARNING, key, FlagCode.MISSING, f"{seen}; draw it by hand or try other weights")


def _volume(m: StructureMeasure) -> Iterator[Flag]:
    low, high = STRUCTURES[m.key].volume_ml
    if m.volume_ml > high:
        text = f"{m.volume_ml:.1f} ml, plausible {low:g} to {high:g}; look for leakage"
        yield Flag(Severity.WARNING, m.key, FlagCode.LARGE, text)
    elif m.volume_ml < low and not m.touches_border:
        text = f"{volume(m.volume_ml)} although wholly imaged, plausible {low:g} to {high:g}; look for missing parts"
        yield Flag(Severity.WARNING, m.key, FlagCode.SMALL, text)


def _attenuation(m: StructureMeasure, rules: QualityRules) -> Iterator[Flag]:
    if m.median_hu is None or m.key not in rules.hu:
        return
    low, high = rules.hu[m.key]
    if not low <= m.median_hu <= high:
        text = f"median {m.median_hu:.0f} HU, plausible {low:g} to {high:g}; wrong organ, or not in HU"
        yield Flag(Severity.WARNING, m.key, FlagCode.HU, text)


def _shape(m: StructureMeasure, features: MaskFeatures, rules: QualityRules) -> Iterator[Flag]:
    # Components may be connected outside a truncating image.
    if m.key in rules.single and features.components > 1 and not m.touches_border:
        loose = f"{100 * features.outside_largest:.0f} % outside the largest"
        text = f"{features.components} connected components, {loose}; remove fragments or join"
        yield Flag(Severity.WARNING, m.key, FlagCode.FRAGMENTS, text)
    if features.shared > rules.overlap_share:
        text = (
            f"{100 * features.shared:.0f} % of it also belongs to another structure that is no host; redraw the border"
        )
        yield Flag(Severity.WARNING, m.key, FlagCode.OVERLAP, text)


def _confidence(m: StructureMeasure, sure: Confidence | None, rules: QualityRules) -> Iterator[Flag]:
    if sure is None:
        return
    if sure.mean_probability is not None and sure.mean_probability < rules.low_probability:
        text = f"mean probability {sure.mean_probability:.2f} (limit {rules.low_probability:g}); check it by eye"
        yield Flag(Severity.WARNING, m.key, FlagCode.LOW_CONFIDENCE, text)
    if sure.disagreement is not None and sure.disagreement > rules.high_disagreement:
        share = f"overlapping windows disagree on {100 * sure.disagreement:.0f} % of it"
        text = f"{share} (limit {100 * rules.high_disagreement:g} %); check it by eye"
        yield Flag(Severity.WARNING, m.key, FlagCode.DISAGREEMENT, text)


def _sides(case: QualityEvidence) -> Iterator[Flag]:
    told = set()
    for rule, missed_mm in case.placement.broken.items():
        if rule.direction == "right" and STRUCTURES[rule.structure].pair == rule.other:
            told |= {rule.structure, rule.other}
            for key, other in ((rule.structure, rule.other), (rule.other, rule.structure)):
                word = "left" if key == rule.structure else "right"
                text = f"its centre lies {missed_mm:.0f} mm {word} of that of {other}: sides swapped; swap the labels"
                yield Flag(Severity.ERROR, key, FlagCode.SIDE, text)
    for key, beyond_mm in case.placement.wrong_half.items():
        if key not in told:
            other_side = "left" if STRUCTURES[key].side == "right" else "right"
            text = f"its centre lies {beyond_mm:.0f} mm in the {other_side} half of the body; check the side"
            yield Flag(Severity.ERROR, key, FlagCode.SIDE, text)


def _order(case: QualityEvidence) -> Iterator[Flag]:
    for rule, missed_mm in case.placement.broken.items():
        if not _same_pair(rule):
            text = f"its centre lies {missed_mm:.0f} mm {WORDS[rule.direction]} that of {rule.other}; one is misplaced"
            yield Flag(Severity.WARNING, rule.structure, FlagCode.ORDER, text)


def _same_pair(rule: OrderRule) -> bool:
    return STRUCTURES[rule.structure].pair == rule.other


def _pairs(case: QualityEvidence, rules: QualityRules) -> Iterator[Flag]:
    for key, (low, high) in rules.right_to_left.items():
        pair = STRUCTURES[key].pair or ""
        right, left = case.found.get(key), case.found.get(pair)
        if right is None or left is None or right.touches_border or left.touches_border:
            continue
        ratio = right.volume_ml / left.volume_ml
        if not low <= ratio <= high:
            smaller = key if ratio < low else pair
            text = f"right to left is {ratio:.2f} by volume, plausible {low:g} to {high:g}; compare both sides"
            yield Flag(Severity.WARNING, smaller, FlagCode.RATIO, text)


def _lesions(case: QualityEvidence, rules: QualityRules) -> Iterator[Flag]:
    for lesion in case.lesions:
        if lesion.host is None:
            text = f"lesion {lesion.number} ({volume(lesion.volume_ml)}) lies in no organ it may live in; likely false"
            yield Flag(Severity.WARNING, lesion.key, FlagCode.NO_HOST, text)
    for key, m in case.found.items():
        hosts_ml = sum(case.found[host].volume_ml for host in STRUCTURES[key].hosts if host in case.found)
        if STRUCTURES[key].is_lesion and hosts_ml and m.volume_ml > rules.host_share * hosts_ml:
            share, limit = 100 * m.volume_ml / hosts_ml, 100 * rules.host_share
            text = f"{m.volume_ml:.0f} ml, {share:.0f} % of its host, plausible up to {limit:g} %; look for leakage"
            yield Flag(Severity.WARNING, key, FlagCode.LARGE, text)
