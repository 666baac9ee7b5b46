"""The prepared store against the published HDF5 layout and against .nii.gz: bytes, and random 96^3 patches.

    python benchmarks/store.py -o benchmarks/results/store.json [--data ../shared/data]
    python benchmarks/store.py --sweep          # the measurement behind the shapes and codecs in data/chunked.py

Everything is measured in one run on the same voxels (1.5 mm, cropped to the body): phantoms with all 32 structures, one
of them labelled as partially as LiTS is, and, where there are real labels, a CT restyled on real anatomy. The published
layout is a dataset "post_label" (1, 32, x, y, z) uint8, gzip level 9, channels nobody annotated 255, beside the image
as .nii.gz; as published, the whole of it is read for each case, and so that it is not treated unfairly, slicing it is
timed as well. Times are processor seconds of one process, the least of several repeats (every reader here runs in one
thread and from memory, so that on an idle machine they are wall seconds, and on a busy one they are still right).
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.raw_case import RawCase
from omentum.data.datasets.recipe_catalogue import find_recipe
from omentum.data.harmonise.read import HarmonisedCase
from omentum.data.store import chunked
from omentum.data.store.bitsets import distinct_sets
from omentum.data.store.prepare_case import StoreOptions, prepare_case
from omentum.data.store.store import CASES, Store
from omentum.data.store.stored_case import HU_FILE, LABEL_FILE, CaseKey, StoredCase
from omentum.io.nifti import read_volume, write_labelmap, write_volume
from omentum.phantom import PhantomCase, RestyleSource, make_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume
from record import Cell, Table, publish, result_file

PATCH = (96, 96, 96)
SPACING_MM = (1.5, 1.5, 1.5)
REPEATS = 5
PATCHES = 60
MEASURES = (
    *("src/omentum/data/store/chunked.py", "src/omentum/data/store/store.py", "src/omentum/data/store/stored_case.py"),
    *("src/omentum/data/store/prepare_case.py", "src/omentum/data/store/bitsets.py"),
)
ABOUT = (
    f"Times are processor seconds of one process, the least of {REPEATS} repeats (1-3 for whole files); ratios compare "
    "times of the same run."
)
BYTES = {
    "case": "{}",
    "voxels": "{}",
    "CT in the store MB": "{:.1f}",
    "CT .nii.gz MB": "{:.1f}",
    "labels in the store kB": "{:.0f}",
    "labels HDF5 kB": "{:.0f}",
    "labels .nii.gz kB": "{:.0f}",
    "labels HDF5 : store": "**{:.1f}**",
    "all files of the case MB": "{:.1f}",
}
READING = {
    "case": "{}",
    "store ms": "{:.2f}",
    "nibabel ms": "{:.0f}",
    "our reader ms": "{:.0f}",
    "HDF5 as published ms": "{:.0f}",
    "HDF5 sliced ms": "{:.0f}",
    "nibabel : store": "**{:.0f}**",
    "our reader : store": "{:.0f}",
    "HDF5 as published : store": "{:.0f}",
    "patches a processor second with 2 processes": "**{:.0f}**",
}


@dataclass
class Measured:
    """One case: bytes and seconds."""

    name: str
    shape: tuple[int, int, int]
    sizes: dict[str, int]
    seconds: dict[str, float]
    rate_on_two: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=2)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real labels, if there are any")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    if arguments.sweep:
        sweep(make_case((5150, 1), SPACING_MM))
        return
    rows = []
    for name, case in cases(arguments.phantoms, arguments.data):
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(measure(name, case, Path(scratch)))
            print(rows[-1], file=sys.stderr)
    publish(
        arguments.out,
        title="The prepared store: bytes, and random 96³ patches with labels",
        about=ABOUT,
        measures=MEASURES,
        tables={
            "bytes": Table(BYTES, [bytes_row(row) for row in rows]),
            "reading": Table(READING, [reading_row(row) for row in rows]),
        },
    )


def cases(phantoms: int, data: Path) -> Iterator[tuple[str, HarmonisedCase]]:
    """What is measured, one after the other."""
    every = frozenset(STRUCTURES.keys)
    for k in range(phantoms):
        made = make_case((5150, k), SPACING_MM)
        yield f"phantom {k}, all structures", harmonised(made, every)
    for key in ("btcv", "lits"):
        yield f"phantom {phantoms - 1}, labelled like {key}", harmonised(made, find_recipe(key).annotated)
    labels = data / "real_anatomy_labels" / "labels.nii.gz"
    if labels.exists():
        names = {int(k): str(v) for k, v in json.loads((labels.parent / "names.json").read_bytes()).items()}
        made = make_case(7, SPACING_MM, RestyleSource.from_labels(read_volume(labels), names))
        assert made.truth.annotated is not None
        yield "CT restyled on real anatomy", harmonised(made, made.truth.annotated)


def harmonised(case: PhantomCase, annotated: frozenset[str]) -> HarmonisedCase:
    """As a reader would give it; what is not annotated has no voxels."""
    nowhere = np.zeros(case.truth.shape, bool)
    known = annotated & set(case.truth.classes)
    masks = {key: case.truth.mask(key) if key in known else nowhere for key in STRUCTURES.keys}
    return HarmonisedCase(case.ct, Segmentation.from_masks(masks, case.ct.affine, annotated), ())


def measure(name: str, case: HarmonisedCase, scratch: Path) -> Measured:
    """Write a case in the three layouts, and read patches of each."""
    store, stored = as_store(case, scratch / "store")
    hu, (bits,) = store.read(stored)
    image, labels, post_label = scratch / "ct.nii.gz", scratch / "labels.nii.gz", scratch / "labels.h5"
    write_volume(image, Volume(hu, stored.grid.affine))
    write_labelmap(labels, Segmentation(bits.astype(np.uint64)[None], stored.grid.affine, store.classes))
    write_post_label(post_label, bits, stored.annotated)
    files = {"store CT": HU_FILE, "store labels": LABEL_FILE}
    sizes = {what: (store.folder(stored) / file).stat().st_size for what, file in files.items()}
    sizes |= {"CT .nii.gz": image.stat().st_size, "labels .nii.gz": labels.stat().st_size}
    sizes |= {"labels HDF5": post_label.stat().st_size, "store, all files": folder_size(store.folder(stored))}
    starts = patch_starts(stored.shape)
    seconds = {
        "store": least(lambda: read_all(store, stored, starts)) / len(starts),
        "nii.gz": least(lambda: [cut(read_volume(p).voxels, starts[0]) for p in (image, labels)], 3),
        "nibabel": least(lambda: [cut(np.asarray(nib.load(p).dataobj), starts[0]) for p in (image, labels)], 2),
        "HDF5 as published": least(lambda: from_post_label(image, post_label, starts[0], whole=True), 1),
        "HDF5 sliced": least(lambda: from_post_label(image, post_label, starts[0], whole=False), 3),
    }
    return Measured(name, stored.shape, sizes, seconds, rate_on(2, store, stored))


def read_all(store: Store, case: StoredCase, starts: list[tuple[int, ...]]) -> None:
    """Patches as a loader reads them: none is kept, so that memory is not asked for anew each time."""
    for start in starts:
        store.read_patch(case, start, PATCH)


def as_store(case: HarmonisedCase, path: Path) -> tuple[Store, StoredCase]:
    """The one case as a store."""
    raw = RawCase(find_recipe("lits"), "0", "lits_0", "0", path, (), find_recipe("lits").layout[0], frozenset())
    made = prepare_case(raw, case, StoreOptions(spacing_mm=SPACING_MM), CaseKey("", "", ""))
    (path / CASES / raw.name).mkdir(parents=True)
    made.write(path / CASES / raw.name)
    return Store(path, STRUCTURES.keys, (made.facts,), {}), made.facts


def write_post_label(path: Path, bits: np.ndarray, annotated: tuple[str, ...]) -> None:
    """The published layout, with h5py's own choice of chunks as there."""
    channels = np.full((1, len(STRUCTURES), *bits.shape), 255, np.uint8)
    for k, key in enumerate(STRUCTURES.keys):
        if key in annotated:
            channels[0, k] = bits >> k & 1
    with h5py.File(path, "w") as file:
        file.create_dataset("post_label", data=channels, compression="gzip", compression_opts=9)


