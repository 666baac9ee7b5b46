"""First weights of a fresh model: from a checkpoint of ours or a public pre-trained network, as far as they fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from omentum.errors import CheckpointError, warn_of_case
from omentum.formatting import listed
from omentum.model.checkpoint import CHECKSUM, DESCRIPTION, load_checkpoint, read_spec, read_tensors
from omentum.model.layouts import TensorLayout, bare, containers, encoder_pattern, layouts
from omentum.model.named_parts import in_parts
from omentum.model.safetensors_file import read_header
from omentum.model.state import check_finite
from omentum.model.torch_file import is_torch_file, read_torch_file
from omentum.model.universal import UniversalModel
from omentum.spec import CheckpointSpec

LEAST_ENCODER_SHARE = 0.8
"""A file that fills fewer of the encoder's tensors was made for another network."""

BACKBONE = "backbone."

OWN_LAYOUT = TensorLayout(DESCRIPTION, "checkpoints of this package", backbones=(), names=())


@dataclass(frozen=True)
class InitialisationReport:
    """Which tensors of a file were loaded, and which were not.

    Args:
        source: The file.
        layout: Key of the layout its names follow, or of `OWN_LAYOUT`.
        loaded: Our names that were filled.
        missing: Our names that the file does not have; they keep their fresh values.
        unexpected: Names in the file that the network has no use for.
        misshapen: Our names with the shape wanted and the shape found; they keep their fresh values.
        encoder_share: Share of the encoder's tensors that were filled.
    """

    source: Path
    layout: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]
    encoder_share: float

    def __str__(self) -> str:
        return f"{self.source}: {self.findings}"

    @property
    def findings(self) -> str:
        """Everything except the file name, in one line."""
        parts = [f"{len(self.loaded)} tensors fit, {self.encoder_share:.0%} of the encoder's (names: {self.layout})"]
        for word in ("missing", "unexpected", "misshapen"):
            names: tuple[str, ...] = getattr(self, word)
            if names:
                parts.append(f"{len(names)} {word}: {listed(names)}")
        return "; ".join(parts)

    def within(self, parts: Sequence[str]) -> InitialisationReport:
        """Only what concerns some parts of the network; names of a file in another layout stay."""
        kept: dict[str, Any] = {
            word: tuple(text for text in getattr(self, word) if in_parts(text.split()[0], parts))
            for word in ("loaded", "missing", "misshapen", *(["unexpected"] if self.layout == OWN_LAYOUT.key else []))
        }
        return replace(self, **kept)

    @property
    def complete(self) -> bool:
        """Whether the file filled everything and held nothing else."""
        return not (self.missing or self.unexpected or self.misshapen)


def initialise(model: UniversalModel, path: str | Path, parts: Sequence[str] = ()) -> InitialisationReport:
    """Fill a model with the weights of a file, as far as their names and shapes fit; its text embeddings stay.

    A checkpoint of ours must have the same kind of backbone and fills the head too; where its parameters differ (more
    decoded channels, say), the tensors of another shape keep their fresh values. Any other file, a PyTorch or
    safetensors one, fills the backbone; the layout of layouts.toml that fits it best determines how its names are read.

    Args:
        model: Changed in place.
        path: The file.
        parts: Beginnings of the parameter names that are filled, such as "backbone"; all by default.

    Raises:
        CheckpointError: unsafe or damaged, numbers that are not finite, another architecture, or less than
            `LEAST_ENCODER_SHARE` of the encoder found. The model is as it was then.

    Warns:
        CaseWarning: the report, where not everything fitted; a second pass, which is not taken; and parameters of the
            backbone that differ from those the public files of the layout were trained with.
    """
    path = Path(path)
    report, tensors = (_from_own if _is_own(path) else _from_others)(model, path)
    if report.encoder_share < LEAST_ENCODER_SHARE:
        raise CheckpointError(f"not weights for a {model.spec.model.backbone!r}: {report.findings}", source=path)
    report = report.within(parts)
    _fill(model, {name: tensor for name, tensor in tensors.items() if in_parts(name, parts)}, path)
    if not report.complete:
        warn_of_case(str(report), stacklevel=2)
    return report


def own_spec(path: Path) -> CheckpointSpec | None:
    """Read the spec of one of our checkpoints; None for any other file with weights.

    Raises:
        CheckpointError: unsafe or damaged.
    """
    return read_spec(path) if _is_own(path) else None


