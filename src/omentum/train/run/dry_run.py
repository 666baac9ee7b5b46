"""Estimate the cost of a run from its first few steps; nothing is written."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass

import torch

from omentum.data.sampling.patches import PatchBatch
from omentum.data.sampling.sampler import PatchSampler
from omentum.data.sampling.sampling_table import SamplingTable, sampling_table
from omentum.model import UniversalModel
from omentum.train.batches import Share
from omentum.train.config.settings import TrainConfig
from omentum.train.distributed import join_processes
from omentum.train.error_messages import translate_torch_errors
from omentum.train.fresh_model import new_model
from omentum.train.learner import Learner
from omentum.train.network_check import check_network
from omentum.train.run.checkpoints import checkpoint_bytes

WARM_UP, TIMED = 1, 3
"""Steps before and while the clock runs; the first one of a process allocates and plans."""


@dataclass(frozen=True)
class TrainingPlan:
    """Estimated cost of a run.

    Args:
        device: Description of the device.
        processes: Number of processes that share the work.
        parameters: Number of trained parameters of the model, without the deep-supervision classifiers.
        checkpoint_bytes: Size of a checkpoint's files.
        memory_bytes: Peak memory of the GPU, or of this process including its data.
        step_s: Seconds to compute a step.
        patch_s: Seconds for one process to prepare a patch.
        total_s: Seconds for all steps; computation and preparation overlap if there are workers.
        table: Sampling table.
        held_out: Number of validation cases; validation is not included in `total_s`.
    """

    device: str
    processes: int
    parameters: int
    checkpoint_bytes: int
    memory_bytes: int
    step_s: float
    patch_s: float
    total_s: float
    table: SamplingTable
    held_out: int = 0


def dry_run(config: TrainConfig, sampler: PatchSampler, model: UniversalModel | None = None) -> TrainingPlan:
    """Run a few steps with a temporary model.

    Args:
        config: The run.
        sampler: Source of patches.
        model: Model instead of `new_model(config)`.
    """
    torch.manual_seed(config.seed)
    fabric = join_processes(config)
    share = Share(config.batch, config.accumulation_steps, fabric.world_size, fabric.global_rank)
    with translate_torch_errors("dry run", fabric.global_rank):
        model = new_model(config, sampler.classes) if model is None else model
        check_network(model, config.patch)
        learner = Learner(model, sampler.sources, config, fabric)
        prepared_s, computed_s = [], []
        for step in range(WARM_UP + TIMED):
            began = time.perf_counter()
            batches = [_batch(sampler, share.numbers(step, part), fabric.device) for part in range(share.parts)]
            ready = time.perf_counter()
            learner.step(batches, step, rate=1.0)
            if fabric.device.type == "cuda":
                torch.cuda.synchronize()
            computed_s.append(time.perf_counter() - ready)
            prepared_s.append((ready - began) * fabric.world_size / config.batch)
    step_s, patch_s = (sum(times[WARM_UP:]) / TIMED for times in (computed_s, prepared_s))
    prepare_s = patch_s * config.batch / fabric.world_size
    total_s = config.steps * (max(step_s, prepare_s / config.workers) if config.workers else step_s + prepare_s)
    return TrainingPlan(
        device=_device_name(fabric.device),
        processes=fabric.world_size,
        parameters=sum(p.numel() for p in learner.model.parameters() if p.requires_grad),
        checkpoint_bytes=checkpoint_bytes(learner.state(), learner.average.model),
        memory_bytes=_peak_bytes(fabric.device),
        step_s=step_s,
        patch_s=patch_s,
        total_s=total_s,
        table=sampling_table(sampler),
    )


def _batch(sampler: PatchSampler, numbers: range, device: torch.device) -> PatchBatch:
    """Prepare a batch as in a run, but in this process."""
    raw = sampler.cut(numbers)
    return sampler.augmented(raw.to(device) if device.type == "cuda" else raw)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
