"""Decode compressed DICOM images in a separate process that may crash; see `omentum.io.dicom.child`."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Timer
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError
from omentum.io.dicom.child import UNDECODABLE
from omentum.io.dicom.damage import DamagedHeaderError
from omentum.io.dicom.slices import AGAIN, Slice

LONGEST_S = 120.0
"""A slice that takes longer is damaged; the largest ones take a few seconds."""
_ROOT = Path(__file__).parents[3]
"""Where the package `omentum` lies."""


class Decoder:
    """Child process, started on first use and reused for all slices of a series.

    Use it as a context manager; the child ends with the `with` block.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop the child process."""
        if self._child is not None:
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    pipe.close()
            self._child.kill()
            self._child.wait()
            self._child = None

    def stored(self, one: Slice) -> NDArray[Any]:
        """Stored values of a slice, shape (rows, columns).

        Raises:
            InputError: The decoder crashed.
            DamagedHeaderError, RuntimeError: the file is damaged, or there is no decoder for it.
        """
        image = self._answer(one.path, one.frame_index, one.encoding.syntax)
        if image.shape != one.shape[::-1]:
            sizes = [" x ".join(map(str, shape)) for shape in (image.shape[::-1], one.shape)]
            raise DamagedHeaderError(f"{sizes[0]} pixels, expected {sizes[1]}")
        return image

    def pixels(self, path: Path) -> NDArray[Any]:
        """Pixels of all frames of a file, as pydicom's `pixel_array`; see `stored` for errors."""
        return self._answer(path, None, "")

    def _answer(self, path: Path, frame: int | None, syntax: str) -> NDArray[Any]:
        child = self._child = self._child or _start()
        assert child.stdin is not None
        assert child.stdout is not None
        late = Event()
        watch = Timer(LONGEST_S, _stop, (child, late))
        if frame is not None:
            watch.start()
        request = {"path": os.fsencode(path).decode("latin-1"), "frame": frame, "syntax": syntax}
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
            said = json.loads(line) if line.endswith(b"\n") else None
            if said is None:
                raise EOFError
            if "kind" in said:
                raise (RuntimeError if said["kind"] == UNDECODABLE else DamagedHeaderError)(said["text"])
            dtype, shape = np.dtype(said["dtype"]), tuple(said["shape"])
            content = child.stdout.read(dtype.itemsize * math.prod(shape))
            if len(content) < dtype.itemsize * math.prod(shape):
                raise EOFError
        except (EOFError, BrokenPipeError) as fault:
            self.close()
            what = f"keeps the decoder busy for {LONGEST_S:g} s" if late.is_set() else "crashes the decoder"
            reason = f"its compressed image is damaged so that it {what} (exit {child.returncode})"
            raise InputError(reason, source=path, remedy=AGAIN) from fault
        finally:
            watch.cancel()
        return np.frombuffer(content, dtype).reshape(shape)


def _stop(child: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    child.kill()


def _start() -> subprocess.Popen[bytes]:
    # Nothing is imported from the working directory, which may contain untrusted files: neither by -P nor by an empty
    # entry. This package is found wherever it was imported from.
    paths = os.pathsep.join([*filter(None, sys.path), str(_ROOT)])
    # Quiet: decoder output is of no use to a user, and we report its failure.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "omentum.io.dicom.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
    )
