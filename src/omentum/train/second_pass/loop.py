"""The loop of a second pass: draw crops, take steps, save checkpoints that hold both passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omentum.errors import TrainingError
from omentum.model import UniversalModel
from omentum.model.growth.second_pass import with_second_pass
from omentum.model.terms import under
from omentum.spec import RegionSpec
from omentum.train.loop import SKIPPED_STEPS_LIMIT, EventListener
from omentum.train.optimise.schedule import share_of_peak
from omentum.train.run.checkpoints import MODEL_FILE, Checkpoints
from omentum.train.run.folder import CHECKPOINTS, RESULT_FILE, publish
from omentum.train.run.identity import described
from omentum.train.run.log import LOG_EVERY, Pace, RunLog
from omentum.train.second_pass.crops import Crop, CropSampler
from omentum.train.second_pass.learner import SecondPassLearner, SecondPassStep
from omentum.train.stopping import StoppedError, StopRequest

SECOND_PASS = "second_pass"
"""Entry of `CheckpointSpec.training`: steps and settings of the second pass, beside those of the first."""


class SecondPassRun:
    """A run in progress, from its newest checkpoint on.

    Args:
        learner: New network, on its device.
        first: The first pass; it becomes part of every checkpoint.
        regions: Where the classes of the network are looked for.
        run: Folder of the run, which belongs to it.
        listener: Called with the events of the run.
        record: What was learned from, for the checkpoints.
    """

    def __init__(
        self,
        learner: SecondPassLearner,
        first: UniversalModel,
        regions: Sequence[RegionSpec],
        run: Path,
        listener: EventListener,
        record: Mapping[str, Any],
    ) -> None:
        self._learner, self._first, self._regions = learner, first, tuple(regions)
        self._path, self._emit, self._record = run, listener, record
        self._config = learner.config
        self._checkpoints = Checkpoints(run / CHECKPOINTS, self._config.keep_checkpoints)
        self.step, self.skipped = self._restored()
        self._log, self._pace = RunLog(run, self.step), Pace(self._config.batch)
        self._taken: list[SecondPassStep] = []

    def go(self, sampler: CropSampler, stop: StopRequest) -> None:
        """Train from the current step to the last one.

        Raises:
            StoppedError: A signal was received; the run is saved.
            TrainingError: The gradient is repeatedly not finite.
        """
        config = self._config
        for step in range(self.step, config.steps):
            crops = [sampler.draw(step, number) for number in range(config.batch)]
            taken = self._learner.step(crops, step)
            self.step = step + 1
            self._pace.step(0.0)
            self._note(taken, crops)
            is_last = self.step == config.steps
            if self.step % LOG_EVERY == 0 or is_last:
                self._report()
            if self.step % config.save_every == 0 or is_last:
                self._save()
            if stop.number and not is_last:
                if self._checkpoints.steps[-1:] != [self.step]:
                    self._save()
                raise StoppedError(stop.number, self.step, self._path)
        self._log.close()

    def _restored(self) -> tuple[int, int]:
        state = self._checkpoints.newest(lambda text: self._emit("warning", {"text": text}))
        if state is None:
            return 0, 0
        self._learner.restore(state)
        return int(state["step"]), int(state["skipped"])

    def _note(self, step: SecondPassStep, crops: Sequence[Crop]) -> None:
        """Collect the figures of a step; report a skipped one, and stop after too many of them."""
        self._emit("advance", {"step": self.step})
        if step.taken:
            self._taken.append(step)
            self.skipped = 0
            return
        self.skipped += 1
        names = [crop.case for crop in crops]
        self._log.write("skipped", self.step, cases=names)
        self._emit("warning", {"text": f"step {self.step}: gradient not finite, not taken; cases {', '.join(names)}"})
        if self.skipped >= SKIPPED_STEPS_LIMIT:
            reason = f"the gradient was not finite in {self.skipped} steps in a row, last with {', '.join(names)}"
            raise TrainingError(reason, source=self._path, remedy="lower the learning rates or look at these cases")

    def _report(self) -> None:
        """Report means over the last steps."""
        pace, steps = self._pace.figures(), self._taken
        if not steps:
            return
        figures = {name: _mean([step.figures[name] for step in steps]) for name in steps[0].figures}
        config, keys = self._config, self._learner.network.spec.class_keys
        rate = share_of_peak(self.step - 1, config.steps, config.warmup_steps, config.plateau_fraction)
        seen = {k: [step.dice[k] for step in steps if k in step.dice] for k in range(len(keys))}
        dice = {keys[k]: _mean(values) for k, values in seen.items() if values}
        self._log.write("step", self.step, **figures, **pace, rate=rate, dice=dice)
        self._emit("step", {"step": self.step, **figures, **pace, "rate": rate})
        self._taken = []

    def _save(self) -> None:
        """Save a checkpoint and the current result, which holds both passes."""
        model = with_second_pass(self._first, self._learner.average.model, self._regions)
        about = {SECOND_PASS: {"steps": self.step, "config": described(self._config)}}
        model.spec = under(model.spec, {**self._first.spec.training, **self._record, **about})
        state = self._learner.state() | {"step": self.step, "skipped": self.skipped}
        place = self._checkpoints.save(self.step, state, model, best=None)
        publish(place / MODEL_FILE, self._path / RESULT_FILE)
        self._emit("saved", {"step": self.step})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
