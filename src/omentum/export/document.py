"""What a program must know to use an exported graph as Omentum uses the model, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.export.graph import INPUT, OPSET, OUTPUT, Agreement
from omentum.infer.profiles import find_profile
from omentum.infer.windows import MIN_IMPORTANCE, SIGMA_SCALE
from omentum.io.seg_nrrd.fields import terminology
from omentum.model.state import state_sha256
from omentum.model.universal import UniversalModel
from omentum.postprocess.rules import Rule, stricter
from omentum.schemas import Schema, stamped
from omentum.spec import ClassSpec

PROFILE = "exact"
"""Profile whose windows are described."""


def describe(model: UniversalModel, name: str, file: Mapping[str, Any], agreement: Agreement) -> dict[str, Any]:
    """Describe an exported model.

    Args:
        model: The model.
        name: Of the weights.
        file: Name, size in bytes and SHA-256 of the graph.
        agreement: Comparison of the graph with torch.
    """
    spec = model.spec
    rules = stricter(spec.minimum_ml)
    shape = list(spec.preprocess.patch)
    content = {
        "name": name,
        "software": f"omentum {version('omentum')}",
        "graph": {
            **file,
            "opset": OPSET,
            "input": {"name": INPUT, "shape": [1, 1, *shape]},
            "output": {"name": OUTPUT, "shape": [1, len(spec.classes), *shape]},
            "agreement": asdict(agreement),
        },
        "weights": {
            "sha256": state_sha256(model.state_dict()),
            "classes_sha256": spec.classes_sha256,
            "text_encoder": spec.text_encoder,
            "licence": spec.licence,
            "citation": spec.citation,
        },
        "preprocess": asdict(spec.preprocess),
        "windows": {
            "overlap": find_profile(PROFILE).overlap,
            "sigma_scale": SIGMA_SCALE,
            "min_importance": MIN_IMPORTANCE,
        },
        "classes": [_described(one, rules.get(one.key)) for one in spec.classes],
    }
    return stamped(Schema.ONNX_MODEL, content)


def _described(one: ClassSpec, rule: Rule | None) -> dict[str, Any]:
    row = STRUCTURES[one.key]
    return {
        "key": one.key,
        "prompt": one.prompt,
        "threshold": one.threshold,
        "trust": one.trust.value,
        "rule": rule and asdict(rule),
        "display": row.display,
        "index": row.index,
        "kind": row.kind,
        "colour": list(row.colour),
        "paint_order": list(row.paint_order),
        "hosts": list(row.hosts),
        "side": row.side,
        "pair": row.pair,
        "terminology": terminology(row),
    }
