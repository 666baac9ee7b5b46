"""A process that was forked after its parent had computed cannot compute: the threads that it counts on are gone.

What torch and OpenVINO start once, they wait for in the child for ever; so the child is told, instead of hanging.
"""

from __future__ import annotations

import os

from omentum.errors import UsageError

_computed = _forked = False


def note_computing() -> None:
    """From now on threads are at work in this process."""
    global _computed
    _computed = True


def refuse_after_fork() -> None:
    """To be called before anything is computed.

    Raises:
        UsageError: this process was forked from one that had computed.
    """
    if _forked:
        raise UsageError(
            "cannot compute in a process that was forked after its parent had segmented something",
            remedy='start processes with multiprocessing.get_context("spawn"), or fork before the first use',
        )


def _after_fork() -> None:
    global _forked
    _forked = _forked or _computed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
