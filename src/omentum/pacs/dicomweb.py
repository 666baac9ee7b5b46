"""Client of a DICOMweb service (PS3.18): lists series (QIDO-RS), retrieves one (WADO-RS), stores results (STOW-RS).

The server is not trusted: every byte is counted against limits, redirects are not followed, files get names of ours,
and what comes is checked to be DICOM of the series that was asked for. Messages contain neither UIDs nor the token.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from omentum.access import is_loopback
from omentum.errors import InputError, MissingDependencyError, OutputError, UsageError
from omentum.io.dicom.damage import damage_errors
from omentum.io.dicom.open import is_dicom_file, open_dicom
from omentum.pacs.address import DicomWebAddress
from omentum.pacs.dicom_json import SERIES_FIELDS, RemoteSeries, number_refused
from omentum.pacs.multipart import DICOM, FileParts, MultipartError, PartStream, boundary_of

if TYPE_CHECKING:
    import httpx

Received = Callable[[int, int | None], None]
"""Called with images received and images expected (None if the server does not say)."""

MOST_JSON_BYTES = 16 * 2**20
MOST_SERIES = 1000
MOST_IMAGES = 20_000
MOST_FILE_BYTES = 4 * 2**30
MOST_BYTES = 64 * 2**30
LEAST_RATE, PATIENCE_S = 1000.0, 60.0
"""A server that sends fewer bytes a second for so long is given up."""
TIMEOUT_S = 30.0
"""Longest silence of a server."""
ATTEMPTS, PAUSE_S = 3, 0.5
PASSING = frozenset({429, 502, 503, 504})
"""Status codes after which another attempt may succeed."""
T = TypeVar("T")


class DicomWebClient:
    """A connection to the service of an address; a context manager.

    Args:
        address: Study or series.
        token: Sent as bearer token; only over https or to this machine.

    Raises:
        UsageError: the token would be sent unprotected.
        MissingDependencyError: httpx is not installed.
    """

    def __init__(self, address: DicomWebAddress, token: str | None = None) -> None:
        try:
            import httpx
        except ImportError as fault:
            raise MissingDependencyError("DICOMweb needs httpx", remedy="pip install 'omentum[pacs]'") from fault
        if token and address.base.startswith("http:") and not is_loopback(httpx.URL(address.base).host):
            raise UsageError("a token is not sent without encryption", source=address.shown, remedy="use dicomwebs://")
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, which contain UIDs
        headers = {"Accept-Encoding": "identity", "User-Agent": "omentum"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        try:
            self._client = httpx.Client(headers=headers, timeout=TIMEOUT_S, follow_redirects=False)
        except (OSError, ValueError) as fault:  # of certificates or proxies in the environment
            raise UsageError(f"cannot connect: {fault}", source=address.shown) from fault
        self._address, self._shown = address, address.shown

    def __enter__(self) -> DicomWebClient:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()

    def list_series(self) -> list[RemoteSeries]:
        """Series of the study (QIDO-RS), or the one of the address.

        Raises:
            InputError: the server refuses, is not reached, or answers with nonsense.
        """
        fields = "&".join(f"includefield={tag}" for tag in SERIES_FIELDS.values())
        only = "" if self._address.series is None else f"&SeriesInstanceUID={self._address.series}"
        listed = self._with_attempts(lambda: self._json(f"series?{fields}{only}"))
        try:
            found = [RemoteSeries.of_json(one) for one in listed]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as fault:
            raise self._fault("lists its series in a form that is not DICOM JSON") from fault
        return [one for one in found if self._address.series in (None, one.uid)]

    def retrieve(self, series: RemoteSeries, folder: Path, received: Received | None = None) -> int:
        """Retrieve all images of a series (WADO-RS) as files of a folder.

        Args:
            series: See `list_series`.
            folder: Empty folder.
            received: Called after every image.

        Returns:
            Number of images.

        Raises:
            InputError: as for `list_series`; or images are missing, too large, not DICOM, or of another series.
            OutputError: there is no room.
        """

        def attempt() -> int:
            for left in folder.iterdir():
                left.unlink()
            return self._images(series, folder, received)

        count = self._with_attempts(attempt)
        if not count or (series.images is not None and count < series.images):
            expected = "" if series.images is None else f" of {series.images}"
            raise self._fault(f"sent {count}{expected} images of the series", "try again, or ask its administrator")
        return count

    def store(self, files: Sequence[Path]) -> None:
        """Store DICOM files in the study of the address (STOW-RS).

        Raises:
            OutputError: the server refuses one of them, or is not reached.
        """
        body = FileParts(files)
        headers = body.headers | {"Accept": "application/dicom+json"}
        url = f"{self._address.base}/studies/{self._address.study}"
        try:
            with self._reaching(), self._client.stream("POST", url, content=body.chunks(), headers=headers) as answer:
                text = b"".join(self._counted(answer, MOST_JSON_BYTES))
        except InputError as fault:
            raise OutputError(f"results not stored: {fault.reason}", source=self._shown) from fault
        count = number_refused(text)
        if answer.status_code not in (200, 202) or count:
            refused = f", {count} of {len(files)} files" if count else ""
            raise OutputError(
                f"refuses to store the results (status {answer.status_code}{refused})", source=self._shown
            )

    def _with_attempts(self, attempt: Callable[[], T]) -> T:
        for pause in range(ATTEMPTS - 1):
            try:
                return attempt()
            except _PassingError:
                time.sleep(PAUSE_S * 2**pause)
        return attempt()

    def _json(self, resource: str) -> list[Any]:
        with self._get(resource, "application/dicom+json") as answer:
            text = b"".join(self._counted(answer, MOST_JSON_BYTES))
        if answer.status_code == 204 or not text:
            return []
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind not in ("application/dicom+json", "application/json"):
            raise self._fault(f"answers with {kind[:60] or 'nothing'}, expected application/dicom+json")
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError) as fault:
            raise self._fault("answers with JSON that is damaged") from fault
        if not isinstance(listed, list) or len(listed) > MOST_SERIES:
            raise self._fault(f"lists no series, or more than {MOST_SERIES}")
        return listed

    def _images(self, series: RemoteSeries, folder: Path, received: Received | None) -> int:
        accepted = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
        room = min(MOST_BYTES, shutil.disk_usage(folder).free * 9 // 10)
        count = 0
        with self._get(f"series/{series.uid}", accepted) as answer:
            try:
                stream = PartStream(
                    self._counted(answer, room), boundary_of(answer.headers.get("Content-Type", "nothing"))
                )
                for kind, content in stream.parts():
                    if kind not in (DICOM, ""):
                        raise self._fault(f"sends a part of type {kind[:60]}, expected {DICOM}")
                    if count == MOST_IMAGES:
                        raise self._fault(f"sends more than {MOST_IMAGES} images")
                    self._keep(content, folder / f"{count:06}.dcm", series)
                    count += 1
                    if received is not None:
                        received(count, series.images)
            except MultipartError as fault:
                raise self._fault(str(fault)) from fault
        return count

    def _keep(self, content: Iterator[bytes], path: Path, series: RemoteSeries) -> None:
        """Write one image and check that it is what was asked for."""
        size = 0
        try:
            with path.open("xb") as file:
                for chunk in content:
                    size += len(chunk)
                    if size > MOST_FILE_BYTES:
                        raise self._fault(f"sends an image of more than {MOST_FILE_BYTES} bytes")
                    file.write(chunk)
        except OSError as fault:
            raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path.parent) from fault
        if (found := _series_uid(path)) is None:
            raise self._fault("sends a file that is not DICOM")
        if found != series.uid:
            raise self._fault("sends images of another series than the one that was asked for")

    @contextmanager
    def _get(self, resource: str, accepted: str) -> Iterator[httpx.Response]:
        """An answer whose content was not read yet; its status is a success."""
        url = f"{self._address.base}/studies/{self._address.study}/{resource}"
        with self._reaching(), self._client.stream("GET", url, headers={"Accept": accepted}) as answer:
            self._check_status(answer)
            yield answer

    def _check_status(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if answer.is_success:
            return
        if answer.is_redirect:
            raise self._fault("redirects to another address, which is not followed", "give the final address")
        remedy = {
            401: "a token comes from --token-file or the environment variable OMENTUM_DICOMWEB_TOKEN",
            403: "the token gives no access to this study",
            404: "it has no such study or series, or its path is another one",
        }.get(status)
        text = f"answers {status} {answer.reason_phrase[:60]}"
        if status in PASSING:
            raise _PassingError(text, source=self._shown, remedy="try again later")
        raise self._fault(text, remedy)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Translate the errors of the connection, without the address, which contains UIDs."""
        import httpx

        try:
            yield
        except httpx.TimeoutException as fault:
            raise _PassingError(f"no answer for {TIMEOUT_S:g} s", source=self._shown) from fault
        except httpx.ConnectError as fault:
            reason = str(fault) or type(fault).__name__
            raise _PassingError(f"cannot be reached: {reason}", source=self._shown) from fault
        except httpx.TransportError as fault:
            reason = "sends less or more than it announced, or broke off"
            raise _PassingError(f"{reason} ({type(fault).__name__})", source=self._shown) from fault
        except httpx.InvalidURL as fault:
            raise UsageError("is no valid address", source=self._shown) from fault

    def _counted(self, answer: httpx.Response, most: int) -> Iterator[bytes]:
        """The content as sent, counted; compression was not asked for and is refused."""
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise self._fault("sends compressed content, which was not asked for")
        total, started = 0, time.monotonic()
        for chunk in answer.iter_raw():
            total += len(chunk)
            if total > most:
                raise self._fault(f"sends more than {most} bytes")
            elapsed = time.monotonic() - started
            if elapsed > PATIENCE_S and total < LEAST_RATE * elapsed:
                raise self._fault(f"sends fewer than {LEAST_RATE:g} bytes a second")
            yield chunk

    def _fault(self, reason: str, remedy: str | None = None) -> InputError:
        return InputError(reason, source=self._shown, remedy=remedy)


class _PassingError(InputError):
    """A failure after which another attempt may succeed."""


def _series_uid(path: Path) -> str | None:
    """Series of a DICOM file; None if it is none."""
    if not is_dicom_file(path):
        return None
    try:
        return str(open_dicom(path, pixels=False, tags=["SeriesInstanceUID"]).get("SeriesInstanceUID") or "")
    except damage_errors():
        return None
