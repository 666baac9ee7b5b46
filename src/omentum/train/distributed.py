"""Single- and multi-process training: joins the processes started by `torchrun` with Lightning Fabric."""

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
    """Connect the processes of this run, on GPUs if available, else on the CPU with gloo.

    Raises:
        MissingDependencyError: Lightning Fabric is not installed.
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
        # Fabric shuts down NCCL only; remaining gloo threads may abort the process at exit with SIGABRT.
        atexit.register(torch.distributed.destroy_process_group)
    return fabric


def gathered(fabric: Fabric, thing: Any) -> list[Any]:
    """Gather one object from each process, in rank order; a collective operation."""
    if fabric.world_size == 1:
        return [thing]
    things: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(things, thing)
    return things


def summed(fabric: Fabric, numbers: torch.Tensor) -> torch.Tensor:
    """Sum over all processes; a collective operation."""
    if fabric.world_size == 1:
        return numbers
    total = fabric.all_reduce(numbers.to(fabric.device), reduce_op="sum")
    assert isinstance(total, torch.Tensor)
    return total


def highest(fabric: Fabric, number: int) -> int:
    """Maximum over all processes; a collective operation."""
    if fabric.world_size == 1:
        return number
    return int(fabric.all_reduce(torch.tensor(number, device=fabric.device), reduce_op="max"))  # type: ignore[arg-type]
