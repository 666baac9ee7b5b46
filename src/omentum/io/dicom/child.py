"""Child process that decodes compressed DICOM images, so that a crash on a corrupt stream does not end the program.

Stdin carries one line of JSON per image: {"path", "frame", "syntax"}, where frame may be null for all. For each, stdout
carries one line of JSON, {"dtype", "shape"} followed by the pixels, or {"kind", "text"} of the error, quoting nothing.
"""

from __future__ import annotations

import json
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from omentum.io.dicom.codecs import decoders_of
from omentum.io.dicom.damage import DamagedHeaderError, told
from omentum.io.dicom.open import open_dicom
from omentum.io.dicom.uids import HIGH_THROUGHPUT_JPEG_2000, JPEG_2000, JPEG_EXTENDED

DAMAGED, UNDECODABLE = "damaged", "undecodable"

_END = b"\xff\xd9"
"""How code streams of JPEG 2000 end."""


def main() -> None:
    """Decode requests from stdin until end of file."""
    import numpy as np

    # Decoders print warnings to stdout, so the replies need a separate descriptor.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        said: dict[str, Any]
        try:
            pixels = np.ascontiguousarray(_decoded(**json.loads(line)))
            said, content = {"dtype": pixels.dtype.str, "shape": pixels.shape}, pixels.tobytes()
        except (RuntimeError, NotImplementedError) as fault:
            said, content = {"kind": UNDECODABLE, "text": told(fault)}, b""
        except Exception as fault:
            said, content = {"kind": DAMAGED, "text": told(fault)}, b""
        answers.write(json.dumps(said).encode() + b"\n" + content)
        answers.flush()


def _decoded(path: str, frame: int | None, syntax: str) -> Any:
    """Stored values of a frame, shape (rows, columns), or of all."""
    place = Path(os.fsdecode(path.encode("latin-1")))
    if frame is None:
        return open_dicom(place).pixel_array
    dataset = _dataset(place)
    if syntax == JPEG_EXTENDED and int(dataset.BitsStored) > 8:
        return _by_gdcm(place)[frame]
    if syntax.startswith((JPEG_2000, HIGH_THROUGHPUT_JPEG_2000)):
        _check_end(dataset, frame)
    decoder, plugins = decoders_of(syntax)
    faults = []
    for plugin in plugins or [""]:
        try:
            return decoder.as_array(dataset, index=frame, decoding_plugin=plugin)[0]
        except RuntimeError as fault:
            faults.append(fault)
    raise faults[0]


def _check_end(dataset: Any, frame: int) -> None:
    """Check that a code stream has its end; not every decoder misses it, and what it makes of the rest is no image."""
    from pydicom.encaps import get_frame

    stream = get_frame(dataset.PixelData, frame, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
    if not stream.rstrip(b"\0").endswith(_END):
        raise DamagedHeaderError("the end of its code stream is missing")


@lru_cache(maxsize=1)
def _dataset(path: Path) -> Any:
    return open_dicom(path)


@lru_cache(maxsize=1)
def _by_gdcm(path: Path) -> Any:
    """All frames of a file, as GDCM reads it."""
    import gdcm
    import numpy as np

    reader = gdcm.ImageReader()
    reader.SetFileName(os.fspath(path))
    if not reader.Read():
        raise ValueError("GDCM cannot read it")
    image = reader.GetImage()
    pixels, (columns, rows) = image.GetPixelFormat(), image.GetDimensions()[:2]
    kind = "i" if pixels.GetPixelRepresentation() else "u"
    content = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(content, f"<{kind}{pixels.GetBitsAllocated() // 8}").reshape(-1, rows, columns)


if __name__ == "__main__":
    main()
