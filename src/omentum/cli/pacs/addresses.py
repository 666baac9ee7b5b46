"""Addresses of DICOMweb servers in command lines: one command takes them as inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omentum.errors import UsageError
from omentum.pacs.address import is_address

TAKING = "segment"


def refuse_addresses(arguments: Sequence[str]) -> None:
    """Refuse the address of a server where a path is meant; it is not shown, since it may hold UIDs or a password.

    Args:
        arguments: The command line without the program name.

    Raises:
        UsageError: Another command than `TAKING` is given an address.
    """
    given = [argument.partition("=")[2] if argument.startswith("-") else argument for argument in arguments]
    if TAKING not in given and any(map(is_address, given)):
        remedy = "give a file or folder, for example the output of omentum segment"
        raise UsageError(f"only omentum {TAKING} takes the address of a DICOMweb server", remedy=remedy)


def refuse_as_output(path: Path) -> None:
    """Refuse the address of a server as an output folder.

    Raises:
        UsageError: It is one.
    """
    if is_address(str(path)):
        remedy = "give a folder; --stow returns results to the server that a CT came from"
        raise UsageError("results are not written to the address of a DICOMweb server", remedy=remedy)
