"""The description that travels with weights: how a CT is prepared, which network it is, and what its channels are."""

from omentum.spec.checkpoint import (
    FORMAT_VERSION,
    LINEAGE,
    TEXT_SHA256,
    TRUST_FROM,
    CheckpointSpec,
    classes_sha256,
)
from omentum.spec.parts import (
    MAX_GROWTH,
    USUAL_THRESHOLD,
    AdapterSpec,
    ClassSpec,
    HeadKind,
    ModelSpec,
    PreprocessSpec,
    Trust,
)
from omentum.spec.second_pass import RegionSpec, SecondPassSpec

__all__ = [
    "FORMAT_VERSION",
    "LINEAGE",
    "MAX_GROWTH",
    "TEXT_SHA256",
    "TRUST_FROM",
    "USUAL_THRESHOLD",
    "AdapterSpec",
    "CheckpointSpec",
    "ClassSpec",
    "HeadKind",
    "ModelSpec",
    "PreprocessSpec",
    "RegionSpec",
    "SecondPassSpec",
    "Trust",
    "classes_sha256",
]
