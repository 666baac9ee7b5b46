"""One volume per file in small compressed blocks (Blosc2 b2nd), so that a patch is read without its surroundings.

Shapes and codecs were chosen by benchmark (`benchmarks/store.py --sweep`). For HU, LZ4 with bit shuffle decodes twice
as fast as Zstandard and is 11 % larger. For label numbers, Zstandard is half the size of LZ4 at the same speed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from blosc2 import NDArray as Array


@dataclass(frozen=True)
class ChunkLayout:
    """Chunking and compression of a volume.

    Args:
        chunk, block: Edge lengths in voxels of a chunk (the unit of lookup) and of a block (the unit of decompression).
    """

    chunk: int
    block: int
    codec: Literal["LZ4", "ZSTD"]
    level: int
    filter: Literal["BITSHUFFLE", "NOFILTER"]


HU = ChunkLayout(chunk=64, block=16, codec="LZ4", level=5, filter="BITSHUFFLE")
LABELS = ChunkLayout(chunk=128, block=64, codec="ZSTD", level=8, filter="NOFILTER")


def write_chunked(path: Path, voxels: NDArray[Any], layout: ChunkLayout) -> None:
    """Write a volume [x, y, z]; the same voxels yield the same bytes.

    Raises:
        MissingDependencyError: blosc2 is not installed.
    """
    require_blosc2()
    import blosc2

    # One thread: several threads would write the blocks of a chunk in nondeterministic order.
    how = blosc2.CParams(
        codec=blosc2.Codec[layout.codec],
        clevel=layout.level,
        typesize=voxels.itemsize,
        nthreads=1,
        filters=[blosc2.Filter[layout.filter]],
        filters_meta=[0],
    )
    shape: dict[str, Any] = {"chunks": (layout.chunk,) * 3, "blocks": (layout.block,) * 3}
    # Compressed in memory and written here, so that a full disk is reported as such.
    path.write_bytes(blosc2.asarray(np.ascontiguousarray(voxels), cparams=how, contiguous=True, **shape).to_cframe())


def open_chunked(path: Path) -> Array:
    """Open a file written by `write_chunked` for array-like slicing; decodes in the calling thread only.

    Raises:
        InputError: The file is missing or damaged.
        MissingDependencyError: blosc2 is not installed.
    """
    require_blosc2()
    import blosc2

    try:
        # Memory-mapped, so the file is not reopened and searched for every chunk.
        return blosc2.open(str(path), mode="r", mmap_mode="r", dparams=blosc2.DParams(nthreads=1))
    except FileNotFoundError as fault:
        raise InputError("is missing", source=path, remedy="run omentum data prepare again") from fault
    except (RuntimeError, ValueError, OSError) as fault:
        raise InputError(
            f"cannot be read: {fault}", source=path, remedy="delete its folder and prepare it again"
        ) from fault


def require_blosc2() -> None:
    """Check that blosc2 is installed; otherwise name the extra that provides it.

    Raises:
        MissingDependencyError: blosc2 is not installed.
    """
    if importlib.util.find_spec("blosc2") is None:
        raise MissingDependencyError("a prepared store needs blosc2", remedy="pip install 'omentum[train]'")
