"""Output paths of `omentum weights`."""

from __future__ import annotations

from pathlib import Path

from omentum.errors import UsageError


def check_new(output: Path, overwrite: bool, source: Path) -> None:
    """Refuse an output path that must not be written.

    Raises:
        UsageError: wrong suffix.
        OutputError: see `check_output`.
    """
    from omentum.output_checks import check_output

    if output.suffix != ".safetensors":
        raise UsageError("the output is a .safetensors file", source=output)
    check_output(output, inputs=[source], overwrite=overwrite)
