"""Client of the service `omentum serve`: needs httpx, and neither torch nor numpy.

Example:
    >>> from omentum.client import Client, JobOptions
    >>> with Client("http://127.0.0.1:8421") as service:
    ...     service.segment("ct.nii.gz", "out/ct", JobOptions(classes=["liver", "liver tumour"]))
"""

from omentum.client.client import Client
from omentum.client.documents import (
    JobOptions,
    OfferedWeights,
    RemoteFile,
    RemoteJob,
    RemoteState,
    ServerCapabilities,
)
from omentum.client.faults import RemoteError

__all__ = [
    "Client",
    "JobOptions",
    "OfferedWeights",
    "RemoteError",
    "RemoteFile",
    "RemoteJob",
    "RemoteState",
    "ServerCapabilities",
]