def weights_sha256(path: Path) -> str:
    """Hash of the tensors of one of our checkpoints, as it records it; of another file, of its bytes."""
    if _is_own(path):
        return str(read_header(path).metadata[CHECKSUM])
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_own(path: Path) -> bool:
    return not is_torch_file(path) and DESCRIPTION in read_header(path).metadata


def _from_own(model: UniversalModel, path: Path) -> tuple[InitialisationReport, Mapping[str, Tensor]]:
    theirs = load_checkpoint(path)
    ours, other = model.spec.model, theirs.spec.model
    if other.backbone != ours.backbone:
        raise CheckpointError(
            f"cannot start from it: its backbone is {other.backbone!r}, the run wants {ours.backbone!r}", source=path
        )
    if other.parameters != ours.parameters:
        reason = f"its backbone has {dict(other.parameters)}, the run wants {dict(ours.parameters)}"
        warn_of_case(f"{path}: {reason}; what fits is taken", stacklevel=4)
    if (second := theirs.spec.second_pass) is not None:
        theirs.second_pass = None  # it belongs to the first pass of that file
        reason = f"only its first pass is taken, not the second, which finds {listed(second.keys)}"
        warn_of_case(f"{path}: {reason}", stacklevel=4)
    return _compare(model, dict(theirs.named_parameters()), OWN_LAYOUT, path)


def _from_others(model: UniversalModel, path: Path) -> tuple[InitialisationReport, Mapping[str, Tensor]]:
    raw = read_torch_file(path, containers()) if is_torch_file(path) else read_tensors(path)
    state = {bare(name): tensor for name, tensor in raw.items() if tensor.is_floating_point()}
    candidates = [layout for layout in layouts().values() if model.spec.model.backbone in layout.backbones]
    if not candidates:
        raise CheckpointError(
            f"only checkpoints of this package can start a {model.spec.model.backbone!r}", source=path
        )
    fits = [_compare(model, state, layout, path) for layout in candidates]
    best = max(fits, key=lambda fit: len(fit[0].loaded))
    _warn_of_other_parameters(model, layouts()[best[0].layout], path)
    return best


def _compare(
    model: UniversalModel, state: Mapping[str, Tensor], layout: TensorLayout, path: Path
) -> tuple[InitialisationReport, Mapping[str, Tensor]]:
    """What would become of every tensor, and the tensors to load by our names."""
    wanted = {ours: p for ours, p in model.named_parameters() if layout is OWN_LAYOUT or ours.startswith(BACKBONE)}
    theirs = {ours: layout.theirs(ours if layout is OWN_LAYOUT else ours.removeprefix(BACKBONE)) for ours in wanted}
    found = {ours: state[name] for ours, name in theirs.items() if name in state}
    fitting = {ours: tensor for ours, tensor in found.items() if tensor.shape == wanted[ours].shape}
    is_encoder = encoder_pattern(model.spec.model.backbone)
    encoder = [ours for ours in wanted if is_encoder.match(ours.removeprefix(BACKBONE))]
    report = InitialisationReport(
        source=path,
        layout=layout.key,
        loaded=tuple(fitting),
        missing=tuple(ours for ours in wanted if ours not in found),
        unexpected=tuple(sorted(n for n in state.keys() - set(theirs.values()) if not layout.ignores(n))),
        misshapen=tuple(
            f"{ours} should be {tuple(wanted[ours].shape)} and is {tuple(tensor.shape)}"
            for ours, tensor in found.items()
            if ours not in fitting
        ),
        encoder_share=sum(ours in fitting for ours in encoder) / len(encoder),
    )
    return report, fitting


@torch.no_grad()
def _fill(model: UniversalModel, tensors: Mapping[str, Tensor], source: Path) -> None:
    check_finite(tensors, source)
    for name, tensor in tensors.items():
        model.get_parameter(name).copy_(tensor)


def _warn_of_other_parameters(model: UniversalModel, layout: TensorLayout, path: Path) -> None:
    """Weights can fit by shape and still have been trained with something else in between."""
    backbone = model.backbone
    for name, value in layout.expects.items():
        if getattr(backbone, name, value) != value:
            warn_of_case(
                f"public weights in this layout were trained with {name} = {value!r}, the model has "
                f"{getattr(backbone, name)!r}; they fit and compute something else until trained further",
                path,
                stacklevel=4,
            )
