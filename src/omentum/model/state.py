"""Named tensors put into a network: all of them, each of the right shape, every number finite; or a clear refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from omentum.errors import CheckpointError
from omentum.formatting import listed
from omentum.model.build import build
from omentum.model.universal import UniversalModel
from omentum.spec import CheckpointSpec

TEXT = "text_embeddings"
ALIGNMENT = 64
"""Bytes; how torch aligns tensors that it allocates. In a mapped file they lie where the header ended, and some sums
come out in another order: the same weights would give logits that differ in the last bit."""


def model_from_state(
    spec: CheckpointSpec, state: Mapping[str, Tensor], source: Path, name_in_file: Callable[[str], str] = str
) -> UniversalModel:
    """The described network with exactly these tensors, as float32, in evaluation mode.

    The network is laid out without memory first, so a description that asks for more than the file holds is refused
    before anything is allocated.

    Args:
        spec: The network.
        state: Tensors by their names in the file.
        source: The file, for messages.
        name_in_file: From a name in our network to the name in the file, where they differ.

    Raises:
        CheckpointError: the description, the names, the shapes or the numbers do not fit.
    """
    model = without_memory(spec, source)
    own_names = {name_in_file(name): name for name in model.state_dict()}
    wanted = {theirs: model.state_dict()[ours] for theirs, ours in own_names.items()}
    _check_text(state.get(name_in_file(TEXT)), wanted[name_in_file(TEXT)], source)
    check_names(state, wanted, f"a {spec.model.backbone!r} model", source)
    check_shapes(state, wanted, source)
    check_finite(state, source)
    model.load_state_dict(apart({own_names[n]: _as_wanted(state[n], wanted[n]) for n in wanted}), assign=True)
    return model.eval()


def check_names(state: Iterable[str], wanted: Iterable[str], kind: str, source: Path) -> None:
    """Raise a CheckpointError that lists the first missing and unexpected names and counts them."""
    have, want = set(state), set(wanted)
    faults = [
        f"{len(names)} {word}: {listed(names)}"
        for word, names in (("missing", sorted(want - have)), ("unexpected", sorted(have - want)))
        if names
    ]
    if faults:
        raise CheckpointError(f"does not hold the tensors of {kind}; {'; '.join(faults)}", source=source)


def check_shapes(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: Path) -> None:
    """Raise a CheckpointError that names the first misshapen tensors with the shapes wanted and found."""
    wrong = [
        f"{name} should be {tuple(wanted[name].shape)} and is {tuple(state[name].shape)}"
        for name in wanted
        if wanted[name].shape != state[name].shape
    ]
    if wrong:
        raise CheckpointError(f"{len(wrong)} misshapen: {listed(wrong)}", source=source)


def check_finite(state: Mapping[str, Tensor], source: Path) -> None:
    """Raise a CheckpointError that names the tensors with NaN or infinite numbers."""
    wrong = [name for name, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if wrong:
        raise CheckpointError(f"{len(wrong)} tensors hold NaN or infinite numbers: {listed(wrong)}", source=source)


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Hash of names, types, shapes and bytes of all tensors; independent of their order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def apart(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, each with memory of its own: PyTorch files may hold two that are one, or parts of one."""
    seen: set[int] = set()
    out = {}
    for name, tensor in state.items():
        memory = tensor.untyped_storage().data_ptr()
        out[name] = tensor.clone() if memory in seen else tensor
        seen.add(memory)
    return out


class _WithoutMemory(TorchFunctionMode):
    """Networks built inside take no memory; only the small tables a constructor reads back are real."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.linspace:
            return func(*args, **{**(kwargs or {}), "device": "cpu"})
        return func(*args, **(kwargs or {}))


def without_memory(spec: CheckpointSpec, source: Path) -> UniversalModel:
    """A described network with names and shapes but no numbers.

    Raises:
        CheckpointError: the description is impossible.
    """
    shape = (len(spec.classes), spec.model.text_width)
    try:
        with torch.device("meta"), _WithoutMemory():
            return build(spec, torch.empty(shape))
    except (CheckpointError, RuntimeError, OverflowError, ValueError, TypeError) as fault:
        reason = fault.reason if isinstance(fault, CheckpointError) else f"its network cannot be built: {fault}"
        remedy = fault.remedy if isinstance(fault, CheckpointError) else None
        raise CheckpointError(reason, source=source, remedy=remedy) from fault


def _check_text(found: Tensor | None, wanted: Tensor, source: Path) -> None:
    if found is not None and found.shape != wanted.shape:
        raise CheckpointError(
            f"holds text embeddings of {' x '.join(map(str, found.shape))} (classes x width), "
            f"its class list and description need {' x '.join(map(str, wanted.shape))}",
            source=source,
        )


def _as_wanted(tensor: Tensor, wanted: Tensor) -> Tensor:
    found = tensor.to(torch.float32 if wanted.is_floating_point() else wanted.dtype).contiguous()
    return found if found.data_ptr() % ALIGNMENT == 0 else found.clone()
