"""Folder of label maps named after their CTs, the format expected by challenges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from omentum.errors import OutputError, UsageError
from omentum.io.nifti import copy_nifti
from omentum.output_checks import check_output
from omentum.pipeline.batch.inputs import CT
from omentum.pipeline.batch.jobs import CaseOutcome, Job
from omentum.pipeline.batch.resume import has_result
from omentum.pipeline.outputs import is_single_file
from omentum.result_files import LABEL_MAP


@dataclass(frozen=True)
class Submission:
    """Folder that receives a copy of every label map.

    Args:
        folder: Folder used for nothing else.
        results: Folder of the case folders.
        jobs: All jobs.
        overwrite: Whether existing files may be replaced, even if their case has not been segmented yet.
    """

    folder: Path
    results: Path
    jobs: Sequence[Job]
    overwrite: bool = False

    def check(self) -> None:
        """Check before any computation that the files can be written and replace no CT.

        Raises:
            UsageError: the folder is the same as that of the results.
            OutputError: a file exists, or the folder cannot be written.
        """
        if is_single_file(self.results):
            raise UsageError("is one file already", source=self.results, remedy="give a folder with -o")
        if self.folder.resolve() == self.results.resolve():
            raise UsageError("is the folder of the results, too", source=self.folder, remedy="give it a folder alone")
        sources = [job.source for job in self.jobs]
        for job in self.jobs:
            again = self.overwrite or has_result(job.target)
            check_output(self.folder / self.names[job.case], inputs=sources, overwrite=again)

    @cached_property
    def names(self) -> dict[str, str]:
        """Case -> file name: that of the CT if unique, otherwise the case name for all.

        CTs in case folders all have the same name (`ct.nii.gz`), so case names are used for them.
        """
        own = {job.case: _own_name(job) for job in self.jobs}
        if len({name.lower() for name in own.values()}) == len(own):
            return own
        return {case: f"{case}.nii.gz" for case in own}

    def add(self, outcomes: Sequence[CaseOutcome]) -> int:
        """Copy the label maps of all finished cases.

        Returns:
            Number of copied label maps.

        Raises:
            OutputError: a file cannot be written.
        """
        done = [outcome.job for outcome in outcomes if outcome.error is None]
        for job in done:
            label_map = job.target / LABEL_MAP
            if not label_map.is_file():
                raise OutputError("its label map is gone", source=job.target, remedy="run again with --overwrite")
            copy_nifti(label_map, self.folder / self.names[job.case])
        return len(done)


def _own_name(job: Job) -> str:
    """File name of the CT; for DICOM, case folders and anonymous cases, the case name."""
    is_nifti = job.source.name.lower().endswith((".nii", ".nii.gz")) and not job.source.is_dir()
    return job.source.name if is_nifti and job.source.name != CT and not job.anonymous else f"{job.case}.nii.gz"
