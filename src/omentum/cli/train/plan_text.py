"""Text output of `omentum train --dry-run`."""

from __future__ import annotations

from omentum.formatting import counted
from omentum.train.config.settings import TrainConfig
from omentum.train.run.dry_run import TrainingPlan


def format_plan(plan: TrainingPlan, config: TrainConfig) -> str:
    """Format a training plan.

    Args:
        plan: Estimated costs.
        config: Configuration of the run.
    """
    lines = [
        f"network        {config.backbone}, {plan.parameters:,} parameters, patch {' x '.join(map(str, config.patch))}",
        f"device         {plan.device}{f', {plan.processes} processes' if plan.processes > 1 else ''}",
        f"memory         {plan.memory_bytes / 2**30:.2f} GiB at most in the steps taken",
        f"checkpoint     {plan.checkpoint_bytes / 2**20:.0f} MiB, up to {config.keep_checkpoints + 1} are kept",
        f"steps          {config.steps:,} of {config.batch} patches, {config.steps * config.batch:,} patches in all",
        f"a step         {plan.step_s:.2f} s; a patch is prepared in {plan.patch_s:.2f} s, by {config.workers} workers",
        f"time           about {_format_duration(plan.total_s)}, "
        f"without validation of {counted(plan.held_out, 'case')}",
        "",
        *plan.table.lines(),
        "(known: cases annotated for it; seen: cases that have it; share: of all patches)",
    ]
    return "\n".join(lines)


def _format_duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.1f} minutes"
