"""Options of the service; the command line is generated from them. Nothing slow is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.access import TOKEN_VARIABLE, checked_token, is_loopback, read_token
from omentum.errors import UsageError
from omentum.option_fields import Group, option

SHORTEST_TOKEN = 16
"""Characters; fewer could be guessed over the network."""
DEFAULT_PORT = 8421
GB = 10**9
_TOKEN_REMEDY = 'for example: python -c "import secrets; print(secrets.token_urlsafe(32))" > token; --token-file token'


@dataclass(frozen=True)
class ServeOptions:
    """Options of the service.

    Args:
        host: Address to listen at; others than this machine need a token.
        port: Port to listen at; 0 for any free one.
        token: Token that clients must send; no option of the command line, because the list of processes would show it.
        token_file: File with the token; else the environment variable `TOKEN_VARIABLE`.
        allow_host: Further names by which the service is reached, e.g. that of a reverse proxy.
        weights: Names or files of the weights that are offered; the first is used where none is asked for.
        state: Folder for uploads, results and the queue.
        device: Devices, separated by commas; one process for each.
        upload_gb: Maximum size of one upload in GB.
        files: Maximum number of files of one upload.
        quota_gb: Maximum size of all uploads and results in GB.
        queue: Maximum number of waiting jobs.
        open_uploads: Maximum number of files received at a time.
        keep_hours: Hours after which an input and its results are deleted.

    Raises:
        UsageError: an impossible value; or others could reach the service without a token.
    """

    host: str = field(
        default="127.0.0.1",
        metadata=option("address to listen at; others than this machine need a token", Group.INPUT, metavar="HOST"),
    )
    port: int = field(
        default=DEFAULT_PORT, metadata=option("port to listen at", Group.INPUT, metavar="PORT", minimum=0)
    )
    token: str | None = None
    token_file: Path | None = field(
        default=None,
        metadata=option(
            "file with the token that clients must send; default: the variable " + TOKEN_VARIABLE,
            Group.INPUT,
            kind=Path,
            metavar="FILE",
        ),
    )
    allow_host: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "further host name that clients may use, such as a proxy's; repeatable",
            Group.INPUT,
            metavar="NAME",
            is_repeated=True,
        ),
    )
    weights: tuple[str, ...] = field(
        default=("default",),
        metadata=option(
            "weights to offer: a name (omentum weights list) or a file; repeatable",
            Group.FIND,
            flags=("-w", "--weights"),
            metavar="WEIGHTS",
            is_repeated=True,
        ),
    )
    state: Path | None = field(
        default=None,
        metadata=option(
            "folder for uploads, results and the queue",
            Group.OUTPUT,
            kind=Path,
            metavar="DIR",
            shown_default="service in the cache folder",
        ),
    )
    device: str = field(
        default="auto",
        metadata=option("auto, cpu, cuda, mps; 0,1 for a process on each of two", Group.HOW, metavar="DEVICE"),
    )
    upload_gb: float = field(
        default=4.0, metadata=option("maximum size of one upload in GB", Group.INPUT, metavar="GB")
    )
    files: int = field(
        default=5000,
        metadata=option("maximum number of files of one upload", Group.INPUT, metavar="N", minimum=1, is_rare=True),
    )
    quota_gb: float = field(
        default=50.0, metadata=option("maximum size of all uploads and results in GB", Group.OUTPUT, metavar="GB")
    )
    queue: int = field(
        default=100, metadata=option("maximum number of waiting jobs", Group.HOW, metavar="N", minimum=1)
    )
    open_uploads: int = field(
        default=256,
        metadata=option(
            "maximum number of files received at a time", Group.INPUT, metavar="N", minimum=1, is_rare=True
        ),
    )
    keep_hours: float = field(
        default=24.0,
        metadata=option("hours after which inputs and results are deleted", Group.OUTPUT, metavar="HOURS"),
    )

    def __post_init__(self) -> None:
        """Check the values; read the token."""
        if not 0 <= self.port < 65536 or not 0 < self.upload_gb <= self.quota_gb or not 0 < self.keep_hours <= 87600:
            raise UsageError(
                "the port is 0 to 65535, --upload-gb above 0 and no more than --quota-gb, --keep-hours above 0"
            )
        given = None if self.token is None else checked_token(self.token, "the token")
        token = given if given is not None else read_token(self.token_file, TOKEN_VARIABLE)
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise UsageError(f"the token is shorter than {SHORTEST_TOKEN} characters", remedy=_TOKEN_REMEDY)
        if token is None and not is_loopback(self.host):
            reason = "others could read and delete everything without a token"
            raise UsageError(reason, source=self.host, remedy=_TOKEN_REMEDY)
        object.__setattr__(self, "token", token)

    @property
    def upload_bytes(self) -> int:
        """Most bytes of one upload."""
        return int(self.upload_gb * GB)

    @property
    def quota_bytes(self) -> int:
        """Most bytes of all uploads and results."""
        return int(self.quota_gb * GB)

    @property
    def keep_s(self) -> float:
        """Seconds after which inputs and results are deleted."""
        return self.keep_hours * 3600
