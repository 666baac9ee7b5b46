"""The listening service: series come in, are segmented one after another by a model kept in memory, and go back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from omentum.errors import OmentumError, OutputError, UsageError, lines_of
from omentum.home import private_folder
from omentum.pacs.intake import Intake
from omentum.pacs.options import ListenOptions
from omentum.pacs.peers import destinations_for, parse_destination, shown_title
from omentum.pacs.results import dicom_results, with_dicom
from omentum.pacs.send import send_files
from omentum.pacs.spool import Spool, SpooledSeries
from omentum.pacs.storage import StorageService
from omentum.pipeline.batch.jobs import Job
from omentum.pipeline.batch.pipelined import PipelinedBatch
from omentum.pipeline.batch.workers import InlineExecutor
from omentum.pipeline.dicom_outputs import check_overlaps
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import SaveOptions
from omentum.pipeline.segmenter import Segmenter
from omentum.temporary_names import remove

Say = Callable[[str], None]
LOOK_EVERY_S = 0.2
GB = 10**9


@dataclass(frozen=True)
class Listener:
    """The service.

    Args:
        options: See `ListenOptions`.
        segmenter: Segments every series.
        save: Outputs of each.
        out: Folder for the results, out/<case>/; None to keep none.
        say: Takes lines for the log, which name no patient.

    Raises:
        UsageError: results would go nowhere, or go back without identity.
    """

    options: ListenOptions
    segmenter: Segmenter
    save: SaveOptions
    out: Path | None
    say: Say

    def __post_init__(self) -> None:
        if self.out is None and not self.options.send_to:
            raise UsageError("results would go nowhere", remedy="-o FOLDER, or --send-to AE@host:port, or both")
        if self.options.send_to:
            with_dicom(self.save)

    def serve(self, stop: threading.Event, started: Callable[[int], None] | None = None) -> None:
        """Serve until an event is set, or until an interruption; a series that is being worked on is put back.

        Args:
            stop: Ends the service.
            started: Called with the port when it listens.

        Raises:
            OmentumError: the service cannot start, or the weights cannot be used.
        """
        with self._folders() as (spool_folder, out), ExitStack() as stack:
            spool = stack.enter_context(closing(Spool(spool_folder, int(self.options.quota_gb * GB))))
            self.segmenter.load()
            check_overlaps(self.save, self.segmenter.classes)
            intake = Intake(self.options.settle_s)
            for series in spool.left_over():
                waiting = "" if (is_whole := spool.is_whole(series)) else ", broken off; waiting for the rest"
                self.say(f"{series.name}: left over from an earlier run{waiting}")
                intake.note_left_over(series, was_broken_off=not is_whole)
            service = StorageService(self.options, spool, intake.note, self.say)
            try:
                if started is not None:
                    started(service.port)
                while not stop.is_set():
                    if (complete := intake.next_complete()) is None:
                        stop.wait(LOOK_EVERY_S)
                    else:
                        self._work(complete, intake.take(complete), spool, out)
            finally:
                service.close()

    def _work(self, series: SpooledSeries, lacks: str | None, spool: Spool, out: Path) -> None:
        """Segment one series; whatever happens to it, the service goes on."""
        folder = spool.take(series)
        try:
            if lacks is not None:
                raise OutputError(lacks)
            self._segment(series, folder, out)
        except OmentumError as fault:
            self.say(f"{series.name}: error: {_anonymous(fault, folder)}")
            spool.fail(folder, lines_of(fault))
        except Exception as fault:
            self.say(f"{series.name}: error: internal fault: {type(fault).__name__}")
            spool.fail(folder, lines_of(fault))
        except BaseException:  # the service is asked to end
            spool.put_back(folder)
            raise
        else:
            spool.done(folder)

    def _segment(self, series: SpooledSeries, folder: Path, out: Path) -> None:
        case = f"case_{sha256_of(folder)[:10]}"
        self.say(f"{series.name}: from {shown_title(series.sender) or 'an unknown sender'}, segmenting as {case}")
        job = Job(case, folder, out / case, anonymous=True)
        save = with_dicom(self.save) if self.options.send_to else self.save
        (outcome,) = PipelinedBatch(self.segmenter, save, InlineExecutor(), _Quiet()).run([job])
        for warning in dict.fromkeys(map(job.anonymised, outcome.warnings)):  # told by file and by case
            self.say(f"warning: {warning}")
        if outcome.fault is not None:
            raise outcome.fault
        self.say(f"{case}: segmented in {outcome.seconds:.0f} s, {len(outcome.found)} structures found")
        try:
            self._send(series, case, job.target)
        finally:
            if self.out is None:
                remove(job.target)

    def _send(self, series: SpooledSeries, case: str, target: Path) -> None:
        destinations = destinations_for(series.sender, [parse_destination(text) for text in self.options.send_to])
        if not destinations:
            if self.options.send_to:
                raise OutputError("its sender is not known, its results are sent nowhere")
            return
        files = dicom_results(target)
        if not files:
            self.say(f"{case}: nothing was found, nothing is sent")
            return
        faults = []
        for destination in destinations:
            try:
                send_files(files, destination, self.options.aet)
                self.say(f"{case}: {len(files)} objects sent to {destination}")
            except OutputError as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    @contextmanager
    def _folders(self) -> Iterator[tuple[Path, Path]]:
        """Folders of the spool and of the results; temporary ones are removed."""
        with private_folder("omentum-listen") as temporary:
            yield self.options.spool or temporary / "spool", self.out or temporary / "results"


class _Quiet:
    """Hears nothing of the progress of a case: a log has a line for its beginning and its end."""

    def begin(self, case: str) -> None:
        """Hear nothing."""

    def progress(self, done: int, of: int) -> None:
        """Hear nothing."""

    def step(self, case: str, what: str) -> None:
        """Hear nothing."""


def _anonymous(fault: OmentumError, folder: Path) -> str:
    """The message without the folder of the spool."""
    return str(fault).replace(f"{folder}/", "").replace(str(folder), "the series")
