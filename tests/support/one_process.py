"""One process of a toy run, for tests that start several or kill them: one_process.py FOLDER {"steps": 8, ...} [DIE]

With DIE, the process of rank 1 kills itself with SIGKILL after so many steps.
"""

import json
import os
import signal
import sys
import warnings
from pathlib import Path

import torch
import toy_run

from omentum.errors import OmentumError
from omentum.train import loop


def main(folder: str, changes: str, die: str = "") -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    config = toy_run.changed(**{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(changes).items()})
    sampler = toy_run.sampler(config)
    if die and os.environ.get("RANK") == "1":
        sampler = Deadly(sampler, config.batch * int(die))
    try:
        loop.run_training(config, sampler, (), Path(folder), told, model=toy_run.model(config))
    except OmentumError as fault:
        print(f"error: {fault}", file=sys.stderr, flush=True)
        sys.exit(fault.exit_code)


class Deadly:
    def __init__(self, inner, number):
        self.inner, self.number = inner, number
        self.sources, self.classes = inner.sources, inner.classes

    def batch(self, numbers):
        if numbers[0] >= self.number:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inner.batch(numbers)


def told(kind, figures):
    if kind == "advance":
        print(f"step {figures['step']}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
