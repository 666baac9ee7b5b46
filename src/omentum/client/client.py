"""Client of the service: one method for each thing it does, and `segment` for all of them in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from omentum.access import TOKEN_VARIABLE, read_token
from omentum.atomic import replacing_folder
from omentum.client.connection import ServiceConnection
from omentum.client.documents import JobOptions, RemoteFile, RemoteJob, RemoteState, ServerCapabilities
from omentum.client.faults import RemoteError
from omentum.client.following import follow_job
from omentum.client.inputs import files_of
from omentum.client.transfers import ByteCount, Transferred, check_download, receive_file, send_files
from omentum.errors import OutputError

PROTOCOLS = (1,)
"""Versions of the interface that this client speaks."""
PAGE = 500
"""Jobs that are asked for at a time."""
Watch = Callable[[RemoteJob], None]
"""Called with the job whenever there is news; raises what has to end the waiting."""


class Client:
    """A service; a context manager; safe for several threads.

    Args:
        url: Address, such as http://127.0.0.1:8421.
        token: Its token; by default that of `token_file`, else of the environment variable OMENTUM_TOKEN.
        token_file: File with the token.

    Raises:
        UsageError: impossible address or token, or the token would be sent unprotected.
        InputError: the file with the token cannot be read.
        MissingDependencyError: httpx is not installed.
    """

    def __init__(self, url: str, *, token: str | None = None, token_file: str | Path | None = None) -> None:
        if token is None:
            token = read_token(None if token_file is None else Path(token_file), TOKEN_VARIABLE)
        self._connection = ServiceConnection(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._connection.shown

    @cached_property
    def capabilities(self) -> ServerCapabilities:
        """What the service can do; asked once.

        Raises:
            RemoteError: it is not reached, refuses, or speaks another version of the interface.
        """
        raw = self._connection.json("GET", "/capabilities")
        if isinstance(raw, dict) and isinstance(spoken := raw.get("protocol"), int) and spoken not in PROTOCOLS:
            ours, where = max(PROTOCOLS), "on this machine" if spoken > max(PROTOCOLS) else "where the service runs"
            raise RemoteError(
                f"speaks version {spoken} of the interface, this client version {ours}",
                source=self.address,
                remedy=f"install a newer omentum {where}; the service has {raw.get('version', 'an unknown version')}",
                code="protocol",
            )
        return self._connection.made(ServerCapabilities.from_json, raw)

    def upload(self, path: str | Path, *, progress: Transferred | None = None) -> str:
        """Send a CT; DICOM files are numbered and other files renamed, because names may be those of patients.

        Args:
            path: NIfTI, NRRD, MetaImage or zip file, multi-frame DICOM file, or folder of a DICOM series.
            progress: Called with bytes sent and bytes in all.

        Returns:
            Identifier of the upload. If something goes wrong, nothing is left on the service.

        Raises:
            InputError: the CT cannot be read here.
            RemoteError: the service refuses, or it is larger than the service allows.
        """
        files, limits = files_of(path), self.capabilities
        size = sum(file.bytes for file in files)
        if size > limits.upload_bytes or len(files) > limits.files:
            held = f"{size} bytes in {len(files)} files"
            allowed = f"{limits.upload_bytes} bytes and {limits.files} files"
            raise RemoteError(f"has {held}; the service allows {allowed}", source=path, code="too_large")
        upload = self._connection.made(lambda raw: str(raw["id"]), self._connection.json("POST", "/uploads"))
        try:
            send_files(self._connection, upload, files, progress)
        except BaseException:
            with suppress(RemoteError):
                self.delete_upload(upload)
            raise
        return upload

    def doctor(self, upload: str) -> dict[str, Any]:
        """What an upload is, as the JSON of `omentum doctor`: series to choose from, doubts, estimated time."""
        return self._connection.made(dict, self._connection.json("GET", f"/uploads/{upload}/doctor"))

    def delete_upload(self, upload: str) -> None:
        """Delete an upload that no job uses."""
        self._connection.json("DELETE", f"/uploads/{upload}")

    def submit(self, upload: str, options: JobOptions | None = None) -> RemoteJob:
        """Queue a segmentation.

        Raises:
            RemoteError: an option is unknown there, or the queue is full (code `queue_full`).
        """
        self.capabilities  # noqa: B018  # of a version that is understood
        asked = {name: value for name, value in asdict(options or JobOptions()).items() if value not in (None, False)}
        raw = self._connection.json("POST", "/jobs", {"upload": upload, **asked})
        return self._connection.made(RemoteJob.from_json, raw)

    def job(self, job: str) -> RemoteJob:
        """State and progress of a job."""
        return self._connection.made(RemoteJob.from_json, self._connection.json("GET", f"/jobs/{job}"))

    def jobs(self) -> list[RemoteJob]:
        """All jobs, the newest first."""
        found: list[RemoteJob] = []
        page, path = PAGE, f"/jobs?limit={PAGE}"
        while page == PAGE:
            listed = self._connection.json("GET", path)
            found += self._connection.made(lambda raw: list(map(RemoteJob.from_json, raw)), listed)
            page, path = len(listed), f"/jobs?limit={PAGE}&before={found[-1].number if found else 0}"
        return found

    def events(self, job: str) -> Iterator[RemoteJob]:
        """Follow a job: it is yielded whenever there is news, at last in its final state.

        A connection that breaks is made again, also over a restart of the service.

        Raises:
            RemoteError: no such job, or the service stays out of reach.
        """
        yield from follow_job(self._connection, job)

    def wait(self, job: str, *, watch: Watch | None = None) -> RemoteJob:
        """Follow a job to its end.

        Args:
            job: Identifier.
            watch: Called with every news.

        Raises:
            RemoteError: it failed or was cancelled; with its reason.
        """
        for news in self.events(job):
            if watch is not None:
                watch(news)
        if news.state is RemoteState.DONE:
            return news
        if news.error is not None:
            raise self._connection.made(lambda raw: RemoteError.of(raw, self.address), news.error)
        raise RemoteError("the job was cancelled", source=self.address, code="cancelled")

    def cancel(self, job: str) -> RemoteJob:
        """Cancel a job; one that has ended stays as it is."""
        return self._connection.made(RemoteJob.from_json, self._connection.json("POST", f"/jobs/{job}/cancel"))

    def delete(self, job: str) -> list[str]:
        """Delete input, results and corrections of a job; their names."""
        deleted = self._connection.json("DELETE", f"/jobs/{job}")
        return self._connection.made(lambda raw: list(map(str, raw["deleted"])), deleted)

    def results(self, job: str) -> list[RemoteFile]:
        """Result files of a job."""
        listed = self._connection.json("GET", f"/jobs/{job}/results")
        return self._connection.made(lambda raw: list(map(RemoteFile.from_json, raw)), listed)

    def download(
        self,
        job: str,
        folder: str | Path,
        *,
        wanted: Callable[[str], bool] = lambda _: True,
        overwrite: bool = False,
        progress: Transferred | None = None,
    ) -> Path:
        """Write the results of a job to a folder, which appears complete or not at all.

        Args:
            job: Identifier.
            folder: New folder.
            wanted: Which names to fetch.
            overwrite: Replace the folder if it exists.
            progress: Called with bytes received and bytes in all.

        Raises:
            OutputError: the folder exists, cannot be written, or has no room.
            RemoteError: there are no results yet, more than a job writes, or the service is not reached.
        """
        folder = Path(folder)
        if folder.exists() and not overwrite:
            raise OutputError("exists already", source=folder, remedy="choose another output, or overwrite it")
        files = [file for file in self.results(job) if wanted(file.name)]
        if not files:
            raise RemoteError("the job has no such results", source=self.address, remedy="wait until it is done")
        size = sum(file.bytes for file in files)
        check_download(len(files), size, folder, self.address)
        count = ByteCount(size, progress)
        with replacing_folder(folder) as place:
            for file in files:
                receive_file(self._connection, job, file, place / file.name, count)
        return folder

    def compare(self, before: str, after: str, *, force: bool = False) -> dict[str, Any]:
        """Lesions of two finished jobs of a patient, as the JSON of `omentum lesions compare`."""
        asked = {"before": before, "after": after, "force": force}
        return self._connection.made(dict, self._connection.json("POST", "/comparisons", asked))

    def segment(
        self,
        path: str | Path,
        out: str | Path,
        options: JobOptions | None = None,
        *,
        watch: Watch | None = None,
        keep: bool = False,
    ) -> Path:
        """Segment a CT on the service and write the results to a folder, as `omentum segment` does here.

        Args:
            path: See `upload`.
            out: New folder for the results of this CT.
            options: See `JobOptions`.
            watch: Called with every news of the job.
            keep: Leave input and results on the service; otherwise they are deleted, also if this is interrupted.

        Raises:
            InputError, OutputError, RemoteError: see `upload`, `wait` and `download`.
        """
        if Path(out).exists():
            raise OutputError("exists already", source=out, remedy="choose another output")
        upload = self.upload(path)
        job = None
        try:
            job = self.submit(upload, options).id
            self.wait(job, watch=watch)
            return self.download(job, out)
        finally:
            if not keep:
                self.discard(upload, job)

    def discard(self, upload: str, job: str | None) -> None:
        """Cancel and delete what is left of a segmentation; a service out of reach deletes it when it expires."""
        with suppress(RemoteError):
            if job is None:
                self.delete_upload(upload)
                return
            if not self.cancel(job).state.is_final:
                for _ in self.events(job):
                    pass
            self.delete(job)