def from_post_label(image: Path, post_label: Path, start: tuple[int, ...], *, whole: bool) -> object:
    """A patch of image and channels."""
    with h5py.File(post_label, "r") as file:
        x, y, z = (slice(s, s + n) for s, n in zip(start, PATCH, strict=True))
        channels = file["post_label"][0][:, x, y, z] if whole else file["post_label"][0, :, x, y, z]
    return cut(read_volume(image).voxels, start), channels


def cut(voxels: np.ndarray, start: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(voxels[tuple(slice(s, s + n) for s, n in zip(start, PATCH, strict=True))])


def patch_starts(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(0)
    return [
        tuple(int(rng.integers(0, max(1, n - p + 1))) for n, p in zip(shape, PATCH, strict=True))
        for _ in range(PATCHES)
    ]


def least(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of several repeats."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def rate_on(processes: int, store: Store, case: StoredCase) -> float:
    """Patches in a processor second of each, of so many processes at once, the best of several repeats."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        rates = []
        for _ in range(REPEATS + 1):  # the first one is for imports
            shares = [pool.submit(rate_here, store, case) for _ in range(processes)]
            rates.append(sum(share.result() for share in shares))
    return max(rates[1:])


def rate_here(store: Store, case: StoredCase) -> float:
    starts = patch_starts(case.shape) * 3
    begun = time.process_time()
    read_all(store, case, starts)
    return len(starts) / (time.process_time() - begun)


def folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def bytes_row(row: Measured) -> list[Cell]:
    """What a case takes."""
    s = row.sizes
    images = [s["store CT"] / 1e6, s["CT .nii.gz"] / 1e6]
    labels = [s[what] / 1e3 for what in ("store labels", "labels HDF5", "labels .nii.gz")]
    ratio = s["labels HDF5"] / s["store labels"]
    return [row.name, "×".join(map(str, row.shape)), *images, *labels, ratio, s["store, all files"] / 1e6]


def reading_row(row: Measured) -> list[Cell]:
    """What a patch takes."""
    ways = ("store", "nibabel", "nii.gz", "HDF5 as published", "HDF5 sliced")
    ms = [1000 * row.seconds[way] for way in ways]
    return [row.name, *ms, *(time / ms[0] for time in ms[1:4]), row.rate_on_two]


def sweep(case: PhantomCase) -> None:
    """Bytes and decoding time of other shapes and codecs; one line each."""
    hu = np.rint(case.ct.voxels).clip(-1024, 3071).astype(np.int16)
    _, labels = distinct_sets(case.truth.bits)
    shapes = ((64, 16), (64, 32), (96, 24), (96, 48), (128, 64))
    for voxels, base, codecs in (
        (hu, chunked.HU, (("LZ4", 5, "BITSHUFFLE"), ("LZ4", 5, "NOFILTER"), ("ZSTD", 5, "BITSHUFFLE"))),
        (labels, chunked.LABELS, (("LZ4", 9, "NOFILTER"), ("ZSTD", 5, "NOFILTER"), ("ZSTD", 8, "NOFILTER"))),
    ):
        for (chunk, block), (codec, level, filtered) in itertools.product(shapes, codecs):
            how = replace(base, chunk=chunk, block=block, codec=codec, level=level, filter=filtered)
            print(how, *sweep_one(voxels, how))


def sweep_one(voxels: np.ndarray, how: chunked.ChunkLayout) -> tuple[str, str, str]:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "x.b2nd"
        written = least(lambda: chunked.write_chunked(path, voxels, how), 1)
        file, starts = chunked.open_chunked(path), patch_starts(voxels.shape)
        read = least(lambda: [file[tuple(slice(s, s + 96) for s in start)] for start in starts]) / len(starts)
        return f"{path.stat().st_size / 1000:.0f} kB", f"write {written:.2f} s", f"patch {1000 * read:.2f} ms"


if __name__ == "__main__":
    main()
