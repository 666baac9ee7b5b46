"""Commands that follow `omentum train --fold all`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omentum.train.config.settings import TrainConfig


def next_commands(run: TrainConfig, out: Path, numbers: Sequence[int]) -> str:
    """Next commands to run, ready to copy."""
    stores = [shlex.quote(os.path.relpath(data.store or data.folder)) for data in run.data]
    split = shlex.quote(os.path.relpath(run.split))
    every = " ".join(map(str, numbers))
    runs = shlex.quote(str(out))
    return "\n".join(
        [
            "",
            "each case by the model that did not see it, and one table of all (docs/how-to/cross-validate.md):",
            f"  for k in {every}; do omentum segment DATA --split {split} --part fold-$k \\",
            f"      -w {runs}/fold-$k/model.safetensors -o pred/fold-$k; done",
            *(f"  omentum evaluate pred {store} --split {split} --part folds" for store in stores),
            "DATA: --dataset NAME=FOLDER as in omentum data prepare, or a folder of cases",
        ]
    )
