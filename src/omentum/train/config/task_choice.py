"""Initial weights, a transfer task and its structures, as given on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.option_fields import Group, option


@dataclass(frozen=True)
class TaskChoice:
    """What a run starts from, and what it learns.

    Args:
        init: Initial weights: a file or a name.
        task: TOML file of a transfer task; see `omentum.train.config.task`.
        classes: Structures to learn, in words.
    """

    init: str | None = field(
        default=None,
        metadata=option("initial weights: a file, or a name of omentum weights list", Group.INPUT, metavar="WEIGHTS"),
    )
    task: Path | None = field(
        default=None,
        metadata=option(
            "instead of CONFIG: a TOML file with data, classes and mode; network and grid are those of --init",
            Group.INPUT,
            kind=Path,
            metavar="FILE",
        ),
    )

    classes: str | None = field(
        default=None,
        metadata=option("learn only these: liver,kidneys; by default all", Group.FIND, metavar="NAMES"),
    )

    @property
    def settings(self) -> dict[str, str]:
        """The initial weights as a setting of a run."""
        return {} if self.init is None else {"init": self.init}
