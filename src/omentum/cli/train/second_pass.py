"""`omentum train` with a configuration that has `[[regions]]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from omentum.errors import UsageError


def train_regions(
    config: str,
    out: Path | None,
    settings: Mapping[str, Any],
    data: Sequence[Path],
    refused: Mapping[str, bool],
    *,
    show: bool,
    silent: bool,
) -> None:
    """Train a second pass, or print its settings.

    Args:
        config: TOML file.
        out: Folder of the run.
        settings: Instead of the file's.
        data: Folders of cases, instead of the file's.
        refused: Options that mean nothing here -> whether they were given.
        show: Print the settings; no run.
        silent: No progress.

    Raises:
        UsageError: There is no folder for the run, or an option that means nothing here.
    """
    from omentum.train.run.show import settings_toml
    from omentum.train.second_pass.toml_file import load_second_pass

    if given := [name for name, was_given in refused.items() if was_given]:
        raise UsageError(f"[[regions]] train a second pass, without {', '.join(given)}", source=config)
    run = load_second_pass(config, settings, data)
    if show:
        typer.echo(settings_toml(run))
        return
    if out is None:
        raise UsageError("needs a folder for the run", remedy="add -o FOLDER")

    from omentum.cli.case_warnings import print_case_warnings
    from omentum.cli.train.progress import TrainProgress
    from omentum.train.second_pass.training import train_second_pass

    with print_case_warnings(), TrainProgress(run.steps, silent=silent) as progress:
        train_second_pass(run, out, progress=progress)
