"""The training loop: sample patches, compute the masked loss, update the averaged model, save checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.patches import Fault
from omentum.data.sampling.sampler import PatchSampler
from omentum.errors import TrainingError
from omentum.model import UniversalModel
from omentum.model.terms import under
from omentum.train.batches import Delivery, Share, deliveries
from omentum.train.config.settings import TrainConfig
from omentum.train.distributed import gathered, highest, join_processes, summed
from omentum.train.error_messages import translate_torch_errors
from omentum.train.fresh_model import new_model
from omentum.train.learner import Learner, Step
from omentum.train.losses.distillation import Distillation
from omentum.train.losses.patch_loss import Loss
from omentum.train.network_check import check_network
from omentum.train.optimise.schedule import may_go_on_as, rate_share
from omentum.train.run.checkpoints import MODEL_FILE, Checkpoints, steps_in
from omentum.train.run.folder import BEST_FILE, CHECKPOINTS, RESULT_FILE, VALIDATION_FILE, claim, locked, publish
from omentum.train.run.identity import described, run_identity
from omentum.train.run.log import LOG_EVERY, Pace, RunLog
from omentum.train.stopping import StoppedError, StopRequest
from omentum.train.validate import Validation, validate

if TYPE_CHECKING:
    from lightning_fabric import Fabric

EventListener = Callable[[str, dict[str, Any]], None]
"""Receives every kind of event with its figures: "begin" (steps), from what makes a run of its own; "advance" (step)
after each step; "step" (step, means of the last steps, rate, seconds_a_step, patches_a_second, waiting); "validating"
(done, of); "validation" (step, mean_dice, dice); "saved" (step); "warning" (text)."""

SKIPPED_STEPS_LIMIT = 20
"""So many steps in a row with a gradient that is not finite end the run."""

UNREADABLE_SHARE = 0.01
"""A run goes on without cases that cannot be read, up to this share of all; one is always forgiven."""


def run_training(
    config: TrainConfig,
    sampler: PatchSampler,
    held_out: Sequence[LabelledCase],
    run: Path,
    listener: EventListener,
    *,
    model: UniversalModel | None = None,
    loss: Loss | None = None,
    distillation: Distillation | None = None,
    record: Mapping[str, Any] | None = None,
) -> Path:
    """Train a model, or resume the run in `run`.

    Under `torchrun`, all processes call this and share the work; the result does not depend on their number, except for
    rounding.

    Args:
        config: Definition of the run.
        sampler: Source of patches.
        held_out: Cases for validation.
        run: Folder for checkpoints, log and result; created if missing.
        listener: Called with the events of the run, in the first process only.
        model: Model to train instead of `new_model(config)`.
        loss: Loss of the generated heads, instead of the configured one; see `Loss`.
        distillation: Added to the loss; a frozen model whose classes are the first ones of `model`.
        record: Record for the checkpoints of training data, held-out data and licences; see
            `omentum.train.run.sources.TrainingData`.

    Returns:
        The checkpoint of the averaged model, `run/model.safetensors`.

    Raises:
        UsageError: The folder belongs to another run, or another process writes to it.
        StoppedError: SIGTERM or Ctrl-C; the run is saved.
        TrainingError: The loss is repeatedly not finite, too many cases cannot be read, memory is exhausted, or another
            process of the run ended.
    """
    torch.manual_seed(config.seed)
    fabric = join_processes(config)
    first = fabric.global_rank == 0
    with translate_torch_errors(run, fabric.global_rank), StopRequest() as stop, ExitStack() as held:
        # All checks that may fail come before the folder is created.
        model = new_model(config, sampler.classes) if model is None else model
        check_network(model, config.patch)
        share = Share(config.batch, config.accumulation_steps, fabric.world_size, fabric.global_rank)
        learner = Learner(model, sampler.sources, config, fabric, loss, distillation)
        if first:
            held.enter_context(locked(run))
            split = (record or {}).get("split")
            identity = run_identity(config, model.spec.class_keys, sampler.sources, held_out, split)
            done = max(steps_in(run / CHECKPOINTS), default=0)
            if remark := claim(run, identity, lambda steps: may_go_on_as(config, steps, done)):
                listener("warning", {"text": remark})
        fabric.barrier()
        _Run(learner, fabric, run, listener if first else _silent, held_out, record or {}).go(sampler, share, stop)
    return run / RESULT_FILE


class _Run:
    """State of a run in progress."""

    def __init__(
        self,
        learner: Learner,
        fabric: Fabric,
        run: Path,
        listener: EventListener,
        held_out: Sequence[LabelledCase],
        record: Mapping[str, Any],
    ) -> None:
        self._learner, self._fabric, self._path, self._emit = learner, fabric, run, listener
        self._config, self._held_out, self._record = learner.config, held_out, record
        self._checkpoints = Checkpoints(run / CHECKPOINTS, self._config.keep_checkpoints)
        self._faults: set[Fault] = set()
        self._reported_faults: set[Fault] = set()
        self._figures: list[dict[str, torch.Tensor]] = []
        self.step, self.skipped = self._restore()
        (self._validation, *_) = gathered(fabric, Validation.read(run / VALIDATION_FILE))
        self._log = RunLog(run, self.step) if fabric.global_rank == 0 else None
        self._pace = Pace(self._config.batch)

    def go(self, sampler: PatchSampler, share: Share, stop: StopRequest) -> None:
        """Train from the current step to the last one."""
        config = self._config
        if self.step and self._due(config.validate_every) and self._validation.step < self.step:
            self._validate()  # interrupted between saving and validating
        cases = sum(len(source.cases) for source in sampler.sources)
        for step, delivery in deliveries(
            sampler, share, range(self.step, config.steps), self._fabric.device, config.workers
        ):
            torch.manual_seed(_seed_of(config.seed, step, share.rank))
            taken = self._learner.step(delivery.batches, step, rate_share(config, step))
            self.step = step + 1
            self._pace.step(delivery.waited_s)
            self._note(taken, delivery)
            if self.step % LOG_EVERY == 0 or self.step == config.steps:
                self._report(cases)
            if self._due(config.save_every) or self._due(config.validate_every):
                self._save()
            if self._due(config.validate_every):
                self._validate()
            if (number := highest(self._fabric, stop.number)) and self.step < config.steps:
                if self._checkpoints.steps[-1:] != [self.step]:
                    self._save()
                raise StoppedError(number, self.step, self._path)
        if self._log is not None:
            self._log.close()

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self._config.steps

    def _note(self, step: Step, delivery: Delivery) -> None:
        """Collect the figures of a step; report a skipped step with its cases, and stop after too many of them."""
        self._faults.update(delivery.faults)
        self._emit("advance", {"step": self.step})
        if step.taken:
            self._figures.append(step.figures)
            self.skipped = 0
            return
        self.skipped += 1
        names = [name for names in gathered(self._fabric, delivery.names) for name in names]
        self._event("skipped", cases=names)
        self._emit("warning", {"text": f"step {self.step}: gradient not finite, not taken; cases {', '.join(names)}"})
        if self.skipped >= SKIPPED_STEPS_LIMIT:
            reason = f"the gradient was not finite in {self.skipped} steps in a row, last with {', '.join(names)}"
            remedy = f"lower the learning rates or look at these cases; {self._last_saved()}"
            raise TrainingError(reason, source=self._path, remedy=remedy)

    def _report(self, cases: int) -> None:
        """Report means over the last steps and all processes, and unreadable cases."""
        pace = self._pace.figures()
        if self._figures:
            names = list(self._figures[0])
            means = torch.stack([torch.stack([f[name].float() for f in self._figures]).mean() for name in names])
            everywhere = (summed(self._fabric, means) / self._fabric.world_size).tolist()
            figures = dict(zip(names, everywhere, strict=True)) | pace
            figures |= {"rate": rate_share(self._config, self.step - 1)}
            self._event("step", **figures)
            self._emit("step", {"step": self.step, **figures})
            self._figures = []
        faults = set().union(*gathered(self._fabric, self._faults))
        for fault in sorted(faults - self._reported_faults):
            self._event("unreadable", case=fault.case, reason=fault.reason)
            self._emit("warning", {"text": f"{fault.case} cannot be read and is left out: {fault.reason}"})
        self._reported_faults |= faults
        unreadable = sorted({fault.case for fault in faults})
        if len(unreadable) > max(1, UNREADABLE_SHARE * cases):
            reason = f"{len(unreadable)} of {cases} cases cannot be read: {', '.join(unreadable[:5])}"
            raise TrainingError(reason, source=self._path, remedy=f"mend or remove them; {self._last_saved()}")

    def _save(self) -> None:
        """Save a checkpoint and the current result."""
        if self._fabric.global_rank == 0:
            model = self._learner.average.model
            training = {"steps": self.step, "config": described(self._config), **self._record}
            model.spec = under(model.spec, training)
            state = self._learner.state() | {"step": self.step, "skipped": self.skipped}
            best = self._validation.best_step
            publish(self._checkpoints.save(self.step, state, model, best) / MODEL_FILE, self._path / RESULT_FILE)
            self._emit("saved", {"step": self.step})
        self._fabric.barrier()

    def _validate(self) -> None:
        """Validate the averaged model on the held-out cases; always after it has been saved."""
        if not self._held_out:
            return
        dice = validate(
            self._learner.average.model,
            self._held_out,
            self._fabric,
            bf16=self._config.bf16,
            progress=lambda done, of: self._emit("validating", {"done": done, "of": of}),
        )
        self._validation = found = self._validation.after(self.step, dice)
        if self._fabric.global_rank == 0:
            if found.best_step == self.step:
                publish(self._checkpoints.place(self.step) / MODEL_FILE, self._path / BEST_FILE)
            found.write(self._path / VALIDATION_FILE)
        self._event("validation", mean_dice=found.mean_dice, dice=dice)
        self._emit("validation", {"step": self.step, "mean_dice": found.mean_dice, "dice": dice})

    def _restore(self) -> tuple[int, int]:
        """Resume from the newest checkpoint, chosen by the first process; returns the steps done and skipped."""
        fabric, warn = self._fabric, lambda text: self._emit("warning", {"text": text})
        state = self._checkpoints.newest(warn) if fabric.global_rank == 0 else None
        steps = self._checkpoints.steps[-1:] if state is not None else []
        (steps, *_) = gathered(fabric, steps)
        if not steps:
            return 0, 0
        if state is None:
            state = self._checkpoints.load(steps[0])
        self._learner.restore(state)
        return int(state["step"]), int(state["skipped"])

    def _last_saved(self) -> str:
        steps = self._checkpoints.steps
        return f"the last checkpoint is of step {steps[-1]}" if steps else "nothing has been saved yet"

    def _event(self, kind: str, **figures: Any) -> None:
        if self._log is not None:
            self._log.write(kind, self.step, **figures)


def _silent(kind: str, figures: dict[str, Any]) -> None:
    """Listener of all processes but the first."""


def _seed_of(seed: int, step: int, rank: int) -> int:
    """Seed of the network's randomness in a step (dropout), derived from its arguments; no generator state is saved."""
    return (seed * 1_000_003 + step) * 1_009 + rank
