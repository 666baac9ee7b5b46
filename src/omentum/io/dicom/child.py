"""A process that decodes compressed DICOM images one after another: what a broken stream crashes is not the program.

On stdin come paths, one line each, as JSON. On stdout goes for each a line of JSON: {"dtype", "shape"}, followed by the
pixels, or {"kind", "text"} of the error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from omentum.io.dicom.open import open_dicom

DAMAGED, UNDECODABLE = "damaged", "undecodable"


def main() -> None:
    """Decode requests from stdin until it ends."""
    import numpy as np

    # Decoders write their complaints to stdout; the replies need a channel of their own.
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
