"""Options for segmenting on a service; the command line is generated from them. Nothing slow is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from omentum.errors import UsageError
from omentum.option_fields import Group, option, options_of
from omentum.pipeline.batch.options import BatchOptions
from omentum.pipeline.options import SERVICE_MESHES, SaveOptions, SegmentOptions

WORK_THERE = {
    SegmentOptions: ("classes", "profile", "series", "device"),
    SaveOptions: ("preview", "report", "meshes", "overwrite", "formats"),
    BatchOptions: ("weights", "jobs", "parquet", "submission"),
}
"""Options that mean the same on a service; `device` and `jobs` are its own affair."""


@dataclass(frozen=True)
class RemoteOptions:
    """Where to segment.

    Args:
        server: Address of a service (`omentum serve`); None for this machine.
        keep_on_server: Leave inputs and results there, until its time for them is over.
    """

    server: str | None = field(
        default=None,
        metadata=option("segment on the service at this address, see omentum serve", Group.HOW, metavar="URL"),
    )
    keep_on_server: bool = field(
        default=False,
        metadata=option("--server: leave inputs and results there", Group.HOW, is_rare=True),
    )


def check_options(options: SegmentOptions, save: SaveOptions, batch: BatchOptions) -> None:
    """Refuse what only this machine can do.

    Raises:
        UsageError: with the flags.
    """
    if flags := [flag for given in (options, save, batch) for flag in _only_here(given)]:
        raise UsageError(f"{', '.join(flags)}: not with --server", remedy="leave it out, or segment on this machine")
    if save.meshes not in (None, SERVICE_MESHES):
        raise UsageError(
            f"a service writes surfaces as {SERVICE_MESHES}, not {save.meshes}", remedy=f"--meshes {SERVICE_MESHES}"
        )
    if len(batch.weights) > 1:
        raise UsageError("a service uses one of its weights at a time", remedy="name one with -w")


def _only_here(given: Any) -> Iterator[str]:
    """Flags of options that were given and do not work on a service."""
    defaults = type(given)()
    for name, _, about in options_of(type(given)):
        if name not in WORK_THERE[type(given)] and getattr(given, name) != getattr(defaults, name):
            yield about.flags[-1] if about.flags else f"--{name.replace('_', '-')}"
