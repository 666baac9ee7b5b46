"""The ONNX graph of a model, its weights as small as they are in the checkpoint, and its comparison with torch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from omentum.errors import MissingDependencyError, silence_library_warnings
from omentum.export.window_network import WindowNetwork
from omentum.model.universal import UniversalModel

OPSET = 18
"""Oldest opset that the exporter writes; every runtime of the last years reads it."""
INPUT, OUTPUT = "window", "logits"
_SMALLEST = 64
"""Tensors with fewer values stay float32: converting them back would cost more than it saves."""


@dataclass(frozen=True)
class Agreement:
    """Comparison of the graph with torch on one window.

    Args:
        runtime: Name and version of what ran the graph.
        largest_difference: Of any logit.
        largest_logit: By magnitude.
        different_voxels: Share of voxels and classes in which the sign of the logit differs.
    """

    runtime: str
    largest_difference: float
    largest_logit: float
    different_voxels: float


def onnx_graph(model: UniversalModel, classes: Sequence[int] | None = None) -> Any:
    """Build the graph of one window.

    Args:
        model: The model.
        classes: Channels wanted, in this order; all by default.

    Returns:
        `onnx.ModelProto` from `window` [1, 1, *patch] to `logits` [1, K, *patch], both float32.

    Raises:
        MissingDependencyError: the extra `[export]` is not installed.
    """
    onnx = import_onnx()
    network = WindowNetwork(model, classes).eval()
    example = torch.zeros(1, 1, *model.spec.preprocess.patch)
    with torch.no_grad(), silence_library_warnings(), _quiet_exporter():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            optimize=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:  # where in our sources it comes from: half of the size, and paths of this machine
        del node.metadata_props[:]
        node.doc_string = ""
    _narrow(graph, onnx)
    onnx.checker.check_model(graph)
    return graph


def compare_with_torch(model: UniversalModel, graph: Any, classes: Sequence[int] | None = None) -> Agreement:
    """Run graph and model on one window of smooth random values.

    Raises:
        MissingDependencyError: the extra `[export]` is not installed.
    """
    runtime = _import_onnxruntime()
    patch = model.spec.preprocess.patch
    coarse = torch.rand(1, 1, *(-(-n // 8) for n in patch), generator=torch.Generator().manual_seed(0))
    window = torch.nn.functional.interpolate(coarse, size=patch, mode="trilinear")
    with torch.inference_mode():
        expected = model(window, classes).numpy()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (found,) = session.run([OUTPUT], {INPUT: window.numpy()})
    return Agreement(
        f"onnxruntime {runtime.__version__}",
        float(np.abs(found - expected).max()),
        float(np.abs(expected).max()),
        float(np.mean((found > 0) != (expected > 0))),
    )


def import_onnx() -> Any:
    """The package onnx, checked to come with what torch needs to export.

    Raises:
        MissingDependencyError: one of them is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError as fault:
        raise _missing(fault) from fault
    return onnx


def _import_onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as fault:
        raise _missing(fault) from fault
    return onnxruntime


def _missing(fault: ImportError) -> MissingDependencyError:
    return MissingDependencyError(f"the export to ONNX needs {fault.name}", remedy="pip install 'omentum[export]'")


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Hide what torch logs about operators of packages that are not installed and not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _narrow(graph: Any, onnx: Any) -> None:
    """Store weights as float16 if that loses nothing, as for the bundled ones; runtimes widen them when loading."""
    nodes = []
    for weights in graph.graph.initializer:
        if weights.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(weights)
        with np.errstate(over="ignore"):
            narrow = values.astype(np.float16)
        if values.size < _SMALLEST or not np.array_equal(narrow.astype(np.float32), values):
            continue
        name = weights.name
        weights.CopyFrom(onnx.numpy_helper.from_array(narrow, f"{name}_float16"))
        nodes.append(onnx.helper.make_node("Cast", [weights.name], [name], to=onnx.TensorProto.FLOAT))
    old = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*nodes, *old])
