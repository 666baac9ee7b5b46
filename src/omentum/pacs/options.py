"""Options of DICOM over the network; the command line is generated from them. Nothing slow is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.access import is_loopback
from omentum.errors import UsageError
from omentum.option_fields import Group, option
from omentum.pacs.peers import check_title, parse_destination

TOKEN_VARIABLE = "OMENTUM_DICOMWEB_TOKEN"


@dataclass(frozen=True)
class DicomWebOptions:
    """Options for inputs with a DICOMweb address.

    Args:
        token_file: File with the token of the server; by default the environment variable `TOKEN_VARIABLE`. On the
            command line it is for --server, if that is given.
        stow: Whether results go back to the server.
    """

    token_file: Path | None = field(
        default=None,
        metadata=option(
            f"token of --server, else of a DICOMweb server; or: OMENTUM_TOKEN, {TOKEN_VARIABLE}",
            Group.INPUT,
            kind=Path,
            metavar="FILE",
            is_rare=True,
        ),
    )
    stow: bool = field(
        default=False,
        metadata=option("dicomweb://...: also store DICOM SEG and SR on the server", Group.OUTPUT, is_rare=True),
    )


@dataclass(frozen=True)
class ListenOptions:
    """Options of the storage service.

    Args:
        aet: AE title of this service.
        host: Address to listen at; others than this machine need `allow`.
        port: Port to listen at; 0 for any free one.
        allow: AE titles that may send.
        send_to: "AE@host:port" of receivers of the results.
        settle_s: Seconds without a new image after which a series is complete.
        spool: Folder for received images; a private temporary one by default.
        quota_gb: Most gigabytes of received images.

    Raises:
        UsageError: an impossible value; or the service could be reached by others without an allow-list.
    """

    aet: str = field(
        default="OMENTUM", metadata=option("AE title of this service", Group.INPUT, metavar="AE", flags=("--aet",))
    )
    host: str = field(
        default="127.0.0.1",
        metadata=option("address to listen at; others than this machine need --allow", Group.INPUT, metavar="HOST"),
    )
    port: int = field(default=11112, metadata=option("port to listen at", Group.INPUT, metavar="PORT", minimum=0))
    allow: tuple[str, ...] = field(
        default=(),
        metadata=option("AE title that may send; repeatable", Group.INPUT, metavar="AE", is_repeated=True),
    )
    send_to: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "send DICOM SEG and SR there: to the sender if it is listed, else to all; repeatable",
            Group.OUTPUT,
            metavar="AE@HOST:PORT",
            is_repeated=True,
        ),
    )
    settle_s: float = field(
        default=5.0,
        metadata=option(
            "seconds without a new image after which a series is complete",
            Group.INPUT,
            flags=("--settle",),
            metavar="S",
        ),
    )
    spool: Path | None = field(
        default=None,
        metadata=option(
            "folder for received images; unfinished series are taken up again",
            Group.INPUT,
            kind=Path,
            metavar="DIR",
            shown_default="a temporary one",
        ),
    )
    quota_gb: float = field(
        default=20.0, metadata=option("most gigabytes of received images", Group.INPUT, metavar="GB")
    )

    def __post_init__(self) -> None:
        """Check the values."""
        object.__setattr__(self, "aet", check_title(self.aet))
        object.__setattr__(self, "allow", tuple(check_title(title) for title in self.allow))
        for text in self.send_to:
            parse_destination(text)
        if not is_loopback(self.host) and not self.allow:
            reason = "others could send to this service without an allow-list"
            raise UsageError(reason, source=self.host, remedy="--allow AE, for every AE title that may send")
        if not 0 <= self.port < 65536 or not 0 < self.settle_s <= 3600 or not self.quota_gb > 0:
            raise UsageError("the port is 0 to 65535, --settle above 0 to 3600 seconds, --quota-gb above 0")
