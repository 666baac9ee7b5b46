"""Valid files, mutated at random: only our own errors, or success, may come of them.

Each target has a seed file, made on the spot, and the function that reads it. Used by tests/test_fuzzing.py with a
fixed seed and by benchmarks/fuzz.py for minutes.
"""

from __future__ import annotations

import resource
import signal
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from bad_checkpoints import entry, with_header
from dicom_files import save, write_stack
from dicom_frames import frames_of
from faulty import nifti
from hypothesis import strategies as st
from metaimage_files import metaimage
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from seg_nrrd_files import seg_nrrd

from omentum.errors import CaseWarning, OmentumError
from omentum.io.detect import load_volume
from omentum.io.images import read_image
from omentum.io.segmentations import read_segmentation
from omentum.model.checkpoint import load_checkpoint

MOST_BYTES = 1 << 30
"""So much memory may be taken beyond what the process has; files here have a few kilobytes."""
LONGEST_S = 30
"""An answer that takes longer is called a hang."""
HU = np.random.default_rng(0).integers(-1000, 1500, (4, 5, 6)).astype(np.int16)
_NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1)
_BYTES = tuple(
    {
        *(struct.pack(f"{order}{kind}", number) for number in _NUMBERS for order in "<>" for kind in "Q"),
        *(struct.pack(f"{order}I", number & 0xFFFFFFFF) for number in _NUMBERS for order in "<>"),
        *(struct.pack(f"{order}H", number & 0xFFFF) for number in _NUMBERS for order in "<>"),
        *(struct.pack(f"<{kind}", value) for value in (np.nan, np.inf, -np.inf, 1e38, -0.0) for kind in "fd"),
    }
)
_WORDS = (
    *(b"", b"-1", b"0", b"1", b"2", b"3", b"4", b"1e308", b"nan", b"inf", b"99999999999999999999", b"none", b"(1,2,3)"),
    *(
        b"\0",
        b"\n",
        b"\n\n",
        b" ",
        b"=",
        b":",
        b":=",
        b",",
        b"(",
        b"{",
        b"[",
        b'"',
        b"\\",
        b"\xff\xfe",
        b"gzip",
        b"raw",
    ),
    *(b"LOCAL", b"LIST", b"..", b"/", b"float", b"block", b"True", b"MET_FLOAT", b"F64", b"BF16", b"__metadata__"),
    b"9" * 400,
    b"A" * 5000,
)


class HangError(BaseException):
    """Reading took too long; no `Exception`, so that no reader turns it into an answer."""


