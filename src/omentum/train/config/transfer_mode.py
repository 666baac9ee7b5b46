"""What a run trains of a model that starts from other weights."""

from __future__ import annotations

from enum import StrEnum

BACKBONE, HEAD, ADAPTERS = "backbone", "head", "adapters"
"""Beginnings of all parameter names of a model."""


class TransferMode(StrEnum):
    """Which part of the network a run trains, and which head it has."""

    FULL = "full"
    """Everything; also any training from random weights."""
    HEAD = "head"
    """The text-driven head; the backbone is frozen."""
    ADAPTERS = "adapters"
    """Low-rank additions to all weights, which stay as they were; see `omentum.model.low_rank`."""
    PLAIN = "plain"
    """Everything, with a plain 1x1x1 classifier in place of the text-driven head; only the backbone is loaded."""

    @property
    def trained_parts(self) -> tuple[str, ...]:
        """Name prefixes of the parameters that are trained; none are all."""
        return {TransferMode.HEAD: (HEAD,), TransferMode.ADAPTERS: (ADAPTERS,)}.get(self, ())

    @property
    def loaded_parts(self) -> tuple[str, ...]:
        """Name prefixes of the parameters that are loaded; none are all that fit."""
        return (BACKBONE,) if self is TransferMode.PLAIN else ()

    @property
    def needs_init(self) -> bool:
        """Whether it makes sense from trained weights only."""
        return self in (TransferMode.HEAD, TransferMode.ADAPTERS)
