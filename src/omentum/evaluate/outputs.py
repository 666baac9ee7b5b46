"""Output files of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.option_fields import Group, option

if TYPE_CHECKING:
    from omentum.evaluate.evaluation import Evaluation


@dataclass(frozen=True)
class EvaluationFiles:
    """Paths of the output files; None to skip one.

    Args:
        json: All scores as JSON.
        csv: CSV with one row per case and structure.
        html: HTML page with tables, box plots and the worst cases.
        operating_points: CSV with one row per lesion type and false-positive rate, with the threshold.
    """

    json: Path | None = field(
        default=None,
        metadata=option("write JSON", Group.OUTPUT, flags=("--json-file",), kind=Path, metavar="FILE"),
    )
    csv: Path | None = field(
        default=None,
        metadata=option("write CSV: one line per case and structure", Group.OUTPUT, kind=Path, metavar="FILE"),
    )
    html: Path | None = field(
        default=None,
        metadata=option(
            "write a page with tables, box plots and pictures of the worst cases",
            Group.OUTPUT,
            kind=Path,
            metavar="FILE",
        ),
    )
    operating_points: Path | None = field(
        default=None,
        metadata=option(
            "write CSV: thresholds for given numbers of false lesions per scan",
            Group.OUTPUT,
            kind=Path,
            metavar="FILE",
        ),
    )

    def check(self, lists: Sequence[Path], inputs: Sequence[Path]) -> None:
        """Check that the files can be written and replace no input, before hours of work.

        Args:
            lists: Files named by the options.
            inputs: Predictions and references: files or folders.

        Raises:
            OutputError: a file cannot be written, or would replace an input.
            UsageError: the same file is requested twice.
        """
        from omentum.evaluate.pairing import read_in
        from omentum.output_checks import check_distinct, check_report

        read = [read_in(path) for path in inputs]
        files = [*lists, *(file for files, _ in read for file in files)]
        within = [folder for _, folders in read for folder in folders]
        wanted = [path for path in (self.json, self.csv, self.html, self.operating_points) if path]
        for path in wanted:
            check_report(path, inputs=files, within=within)
        check_distinct(wanted)

    def write(self, result: Evaluation) -> None:
        """Write the files; each is written atomically.

        Raises:
            OutputError: a file cannot be written.
        """
        from omentum.atomic import write_json
        from omentum.evaluate import files

        if self.json:
            write_json(self.json, result.to_json())
        if self.csv:
            files.write_csv(self.csv, result.evaluated.scores)
        if self.operating_points:
            files.write_operating_points(self.operating_points, result.summary.curves)
        if self.html:
            from omentum.evaluate.page import write_page

            write_page(self.html, result)
