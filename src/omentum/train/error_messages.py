"""Translate library errors during training to messages with cause and remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from omentum.errors import OutputError, TrainingError

LOST_CONNECTION = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "tcpstore", "broken pipe")
"""One of these is in what torch says when another process of the run is gone."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The disk is full, or what may be used of it."""


@contextmanager
def translate_torch_errors(run: str | Path, rank: int) -> Iterator[None]:
    """Convert known torch errors and a full disk to our error classes; checkpoints are not touched.

    Args:
        run: Folder of the run, for the message.
        rank: Rank of this process.
    """
    try:
        yield
    except torch.OutOfMemoryError as fault:
        remedy = "raise accumulation_steps, set activation_checkpointing = true, or choose a smaller patch"
        raise TrainingError(f"process {rank}: the GPU's memory is full", source=run, remedy=remedy) from fault
    except OSError as fault:
        if fault.errno not in NO_ROOM:
            raise
        what = f": {fault.filename}" if fault.filename else ""
        remedy = "make room; the same command goes on from the last checkpoint"
        raise OutputError(f"cannot be written: {fault.strerror}{what}", source=run, remedy=remedy) from fault
    except MemoryError as fault:
        remedy = "choose a smaller patch or batch, fewer workers, or less augmentation (scale, elastic_voxels)"
        raise TrainingError(f"process {rank}: memory is full: {fault}", source=run, remedy=remedy) from fault
    except RuntimeError as fault:
        said = " ".join(str(fault).split())
        if any(word in said.lower() for word in LOST_CONNECTION):
            reason = f"process {rank}: another process of this run has ended: {said[:200]}"
            remedy = "see what that process said; the same command goes on from the last checkpoint"
            raise TrainingError(reason, source=run, remedy=remedy) from fault
        raise