@dataclass(frozen=True)
class Target:
    """A file format under test.

    Args:
        name: Short name.
        make: Writes a valid input into an empty folder; returns the file to mutate.
        read: Reads the input, given the mutated file.
        head: Bytes at the beginning that get most mutations.
        is_slow: Whether reading takes a tenth of a second.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    head: int
    is_slow: bool = False

    def seed(self) -> bytes:
        """Content of the valid file."""
        with tempfile.TemporaryDirectory() as folder:
            return self.make(Path(folder)).read_bytes()


def _written(content: bytes, name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _masks(folder: Path) -> Path:
    segments = [("liver", "Liver", 0, 1), ("Segment_2", "spleen", 1, 2)]
    layers = np.stack([HU > 0, 2 * (HU < -500)]).astype(np.uint8)
    return seg_nrrd(folder, layers, segments, encoding="raw")


@cache
def _series() -> dict[str, bytes]:
    """File name -> content; the same in every call, whose identifiers are random."""
    with tempfile.TemporaryDirectory() as folder:
        return {path.name: path.read_bytes() for path in write_stack(Path(folder), HU)}


def _slice(folder: Path) -> Path:
    for name, content in _series().items():
        (folder / name).write_bytes(content)
    return folder / "image_2"


@cache
def _multi_frame(syntax: str) -> bytes:
    """A multi-frame image, not compressed; the same in every call."""
    with tempfile.TemporaryDirectory() as folder:
        header = frames_of(HU)
        header.file_meta.TransferSyntaxUID = UID(syntax)
        return save(header, Path(folder, "frames")).read_bytes()


def _frames(syntax: str) -> Callable[[Path], Path]:
    return lambda folder: _written(_multi_frame(syntax), "frames")(folder)


def _zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "ct.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ct.nii", nifti(HU))
    return folder / "ct.zip"


def _zip_of_series(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "ct.zip", "w") as archive:
        for name, content in _series().items():
            archive.writestr(f"series/{name}", content)
    return folder / "ct.zip"


def _weights(folder: Path) -> Path:
    tensors = {"a": entry((2, 3), 0, 24), "b": entry((4,), 24, 32, "F16")}
    return with_header(folder / "w.safetensors", {"__metadata__": {"omentum": "{}"}} | tensors, bytes(32))


TARGETS = {
    target.name: target
    for target in (
        Target("nifti", _written(nifti(HU), "ct.nii"), read_image, 352),
        Target("nifti2", _written(nifti(HU, version=2, order=">"), "ct.nii"), read_image, 544),
        Target("nrrd", lambda folder: seg_nrrd(folder, HU, encoding="raw").rename(folder / "ct.nrrd"), read_image, 260),
        Target("nrrd_gzip", lambda folder: seg_nrrd(folder, HU).rename(folder / "ct.nrrd"), read_image, 280),
        Target("metaimage", lambda folder: metaimage(folder, HU), read_image, 330),
        Target("metaimage_zlib", lambda folder: metaimage(folder, HU, CompressedData="True"), read_image, 340),
        Target("seg_nrrd", _masks, read_segmentation, 400),
        Target("dicom", _slice, lambda path: load_volume(path.parent), 1200, is_slow=True),
        Target("dicom_frames", _frames(ExplicitVRLittleEndian), load_volume, 3000, is_slow=True),
        Target("dicom_deflated", _frames(DeflatedExplicitVRLittleEndian), load_volume, 1500, is_slow=True),
        Target("zip", _zip, load_volume, 700),
        Target("zip_dicom", _zip_of_series, load_volume, 700, is_slow=True),
        Target("checkpoint", _weights, load_checkpoint, 200),
    )
}


@st.composite
def mutated(draw: st.DrawFn, seed: bytes, head: int) -> bytes:
    """A few changes to a file, most of them at its beginning."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        here = st.integers(0, max(0, min(head, len(data) - 1)))
        at = draw(st.one_of(here, here, here, st.integers(0, max(0, len(data) - 1))))
        match draw(st.sampled_from(("set", "number", "word", "value", "delete", "repeat", "cut"))):
            case "set":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "number":
                number = draw(st.sampled_from(_BYTES))
                data[at : at + len(number)] = number
            case "word":
                data[at:at] = draw(st.sampled_from(_WORDS))
            case "value":  # of a line of a text header
                _set_value(data, at, draw(st.sampled_from(_WORDS)))
            case "delete":
                del data[at : at + draw(st.integers(1, 40))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
            case "cut":
                del data[at:]
    return bytes(data)


def _set_value(data: bytearray, at: int, word: bytes) -> None:
    """Replace what follows the first colon or equals sign at or after a place, up to the end of the line."""
    signs = [place for place in (data.find(b": ", at), data.find(b"= ", at)) if place >= 0]
    if signs:
        start = min(signs) + 2
        end = data.find(b"\n", start)
        data[start : end if end >= 0 else start + 8] = word


def try_bytes(target: Target, data: bytes) -> str:
    """Read mutated content; returns the error, "" for success.

    Raises:
        Exception: Whatever is not an error of ours; MemoryError for too much memory.
        HangError: It took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = target.make(Path(folder))
        path.write_bytes(data)
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", CaseWarning)
            try:
                target.read(path)
            except OmentumError as fault:
                return str(fault)
    return ""


@contextmanager
def limited() -> Iterator[None]:
    """Bound the memory and the time of this block, where the system can (main thread, Linux)."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, before[1]))
    signal.signal(signal.SIGALRM, _hang)
    signal.alarm(LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _hang(*_: object) -> None:
    raise HangError(f"no answer within {LONGEST_S} s")
