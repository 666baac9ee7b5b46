"""One phantom case from a seed: a body, lesions, a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from omentum.phantom.body import PhantomBody, PhantomCase
from omentum.phantom.lesions.implant import ImplantSource, implant
from omentum.phantom.lesions.insertion import LesionOptions, insert_lesions
from omentum.phantom.procedural import BodyOptions, build_body
from omentum.phantom.restyle import RestyleOptions, restyle
from omentum.phantom.scanner import draw_protocol, scan
from omentum.phantom.source import RestyleSource
from omentum.phantom.tissue import Phase

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class CaseOptions:
    """What a case may be.

    Args:
        phase: Contrast phase; drawn at random by default.
        wild: Probability that the appearance is far beyond reality (see `tissue.draw_hu`).
        lesions: Which lesions are inserted; None for none.
        lesion_contrast_hu: Least difference in HU between a lesion and its host; 0 leaves it to chance.
        restyle: Of restyled bodies.
        body: Of procedural bodies.
    """

    phase: Phase | None = None
    wild: float = 0.0
    lesions: LesionOptions | None = field(default_factory=LesionOptions)
    lesion_contrast_hu: float = 0.0
    restyle: RestyleOptions = field(default_factory=RestyleOptions)
    body: BodyOptions = field(default_factory=BodyOptions)


def make_case(
    seed: int | Sequence[int],
    spacing_mm: Spacing,
    source: RestyleSource | ImplantSource | None = None,
    options: CaseOptions = CaseOptions(),
) -> PhantomCase:
    """Make a case; the same arguments give the same case, to the bit.

    Args:
        seed: Also a sequence, such as (seed of the batch, number of the case).
        spacing_mm: Voxel spacing along x, y, z; a real CT keeps its own.
        source: Restyle this real anatomy, or put lesions into this real CT; without one the body is procedural.
        options: What the case may be.
    """
    rng = np.random.default_rng(seed)
    numbers = seed if isinstance(seed, int) else list(seed)
    if isinstance(source, ImplantSource):
        case = implant(source, rng, options.lesions or LesionOptions({}, look_alikes=0), options.lesion_contrast_hu)
        return PhantomCase(case.ct, case.truth, {"seed": numbers, **case.facts})
    body = _body(rng, spacing_mm, source, options)
    if options.lesions is not None:
        body = insert_lesions(body, rng, options.lesions)
    protocol = draw_protocol(rng, options.phase, bool(rng.random() < options.wild))
    protocol = replace(protocol, lesion_contrast_hu=options.lesion_contrast_hu)
    facts: dict[str, Any] = {
        "seed": numbers,
        **body.facts,
        "protocol": protocol.to_facts(),
    }
    return PhantomCase(scan(body, rng, protocol), body.truth, facts)


def _body(
    rng: np.random.Generator, spacing_mm: Spacing, source: RestyleSource | None, options: CaseOptions
) -> PhantomBody:
    if source is None:
        return build_body(rng, spacing_mm, options.body)
    return restyle(source, {}, rng, spacing_mm, options.restyle)
