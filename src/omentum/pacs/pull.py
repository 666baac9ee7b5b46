"""Inputs with a DICOMweb address: pulled into a private temporary folder, which is deleted afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omentum.errors import InputError, OutputError, UsageError
from omentum.home import private_folder, private_temporary
from omentum.pacs.address import DicomWebAddress, is_address, parse_address
from omentum.pacs.dicomweb import DicomWebClient, RemoteSeries
from omentum.pacs.options import DicomWebOptions
from omentum.pacs.results import dicom_results
from omentum.pacs.token import read_token
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
        failed: Number of addresses from which nothing could be pulled, as was said already.
    """

    paths: tuple[Path, ...]
    remote: dict[Path, DicomWebAddress]
    token: str | None = field(default=None, repr=False)
    failed: int = 0

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
def pulled(inputs: Sequence[str], options: DicomWebOptions, progress: ProgressListener) -> Iterator[PulledInputs]:
    """Pull the series among the inputs; they are deleted at the end of the block.

    Args:
        inputs: Paths and addresses.
        options: See `DicomWebOptions`.
        progress: Told how many images have come.

    Raises:
        InputError: a server refuses, or has no CT series, or several, under every input.
        OutputError: there is no room.
        UsageError: an address is invalid.
    """
    addresses = {text: parse_address(text) for text in inputs if is_address(text)}
    local = next((text for text in inputs if text not in addresses), None)
    if options.stow and (local is not None or not inputs):
        raise UsageError("did not come from a DICOMweb server, to which --stow returns results", source=local)
    if not addresses:
        yield PulledInputs(tuple(map(Path, inputs)), {})
        return
    token = read_token(options.token_file)
    with _room() as place:
        folders: dict[str, Path] = {}
        faults: list[InputError | OutputError] = []
        for text, address in addresses.items():
            try:
                folders[text] = _pull(address, token, place, progress)
            except (InputError, OutputError) as fault:
                faults.append(fault)
        paths = tuple(folders.get(text) or Path(text) for text in inputs if text in folders or text not in addresses)
        for said in faults if paths else ():
            progress.say("error", str(said))
        if not paths:  # nothing is left to segment
            raise faults[0]
        remote = {folder: addresses[text] for text, folder in folders.items()}
        yield PulledInputs(paths, remote, token, len(faults))


def choose_series(found: Sequence[RemoteSeries], shown: str) -> RemoteSeries:
    """The only CT series that can be a volume; several are listed and refused, as in a folder.

    Raises:
        InputError: there is none, or there are several.
    """
    cts = [one for one in found if one.modality == CT]
    volumes = cts if len(cts) == 1 else [one for one in cts if one.images is None or one.images > 1] or cts
    if len(volumes) == 1:
        return volumes[0]
    listed = ", ".join(_described(one) for one in volumes or found)
    if not volumes:
        held = f"holds no CT series: {listed}" if found else "has no such study or series"
        raise InputError(held, source=shown)
    remedy = "add /series/UID to the address"
    raise InputError(f"holds {len(volumes)} CT series: {listed}", source=shown, remedy=remedy)


def _pull(address: DicomWebAddress, token: str | None, place: Path, progress: ProgressListener) -> Path:
    progress.step(f"asking {address.shown}")
    with DicomWebClient(address, token) as client:
        series = choose_series(client.list_series(), address.shown)
        folder = place / name_of_series(series.uid)
        folder.mkdir(exist_ok=True)
        progress.begin(f"receiving {folder.name}", 1, 1)
        client.retrieve(series, folder, lambda done, of: progress.progress(done, max(of or done, done)))
    return folder


def _described(one: RemoteSeries) -> str:
    images = "" if one.images is None else f", {one.images} images"
    return f"series {'?' if one.number is None else one.number} ({one.modality}{images})"


@contextmanager
def _room() -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder(FOLDER))
        except OSError as fault:
            raise OutputError(f"cannot be written: {fault.strerror or fault}", source=private_temporary()) from fault
        yield folder
