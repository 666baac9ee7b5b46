"""Files of forms, kept as uploads: with all checks of a file that is sent by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from omentum.serve.faults import ServiceError
from omentum.serve.service import Service
from omentum.serve.web.answers import file_answer
from omentum.serve.web.monai_label.forms import FormPart
from omentum.serve.web.receiving import receive_file


@asynccontextmanager
async def new_upload(service: Service) -> AsyncIterator[str]:
    """A new upload, which is deleted again if the block fails."""
    upload = await run_in_threadpool(service.uploads.create)
    try:
        yield upload
    except BaseException:
        await run_in_threadpool(service.cleaner.delete_upload, upload)
        raise


@asynccontextmanager
async def passing_upload(service: Service) -> AsyncIterator[str]:
    """An upload for this block."""
    async with new_upload(service) as upload:
        yield upload
    await run_in_threadpool(service.cleaner.delete_upload, upload)


async def keep_part(service: Service, upload: str, part: FormPart, name: str, request: Request) -> None:
    """Write a file of a form to an upload."""
    await receive_file(service.uploads, upload, name, part.content, request.app.state.pace)


def sole_file(service: Service, upload: str) -> FileResponse:
    """The one file of an upload.

    Raises:
        ServiceError: it has several.
    """
    files = service.uploads.get(upload).files
    if len(files) != 1:
        raise ServiceError(409, "several_files", f"{len(files)} files were sent, not one image")
    return file_answer(service.folder.upload(upload) / files[0].name, files[0].name)
