"""Less memory for more time: blocks that forget what they computed and compute it again on the way back.

Sublinear memory (Chen et al., 2016), for any network: it is applied to the innermost modules that are made of several
layers, such as a residual block or an attention layer. Names of parameters stay as they are.
"""

from __future__ import annotations

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint


def recompute_blocks(network: nn.Module) -> int:
    """Make every block of a network recompute its inner activations; how many blocks there are."""
    blocks = [module for module in network.modules() if _is_block(module)]
    for block in blocks:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    return len(blocks)


def _is_block(module: nn.Module) -> bool:
    """Several parts, none of which has several parts itself; a list of modules is never run and so is no block."""
    if isinstance(module, nn.ModuleList | nn.ModuleDict) or not _has_parts(module):
        return False
    return not any(_has_parts(inner) for inner in module.modules() if inner is not module)


def _has_parts(module: nn.Module) -> bool:
    return len(list(module.children())) >= 2
