"""Files with four axes: one of their volumes is read, and which one is for the user to say."""

from __future__ import annotations

from pathlib import Path

from omentum.errors import InputError, UsageError


class SeveralVolumesError(InputError):
    """A 4D file was given without the index of the volume to read.

    Args:
        shape: Shape over all axes.
        source: The file.
    """

    def __init__(self, shape: tuple[int, ...], source: str | Path) -> None:
        self.shape = shape
        super().__init__(f"is 4D with {shape[-1]} volumes", source=source, remedy="choose one with --volume")


def choose_volume(shape: tuple[int, int, int], volumes: int, wanted: int | None, path: Path) -> int:
    """Index of the volume to read.

    Args:
        shape: Shape of each volume.
        volumes: Their number.
        wanted: Index chosen by the user, from 0; None if none was.
        path: File name for messages.

    Raises:
        SeveralVolumesError: There are several, and none was chosen.
        UsageError: There is no such volume.
    """
    if wanted is None and volumes > 1:
        raise SeveralVolumesError((*shape, volumes), path)
    if not 0 <= (wanted or 0) < volumes:
        raise UsageError(f"has no volume {wanted}", source=path, remedy=f"it has 0 to {volumes - 1}")
    return wanted or 0
