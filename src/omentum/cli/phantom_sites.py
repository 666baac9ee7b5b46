"""`omentum phantom --sites`: imitations of the public datasets, for testing all code that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from omentum.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

Task = TypeVar("Task")


@dataclass(frozen=True)
class SiteOrder:
    """Requested datasets (all if none is named) and number of cases."""

    out: Path
    keys: tuple[str, ...]
    number: int
    seed: int
    finest_mm: tuple[float, float, float]
    overwrite: bool = False


def write_sites(order: SiteOrder, jobs: int, console: Console) -> None:
    """Write the datasets below the output folder and print the root of each once its first case is written.

    Raises:
        UsageError: unknown dataset.
        OutputError: a folder of a dataset is there already and is not to be overwritten (which replaces files of the
            same names), or a file cannot be written.
    """
    from omentum.data.datasets.sites import TRUTH_FOLDER, Studio, find_sites, site_tasks, write_site_case
    from omentum.output_checks import check_output

    sites = find_sites(order.keys)
    for root in (folder / site.key for site in sites for folder in (order.out, order.out / TRUTH_FOLDER)):
        check_output(root, overwrite=order.overwrite)
    tasks = site_tasks(order.out, sites, order.number, Studio(order.seed, order.finest_mm))
    told: set[Path] = set()
    for root in written(write_site_case, tasks, jobs, console):
        if root not in told:
            console.print(str(root), markup=False, soft_wrap=True)
        told.add(root)


def written(work: Callable[[Task], Path], tasks: Sequence[Task], jobs: int, console: Console) -> Iterator[Path]:
    """Yield the results of `work` as tasks finish; with a progress bar on a terminal.

    Raises:
        OutputError: a worker process died.
    """
    from rich.progress import track

    from omentum.process_pool import map_in_processes

    done: Any = map_in_processes(work, tasks, min(jobs, len(tasks)))
    if console.is_terminal and len(tasks) > 1:
        done = track(done, "making phantoms", len(tasks), console=console)
    for task, path in done:
        if path is None:
            raise OutputError(f"the process that made {task} died", remedy="fewer --jobs, or a coarser --spacing")
        yield path
