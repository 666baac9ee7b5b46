"""Export of a model to a folder: the graph, and the document beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omentum.atomic import replacing, write_json
from omentum.errors import CheckpointError
from omentum.export.document import describe
from omentum.export.graph import Agreement, compare_with_torch, import_onnx, onnx_graph
from omentum.model import load_model
from omentum.model.growth.second_pass import first_pass_of
from omentum.output_checks import check_output

GRAPH, DOCUMENT = "model.onnx", "model.json"
DIFFERENT = 1e-4
"""Largest share of voxels and classes whose logit may have another sign than in torch."""


@dataclass(frozen=True)
class OnnxExport:
    """What was written.

    Args:
        graph, document: The files.
        size_bytes: Of the graph.
        classes: Number of classes.
        agreement: Comparison of the graph with torch.
    """

    graph: Path
    document: Path
    size_bytes: int
    classes: int
    agreement: Agreement


def export_onnx(
    weights: str | Path, folder: str | Path, *, overwrite: bool = False, step: Callable[[str], None] | None = None
) -> OnnxExport:
    """Write a model as an ONNX graph of one window, with all that a program needs to use it (model.json).

    Args:
        weights: A name (`omentum weights list`) or a checkpoint file.
        folder: Where `model.onnx` and `model.json` are written.
        overwrite: Replace earlier ones.
        step: Called with a short description when a part of the work begins.

    Raises:
        MissingDependencyError: the extra `[export]` is not installed.
        OutputError: a file exists, or cannot be written.
        UsageError, CheckpointError: see `load_model`; or the graph computes something else than the model.
    """
    say, folder = step or (lambda _: None), Path(folder)
    for name in (GRAPH, DOCUMENT):
        check_output(folder / name, inputs=[weights] if Path(weights).exists() else [], overwrite=overwrite)
    import_onnx()
    say("loading the weights")
    model = first_pass_of(load_model(weights), str(weights))
    say("building the graph")
    graph = onnx_graph(model)
    say("comparing it with torch")
    agreement = compare_with_torch(model, graph)
    if agreement.different_voxels > DIFFERENT:
        share = f"{agreement.different_voxels:.2%} of the voxels"
        raise CheckpointError(f"its ONNX graph differs from the model in {share}; not written", source=str(weights))
    content = graph.SerializeToString()
    with replacing(folder / GRAPH) as file:
        file.write(content)
    described = {"file": GRAPH, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    write_json(folder / DOCUMENT, describe(model, Path(weights).name, described, agreement))
    classes = len(model.spec.classes)
    return OnnxExport(folder / GRAPH, folder / DOCUMENT, len(content), classes, agreement)
