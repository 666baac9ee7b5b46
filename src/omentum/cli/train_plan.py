"""What `omentum train --dry-run` prints."""

from __future__ import annotations

from omentum.train.config import TrainConfig
from omentum.train.dry_run import Plan


def told(plan: Plan, config: TrainConfig, held_out: int) -> str:
    """A plan as text.

    Args:
        plan: The costs.
        config: The run.
        held_out: Cases for validation.
    """
    lines = [
        f"network        {config.backbone}, {plan.parameters:,} parameters, patch {' x '.join(map(str, config.patch))}",
        f"device         {plan.device}{f', {plan.processes} processes' if plan.processes > 1 else ''}",
        f"memory         {plan.memory_bytes / 2**30:.2f} GiB at most in the steps taken",
        f"checkpoint     {plan.state_bytes / 2**20:.0f} MiB, up to {config.keep + 1} are kept",
        f"steps          {config.steps:,} of {config.batch} patches, {config.steps * config.batch:,} patches in all",
        f"a step         {plan.step_s:.2f} s; a patch is prepared in {plan.patch_s:.2f} s, by {config.workers} workers",
        f"time           about {_duration(plan.total_s)}, without validation of {held_out} cases",
        "",
        f"{'collection':<32}{'cases':>7}{'share of patches':>18}",
        *(f"{row.name:<32}{row.cases:>7}{row.share:>17.1%}" for row in plan.sources),
        "",
        f"{'structure':<32}{'annotated':>10}{'present':>9}{'taught by':>11}{'centred on':>12}",
        *(
            f"{row.key:<32}{row.annotated:>10}{row.present:>9}{row.taught:>10.1%}{row.centred:>11.2%}"
            for row in plan.structures
        ),
        "(annotated, present: cases; taught by, centred on: share of patches)",
    ]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.1f} minutes"
