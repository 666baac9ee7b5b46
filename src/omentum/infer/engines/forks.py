"""Detect processes that were forked after their parent had computed: their compute threads are gone.

torch and OpenVINO would wait for these threads for ever; an error is raised instead.
"""

from __future__ import annotations

import os

from omentum.errors import UsageError


class _ProcessState:
    """Whether this process has computed, and whether it was forked from one that had."""

    computed = False
    forked = False


def note_computing() -> None:
    """Record that compute threads run in this process from now on."""
    _ProcessState.computed = True


def refuse_after_fork() -> None:
    """Refuse to compute in a forked child of a process that had computed; called before every computation.

    Raises:
        UsageError: this process was forked from one that had computed.
    """
    if _ProcessState.forked:
        raise UsageError(
            "cannot compute in a process that was forked after its parent had segmented something",
            remedy='start processes with multiprocessing.get_context("spawn"), or fork before the first use',
        )


def _after_fork() -> None:
    _ProcessState.forked = _ProcessState.forked or _ProcessState.computed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
