"""The protocol: tools with schemas and descriptions, progress, cancellation, errors in one line."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

import anyio
from anyio import from_thread, to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from omentum.errors import OmentumError
from omentum.mcp.answers import ClassesAnswer, CompareAnswer, DoctorAnswer, MeasureAnswer, SegmentAnswer
from omentum.mcp.notified import NotifiedProgress
from omentum.mcp.tools import SegmentRequest, Tools
from omentum.pipeline.options import PROFILES, OutputFormat

INSTRUCTIONS = """Omentum segments organs, vessels, tumours and cysts in CT scans on this machine; nothing leaves it.
Ask `doctor` about an unknown file first, `list_classes` what words for structures mean. `segment` takes minutes and
writes a folder for each CT; `measure` reads volumes, lesions and quality flags of such a folder; `compare_lesions`
compares two. Tell the user about flags, warnings and candidates. It is not a medical device: say so when you report
findings, and never call a mask a diagnosis."""

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)

Words = Annotated[
    str | None,
    Field(description='structures in words, such as "liver, both kidneys, Lebertumor"; all if left out'),
]
Answer = TypeVar("Answer")


class _Server(MCPServer[Any]):
    """Writes the messages of argument checks in one line, too."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context | None = None) -> Any:
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as fault:
            raise ToolError(" ".join(str(fault).split())) from fault


def build_server(tools: Tools) -> MCPServer:
    """A server that offers these tools.

    One call computes at a time; the others wait. A client that cancels a call ends its work.
    """
    server = _Server(
        "omentum",
        title="Omentum",
        instructions=INSTRUCTIONS,
        version=version("omentum"),
        log_level="WARNING",
    )
    _add_segment(server, tools, anyio.Lock())
    _add_readers(server, tools)
    return server


def serve(tools: Tools) -> None:
    """Answer a client at standard input and output until it closes them."""
    with redirect_stdout(sys.__stdout__):  # the SDK takes it for itself; what else is printed goes to standard error
        build_server(tools).run("stdio")


def _add_segment(server: MCPServer, tools: Tools, computing: anyio.Lock) -> None:
    @server.tool(annotations=WRITES)
    async def segment(
        path: Annotated[str, Field(description="CT in HU: NIfTI, NRRD, MetaImage, DICOM folder or zip; or a folder")],
        context: Context,
        *,
        classes: Words = None,
        profile: Annotated[
            str | None, Field(description="speed against thoroughness", json_schema_extra={"enum": [*PROFILES, None]})
        ] = None,
        series: Annotated[str | None, Field(description="which of several DICOM series, as doctor lists them")] = None,
        formats: Annotated[
            list[str] | None,
            Field(description=f"further files: {', '.join(OutputFormat)}; those of DICOM need a CT read from DICOM"),
        ] = None,
        folder: Annotated[str | None, Field(description="name of a folder for the results, such as baseline")] = None,
        overwrite: Annotated[bool, Field(description="replace an earlier result that was made otherwise")] = False,
    ) -> SegmentAnswer:
        """Segment a CT, or every CT of a folder: masks, volumes, lesions, quality flags, a report in a folder each.

        A case that fails does not stop the others. A second call with the same arguments reuses the results.
        """
        wanted = SegmentRequest(path, classes, profile, series, tuple(formats or ()), folder, overwrite)
        async with computing:
            return await _in_thread(lambda progress: tools.segment(wanted, progress), context)


def _add_readers(server: MCPServer, tools: Tools) -> None:
    @server.tool(annotations=READS)
    async def measure(
        segmentation: Annotated[str, Field(description="result folder of segment, or a file of masks")],
        context: Context,
        *,
        ct: Annotated[str | None, Field(description="CT of these masks, if they are not a result of segment")] = None,
        classes: Words = None,
    ) -> MeasureAnswer:
        """Volumes, attenuation, lesions with diameters, and quality flags of a segmentation."""
        return await _in_thread(lambda _: tools.measure(segmentation, ct, classes), context)

    @server.tool(annotations=READS)
    async def list_classes(
        context: Context,
        *,
        explain: Annotated[str | None, Field(description="only say what these words mean")] = None,
        with_trust: Annotated[bool, Field(description="only what the weights find, and how far to trust it")] = False,
    ) -> ClassesAnswer:
        """The structures that can be segmented, or what words for structures are understood to mean."""
        return await _in_thread(lambda _: tools.list_classes(explain, with_trust=with_trust), context)

    @server.tool(annotations=READS)
    async def compare_lesions(
        before: Annotated[str, Field(description="result folder of the earlier scan")],
        after: Annotated[str, Field(description="result folder of the later scan of the same patient")],
        context: Context,
        *,
        classes: Words = None,
        force: Annotated[bool, Field(description="go on although the bodies do not match")] = False,
    ) -> CompareAnswer:
        """Match the lesions of two scans: same, new, gone, split or merged; growth and the RECIST 1.1 response."""
        return await _in_thread(
            lambda progress: tools.compare_lesions(before, after, classes, force=force, progress=progress), context
        )

    @server.tool(annotations=READS)
    async def doctor(
        path: Annotated[str, Field(description="any file or folder")],
        context: Context,
        *,
        classes: Words = None,
    ) -> DoctorAnswer:
        """What a file or folder is, whether it can be segmented, every doubt, and how long it would take."""
        return await _in_thread(lambda _: tools.doctor(path, classes), context)


async def _in_thread(work: Callable[[NotifiedProgress], Answer], context: Context) -> Answer:
    """Run in a thread; its progress goes to the client, and a client that cancels ends it at the next notification."""

    def notify(done: float, of: float, line: str) -> None:
        from_thread.check_cancelled()
        from_thread.run(functools.partial(context.report_progress, done, of, line))

    try:
        return await to_thread.run_sync(work, NotifiedProgress(notify))
    except OmentumError as fault:
        raise ToolError(str(fault)) from fault
