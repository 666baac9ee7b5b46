"""Flags about the input: scale, coverage, slices, noise, metal, contrast phase, orientation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from omentum.anatomy import STRUCTURES
from omentum.measure.measures import StructureMeasure
from omentum.quality.ct_facts import CtFacts
from omentum.quality.flags import Flag, FlagCode, Severity
from omentum.quality.limits import QUALITY_RULES, QualityRules, Range
from omentum.quality.placement import Placement

FARTHEST_SDS = 4.0
"""Maximum deviation, in SDs, that one structure contributes against a contrast phase; it may be pathological."""
LEAST_EVIDENCE = 2
"""Minimum number of structures needed to estimate the phase."""
CLEAR_DISTANCE = 0.5
"""Minimum gap in `_distance` to the second-best phase for an unambiguous estimate."""
MIRROR_RULES = 2
"""Minimum number of violated right-left rules, and at least as many as hold, for a mirrored image."""


def input_warning_flags(warnings: Sequence[str]) -> list[Flag]:
    """Convert warnings from reading and checking the file (see `CaseWarning`) to flags."""
    return [Flag(Severity.WARNING, "", FlagCode.INPUT, message) for message in warnings]


def ct_flags(
    facts: CtFacts,
    measures: Mapping[str, StructureMeasure],
    placement: Placement,
    rules: QualityRules = QUALITY_RULES,
) -> Iterator[Flag]:
    """Flags about the CT, except for left-right orientation (see `mirrored_flags`).

    Args:
        facts: Result of `ct_facts`.
        measures: Measures of the structures that were found, by key.
        placement: Relative positions of these structures.
        rules: Limits of the quality rules.
    """
    yield from _scale(facts, rules)
    yield from _coverage(facts, rules)
    yield from _picture(facts, rules)
    yield from _phase(measures, rules)


def _scale(facts: CtFacts, rules: QualityRules) -> Iterator[Flag]:
    low, high = rules.ct.air_hu
    if facts.air_hu is not None and not low <= facts.air_hu <= high:
        text = f"air reads {facts.air_hu:.0f} HU, expected {low:g} to {high:g}; check rescale slope and intercept"
        yield Flag(Severity.WARNING, "", FlagCode.SCALE, text)
    if facts.middle_mm is None:
        yield Flag(
            Severity.ERROR,
            "",
            FlagCode.NO_BODY,
            f"no voxel above {rules.ct.body_hu:g} HU: nothing of a body in the image",
        )


def _coverage(facts: CtFacts, rules: QualityRules) -> Iterator[Flag]:
    if facts.cut_share > rules.ct.cut_share:
        share = f"{100 * facts.cut_share:.0f} % of the image's sides, front and back are body"
        yield Flag(
            Severity.WARNING,
            "",
            FlagCode.CUT,
            f"{share}: the field of view cuts it; organs there are only partly imaged",
        )


def _picture(facts: CtFacts, rules: QualityRules) -> Iterator[Flag]:
    if facts.slice_mm > rules.ct.thick_mm:
        text = f"axial slices are {facts.slice_mm:.3g} mm apart; small lesions, adrenals and vessels may be missed"
        yield Flag(Severity.INFO, "", FlagCode.THICK_SLICES, text)
    if facts.noise_hu is not None and facts.noise_hu > rules.ct.noise_hu:
        text = f"noise of {facts.noise_hu:.0f} HU (limit {rules.ct.noise_hu:g}); check organs of low contrast by eye"
        yield Flag(Severity.WARNING, "", FlagCode.NOISE, text)
    if facts.metal_ml > rules.ct.metal_ml:
        seen = f"{facts.metal_ml:.1f} ml above {rules.ct.metal_hu:g} HU"
        text = f"{seen}: metal or dense contrast; check what lies in its streaks"
        yield Flag(Severity.WARNING, "", FlagCode.METAL, text)


def mirrored_flags(
    measures: Mapping[str, StructureMeasure],
    placement: Placement,
    clearer_mirrored: Mapping[str, Sequence[float]],
    rules: QualityRules = QUALITY_RULES,
) -> Iterator[Flag]:
    """Check whether left and right are swapped, by organ positions and by the network's confidence.

    Only unpaired structures are informative for positions: the names of paired ones are swapped with the image.

    Args:
        measures: See `ct_flags`.
        placement: See `ct_flags`.
        clearer_mirrored: Mean probability of structures in the image as stored and mirrored; see `assess_quality`.
        rules: Limits of the quality rules.
    """
    sided = [
        rule
        for rule in rules.order
        if rule.direction == "right"
        and rule.structure in measures
        and rule.other in measures
        and not (STRUCTURES[rule.structure].side or STRUCTURES[rule.other].side)
    ]
    wrong = [rule for rule in sided if rule in placement.broken]
    told = []
    if len(wrong) >= MIRROR_RULES and 2 * len(wrong) >= len(sided):
        told = [f"{rule.structure} lies left of {rule.other}" for rule in wrong]
    if clearer_mirrored:
        seen = ", ".join(f"{key} {pair[1]:.2f}, as stored {pair[0]:.2f}" for key, pair in clearer_mirrored.items())
        told.append(f"the network is surer of the mirror image ({seen})")
    if told:
        text = (
            f"{', '.join(told)}: mirrored image or situs inversus; check the orientation, left and right may be wrong"
        )
        yield Flag(Severity.ERROR, "", FlagCode.MIRRORED, text)


def _phase(measures: Mapping[str, StructureMeasure], rules: QualityRules) -> Iterator[Flag]:
    known = phase_medians(measures, rules)
    distances = phase_distances(known, rules)
    if not distances:
        return
    (name, best), (other, second) = list(distances.items())[:2]
    seen = ", ".join(f"{STRUCTURES[key].display.lower()} {hu:.0f}" for key, hu in known.items())
    doubt = "" if second > best + CLEAR_DISTANCE else f" (or {other})"
    yield Flag(Severity.INFO, "", FlagCode.PHASE, f"contrast phase looks like {name}{doubt}: {seen} HU")


def phase_medians(measures: Mapping[str, StructureMeasure], rules: QualityRules = QUALITY_RULES) -> dict[str, float]:
    """Median HU of the structures that tell the contrast phase, as far as they were found."""
    medians = {key: m.median_hu for key, m in measures.items() if key in rules.phase}
    return {key: hu for key, hu in medians.items() if hu is not None}


def phase_distances(medians_hu: Mapping[str, float], rules: QualityRules = QUALITY_RULES) -> dict[str, float]:
    """How badly the medians fit each contrast phase, best first; empty with too few structures.

    Args:
        medians_hu: Result of `phase_medians`.
        rules: Expected medians in each phase.

    Returns:
        Name of a phase -> `_distance`; a gap of less than `CLEAR_DISTANCE` decides nothing.
    """
    if len(medians_hu) < LEAST_EVIDENCE:
        return {}
    names = rules.phase_names
    found = [(_distance(medians_hu, [rules.phase[key][n] for key in medians_hu]), name) for n, name in enumerate(names)]
    return {name: distance for distance, name in sorted(found)}


def _distance(medians_hu: Mapping[str, float], expected: Sequence[Range]) -> float:
    """Negative log-likelihood (normal, expected mean and SD), averaged over structures."""
    pairs = zip(medians_hu.values(), expected, strict=True)
    losses = [min(abs(hu - mean) / sd, FARTHEST_SDS) ** 2 / 2 + math.log(sd) for hu, (mean, sd) in pairs]
    return sum(losses) / len(losses)
