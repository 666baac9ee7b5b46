"""`omentum phantom --sites`: the public datasets re-enacted, for tests of everything that reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.cli.parallel import in_order

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class SiteOrder:
    """What was asked for: so many cases of these sites (of all, where none is named)."""

    out: Path
    keys: tuple[str, ...]
    number: int
    seed: int
    finest_mm: tuple[float, float, float]


def write_sites(order: SiteOrder, jobs: int, console: Console) -> None:
    """Write the sites below the order's folder and tell each dataset's root.

    Raises:
        UsageError: no such site.
        OutputError: a file cannot be written.
    """
    from rich.progress import track

    from omentum.data.sites import Studio, find_sites, site_tasks, write_site_case

    sites = find_sites(order.keys)
    tasks = site_tasks(order.out, sites, order.number, Studio(order.seed, order.finest_mm))
    done: Iterable[Path] = in_order(write_site_case, tasks, jobs)
    if console.is_terminal:
        done = track(done, "re-enacting datasets", len(tasks), console=console)
    for task, root in zip(tasks, done, strict=True):
        console.print(f"{root}: case {task.id}", markup=False)
