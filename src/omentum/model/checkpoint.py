"""Checkpoints: one safetensors file with the tensors and, as metadata entry `omentum`, what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import include_carried
from omentum.atomic import replacing_by_name
from omentum.errors import CheckpointError, OutputError
from omentum.model.safetensors_file import Header, read_header
from omentum.model.state import apart, check_finite, model_from_state, state_sha256
from omentum.model.universal import UniversalModel
from omentum.spec import TRUST_FROM, CheckpointSpec, ClassSpec, Trust

DESCRIPTION = "omentum"
CHECKSUM = "tensors_sha256"


def save_checkpoint(path: str | Path, model: UniversalModel, dtype: torch.dtype = torch.float32) -> None:
    """Write model and description; the file appears complete or not at all.

    Args:
        path: `.safetensors` file to write; its folder must exist.
        model: With its spec, which becomes the description.
        dtype: How floating-point tensors are stored; float16 halves the file. Loading gives float32 again.

    Raises:
        CheckpointError: a number is not finite, or not in the chosen dtype.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    state = apart({name: _stored(tensor, dtype) for name, tensor in model.state_dict().items()})
    check_finite(state, path)
    metadata = {DESCRIPTION: model.spec.to_json(), CHECKSUM: state_sha256(state)}
    try:
        with replacing_by_name(path) as partial:
            save_file(state, partial, metadata=metadata)
    except SafetensorError as fault:
        raise OutputError(f"cannot be written: {fault}", source=path) from fault


def save_with_thresholds(
    path: str | Path,
    source: str | Path,
    thresholds: Mapping[str, float],
    minimum_ml: Mapping[str, float] | None = None,
) -> UniversalModel:
    """Write a checkpoint again with other operating points; its tensors stay as they are stored.

    Args:
        path: `.safetensors` file to write.
        source: The checkpoint.
        thresholds: Structure key -> probability above which a voxel belongs to it; the others keep theirs.
        minimum_ml: Structure key -> volume below which a component is removed; the others keep theirs.

    Raises:
        CheckpointError: see `load_checkpoint`.
        OutputError: the file cannot be written.
    """
    smallest = minimum_ml or {}

    def changed(c: ClassSpec) -> ClassSpec:
        threshold, minimum = thresholds.get(c.key, c.threshold), smallest.get(c.key, c.minimum_ml)
        return replace(c, threshold=threshold, minimum_ml=minimum)

    return _save_with(path, source, lambda spec: spec.with_classes(changed))


def save_with_trust(path: str | Path, source: str | Path, trust: Mapping[str, Trust], made_from: str) -> UniversalModel:
    """Write a checkpoint again with how far it can be trusted with its classes; its tensors stay as they are stored.

    Args:
        path: `.safetensors` file to write.
        source: The checkpoint.
        trust: Structure key -> how far; the others keep theirs.
        made_from: Description of the evaluation behind it; "" keeps the present description.

    Raises:
        CheckpointError: see `load_checkpoint`.
        OutputError: the file cannot be written.
    """

    def changed(spec: CheckpointSpec) -> CheckpointSpec:
        said = {TRUST_FROM: made_from} if made_from else {}
        judged = spec.with_classes(lambda c: replace(c, trust=trust.get(c.key, c.trust)))
        return replace(judged, training={**spec.training, **said})

    return _save_with(path, source, changed)


def _save_with(
    path: str | Path, source: str | Path, changed: Callable[[CheckpointSpec], CheckpointSpec]
) -> UniversalModel:
    model = load_checkpoint(source)
    model.spec = changed(model.spec)
    narrow = "F16" in read_header(Path(source)).dtypes.values()
    save_checkpoint(path, model, torch.float16 if narrow else torch.float32)
    return model


def load_checkpoint(path: str | Path) -> UniversalModel:
    """The model of a checkpoint, float32 on the CPU, in evaluation mode; strict.

    Raises:
        CheckpointError: not a checkpoint of ours, damaged, unsafe, newer than this version, or tensors that do not
            fit the description.
    """
    path = Path(path)
    header = read_header(path)
    spec = spec_of(header, path)
    state = read_tensors(path)
    if state_sha256(state) != header.metadata.get(CHECKSUM):
        expected, got = header.metadata.get(CHECKSUM, "none stored"), state_sha256(state)
        raise CheckpointError(f"damaged: expected sha256 {expected} of its tensors, got {got}", source=path)
    return model_from_state(spec, state, path)


def read_spec(path: str | Path) -> CheckpointSpec:
    """Only the description of a checkpoint; no tensor is read. Same errors as `load_checkpoint`."""
    path = Path(path)
    return spec_of(read_header(path), path)


def spec_of(header: Header, path: Path) -> CheckpointSpec:
    """The description inside a header; its structures are known to this process from now on.

    Raises:
        CheckpointError: it has none, or one that cannot be read.
        UsageError: its structures mean something else than what this process knows by the same keys.
    """
    if DESCRIPTION not in header.metadata:
        raise CheckpointError(
            "a safetensors file without the description of an omentum model",
            source=path,
            remedy="see `omentum weights list` for usable weights",
        )
    try:
        spec = CheckpointSpec.from_json(header.metadata[DESCRIPTION], source=str(path))
    except RecursionError as fault:
        raise CheckpointError("its description cannot be read: nested too deeply", source=path) from fault
    include_carried(spec.structures, path)
    if strange := [key for key in spec.class_keys if key not in STRUCTURES]:
        raise CheckpointError(f"has classes that it does not describe: {', '.join(strange)}", source=path)
    return spec


def read_tensors(path: Path) -> Mapping[str, Tensor]:
    """All tensors of a safetensors file whose header was checked (`read_header`).

    Raises:
        CheckpointError: damaged.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as fault:
        raise CheckpointError(f"damaged or incomplete: {fault}", source=path) from fault


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    tensor = tensor.detach().cpu()
    return (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous()
