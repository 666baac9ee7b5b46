"""Inputs with a DICOMweb address: pulled into a private temporary folder, which is deleted afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omentum.access import read_token
from omentum.errors import InputError, OmentumError, OutputError, UsageError
from omentum.home import private_folder, private_temporary
from omentum.io.dicom.choice import CHOOSE, MOST_LISTED
from omentum.io.dicom.subseries import is_called, series_code
from omentum.pacs.address import DicomWebAddress, is_address, parse_address
from omentum.pacs.dicom_json import RemoteSeries
from omentum.pacs.dicomweb import DicomWebClient
from omentum.pacs.options import TOKEN_VARIABLE, DicomWebOptions
from omentum.pacs.results import dicom_results
from omentum.pacs.uids import name_of_series
from omentum.progress import ProgressListener

FOLDER = "omentum-dicomweb"
CT = "CT"


@dataclass(frozen=True)
class PulledInputs:
    """Inputs of a segmentation.

    Args:
        paths: Local paths, in the order of the inputs.
        remote: Local folder of each series that was pulled -> its address.
        token: See `read_token`.
        faults: Those of `paths` that are not there, because nothing could be pulled -> why.
    """

    paths: tuple[Path, ...]
    remote: dict[Path, DicomWebAddress]
    token: str | None = field(default=None, repr=False)
    faults: Mapping[Path, OmentumError] = field(default_factory=dict)

    def stow(self, source: Path, target: Path) -> int:
        """Store the DICOM results of a series on the server that it came from.

        Args:
            source: One of `paths`.
            target: Its case folder.

        Returns:
            Number of objects; 0 if no structure was found.

        Raises:
            OutputError: see `DicomWebClient.store`.
        """
        if files := dicom_results(target):
            with DicomWebClient(self.remote[source], self.token) as client:
                client.store(files)
        return len(files)


@contextmanager
def pulled(
    inputs: Sequence[str], options: DicomWebOptions, progress: ProgressListener, series: str | None = None
) -> Iterator[PulledInputs]:
    """Pull the series among the inputs; they are deleted at the end of the block.

    Args:
        inputs: Paths and addresses.
        options: See `DicomWebOptions`.
        progress: Told how many images have come.
        series: Which series of a study; see `choose_series`.

    Raises:
        InputError, OutputError: nothing can be pulled from the only input; see `DicomWebClient` and `choose_series`.
        UsageError: an address is invalid.
    """
    addresses = {text: parse_address(text) for text in inputs if is_address(text)}
    local = next((text for text in inputs if text not in addresses), None)
    if options.stow and (local is not None or not inputs):
        raise UsageError("did not come from a DICOMweb server, to which --stow returns results", source=local)
    if not addresses:
        yield PulledInputs(tuple(map(Path, inputs)), {})
        return
    token = read_token(options.token_file, TOKEN_VARIABLE)
    with _room() as place:
        folders: dict[str, Path] = {}
        faults: dict[Path, OmentumError] = {}
        for text, address in addresses.items():
            try:
                folders[text] = _pull(address, token, place, progress, series)
            except (InputError, OutputError) as fault:
                if len(inputs) == 1:
                    raise
                folders[text] = place / name_of_series(address.series or address.study)
                faults[folders[text]] = fault
        paths = tuple(folders.get(text) or Path(text) for text in inputs)
        yield PulledInputs(paths, {folder: addresses[text] for text, folder in folders.items()}, token, faults)


def choose_series(found: Sequence[RemoteSeries], shown: str, series: str | None = None) -> RemoteSeries:
    """The only CT series that can be a volume; several are listed and refused, as in a folder.

    Args:
        found: What the server lists.
        shown: The server, for messages.
        series: Number of the series, or the code by which a refusal lists it. One that no series has may be the code
            of a phase, which shows only in the images: it is left to their reader if there is one series.

    Raises:
        InputError: there is none, there are several, or the one that is asked for is no CT.
    """
    if series is not None and (named := [one for one in found if is_called(series, one.number, series_code(one.uid))]):
        chosen = [one for one in named if one.modality == CT] or named
        if len(chosen) > 1:
            raise _refused(f"series {series} is ambiguous, {len(chosen)} are called so", chosen, shown)
        if chosen[0].modality != CT:
            raise InputError(f"series {series} is of modality {chosen[0].modality}, expected CT", source=shown)
        return chosen[0]
    cts = [one for one in found if one.modality == CT]
    volumes = cts if len(cts) == 1 else [one for one in cts if one.images is None or one.images > 1] or cts
    if len(volumes) == 1:
        return volumes[0]
    if volumes:
        raise _refused(f"has no series {series}" if series else f"holds {len(volumes)} CT series", volumes, shown)
    held = f"holds no CT series: {_listed(found)}" if found else "has no such study or series"
    raise InputError(held, source=shown)


def _refused(reason: str, series: Sequence[RemoteSeries], shown: str) -> InputError:
    return InputError(f"{reason}: {_listed(series)}", source=shown, remedy=CHOOSE)


def _pull(
    address: DicomWebAddress, token: str | None, place: Path, progress: ProgressListener, series: str | None
) -> Path:
    progress.step(f"asking {address.shown}")
    with DicomWebClient(address, token) as client:
        chosen = choose_series(client.list_series(), address.shown, series)
        folder = place / name_of_series(chosen.uid)
        folder.mkdir(exist_ok=True)
        progress.begin(f"receiving {folder.name}", 1, 1)
        client.retrieve(chosen, folder, lambda done, of: progress.progress(done, max(of or done, done)))
    return folder


def _listed(series: Sequence[RemoteSeries]) -> str:
    more = f", and {len(series) - MOST_LISTED} more" if len(series) > MOST_LISTED else ""
    return ", ".join(map(_described, series[:MOST_LISTED])) + more


def _described(one: RemoteSeries) -> str:
    images = "" if one.images is None else f", {one.images} images"
    number = "?" if one.number is None else one.number
    return f"series {number} [{series_code(one.uid)}] ({one.modality}{images})"


@contextmanager
def _room() -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder(FOLDER))
        except OSError as fault:
            raise OutputError(f"cannot be written: {fault.strerror or fault}", source=private_temporary()) from fault
        yield folder
