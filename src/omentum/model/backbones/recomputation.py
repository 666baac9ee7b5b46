"""Activation checkpointing: memory for time while training."""

from __future__ import annotations

from functools import partial

from torch.utils.checkpoint import checkpoint

from omentum.model.universal import Backbone


def checkpoint_activations(backbone: Backbone) -> None:
    """From now on, keep only what passes between the blocks of a backbone; the rest is computed again going backwards.

    Names and values of the parameters, and what the network computes, stay as they are (Chen et al., 2016,
    arXiv:1604.06174).
    """
    for block in backbone.blocks():
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
