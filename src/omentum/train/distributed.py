"""One process or many: what `torchrun` started is joined by Lightning Fabric; without it a run is one process."""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch

from omentum.errors import MissingDependencyError
from omentum.train.config.settings import TrainConfig

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PATIENCE = timedelta(minutes=10)
"""A process that answers nothing for so long is given up. One that has ended is noticed at once."""


def join_processes(config: TrainConfig) -> Fabric:
    """The processes of this run, on GPUs where there are any, else on the CPU with gloo.

    Raises:
        MissingDependencyError: Fabric is not installed.
    """
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy
    except ImportError as fault:
        raise MissingDependencyError(
            "training needs lightning-fabric", remedy="pip install 'omentum[train]'"
        ) from fault
    ranks, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    backend = "nccl" if accelerator == "cuda" else "gloo"
    fabric = Fabric(
        accelerator=accelerator,
        devices=here,
        num_nodes=max(1, ranks // here),
        strategy=DDPStrategy(timeout=PATIENCE, process_group_backend=backend) if ranks > 1 else "auto",
        precision="bf16-mixed" if config.bf16 else "32-true",
    )
    fabric.launch()
    if ranks > 1 and backend == "gloo":
        # Fabric takes leave of NCCL alone; threads that gloo still has at the end may end the process with SIGABRT.
        atexit.register(torch.distributed.destroy_process_group)
    return fabric


def gathered(fabric: Fabric, thing: Any) -> list[Any]:
    """What each process has, in the order of their ranks; all must ask."""
    if fabric.world_size == 1:
        return [thing]
    things: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(things, thing)
    return things


def summed(fabric: Fabric, numbers: torch.Tensor) -> torch.Tensor:
    """The sum over all processes; all must ask."""
    if fabric.world_size == 1:
        return numbers
    total = fabric.all_reduce(numbers.to(fabric.device), reduce_op="sum")
    assert isinstance(total, torch.Tensor)
    return total


def highest(fabric: Fabric, number: int) -> int:
    """The greatest number that any process has; all must ask."""
    if fabric.world_size == 1:
        return number
    return int(fabric.all_reduce(torch.tensor(number, device=fabric.device), reduce_op="max"))  # type: ignore[arg-type]
