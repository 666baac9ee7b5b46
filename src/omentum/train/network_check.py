"""Check that a network accepts a run's patches, before anything is written or trained."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from omentum.errors import CheckpointError, UsageError
from omentum.model import UniversalModel


def check_network(model: UniversalModel, patch: Sequence[int]) -> None:
    """Run the backbone on a meta-device patch, which costs neither time nor memory.

    Args:
        model: New model.
        patch: Patch size in voxels along x, y, z.

    Raises:
        UsageError: The patch is not a multiple of the network's divisor, or too small for its deepest level.
        CheckpointError: The network has layers without channels.
    """
    backbone, said = model.backbone, " x ".join(map(str, patch))
    remedy = f"choose multiples of {backbone.divisor}, at least {2 * backbone.divisor}"
    if any(n % backbone.divisor for n in patch):
        raise UsageError(
            f"patch {said}: {model.spec.model.backbone} takes multiples of {backbone.divisor}", remedy=remedy
        )
    empty = [name for name, p in backbone.named_parameters() if p.numel() == 0]
    if empty:
        raise CheckpointError(f"impossible parameters for the network: nothing in {', '.join(empty[:3])}")
    shapes = {name: tensor.to("meta") for name, tensor in backbone.state_dict().items()}
    try:
        with torch.no_grad():
            torch.func.functional_call(backbone, shapes, torch.empty(1, backbone.input_channels, *patch, device="meta"))
    except (ValueError, RuntimeError, IndexError) as fault:
        reason = f"patch {said}: {model.spec.model.backbone} cannot take it: {' '.join(str(fault).split())}"
        raise UsageError(reason, remedy=remedy) from fault
