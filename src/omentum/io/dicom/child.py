"""Child process that decodes compressed DICOM images, so that a crash on a corrupt stream does not end the program.

Stdin carries one JSON-encoded path per line. For each, stdout carries one line of JSON: {"dtype", "shape"} followed by
the pixels, or {"kind", "text"} of the error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from omentum.io.dicom.open import open_dicom

DAMAGED, UNDECODABLE = "damaged", "undecodable"


def main() -> None:
    """Decode requests from stdin until end of file."""
    import numpy as np

    # Decoders print warnings to stdout, so the replies need a separate descriptor.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        try:
            pixels = np.ascontiguousarray(open_dicom(Path(os.fsdecode(json.loads(line).encode("latin-1")))).pixel_array)
            said, content = {"dtype": pixels.dtype.str, "shape": pixels.shape}, pixels.tobytes()
        except (RuntimeError, NotImplementedError) as fault:
            said, content = {"kind": UNDECODABLE, "text": str(fault)}, b""
        except Exception as fault:
            said, content = {"kind": DAMAGED, "text": str(fault)}, b""
        answers.write(json.dumps(said).encode() + b"\n" + content)
        answers.flush()


if __name__ == "__main__":
    main()
