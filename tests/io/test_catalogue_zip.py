"""The catalogue of faulty inputs, 91: zip files that are more, or less, than a study."""

import io
import stat
import struct
import zipfile
from functools import partial

import nibabel as nib
import numpy as np
import pytest
from catalogue import PATIENT, Case, Outcome, check
from dicom_cases import HU, stack, whole
from dicom_frames import write_frames

from omentum.io.archive import unpack as archive
from omentum.io.detect import load_volume

E, W, OK = Outcome.ERROR, Outcome.WARNING, Outcome.OK


def zipped(folder, entries=None, *, name="study.zip", made=stack, **how):
    """A zip file of a series and of further entries."""
    made(folder / "in")
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **how) as file:
        for inner in sorted(p for p in (folder / "in").rglob("*") if p.is_file()):
            file.write(inner, inner.relative_to(folder / "in"))
        for entry, content in (entries or {}).items():
            file.writestr(entry, content)
    return path


def holding(entries, **how):
    return lambda folder: zipped(folder, entries, **how)


def link(name, target):
    """An entry that is a symbolic link."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return lambda folder: zipped(folder, {entry: target})


def changed(change):
    """Bytes of a good zip file changed."""

    def make(folder):
        path = zipped(folder)
        path.write_bytes(change(bytearray(path.read_bytes())))
        return path

    return make


def flipped(content):
    content[150] ^= 0x55
    return content


def encrypted(content):
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := content.find(magic, start)) >= 0:
            content[start + at] |= 1
            start += 4
    return content


def lying(content):
    """The directory states that the first entry has 40 bytes."""
    at = content.find(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 40)
    return content


def method_99(content):
    for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = content.find(magic)
        content[start + at : start + at + 2] = struct.pack("<H", 99)
    return content


def bomb(folder):
    """100 MB of zeros in 100 kB."""
    return zipped(folder, {"zeros": bytes(100 << 20)})


def many(folder):
    path = folder / "many.zip"
    with zipfile.ZipFile(path, "w") as file:
        for n in range(archive.MAX_ENTRIES + 1):
            file.writestr(f"{n}", b"")
    return path


def signature(folder):
    (folder / "x.zip").write_bytes(b"PK\3\4")
    return folder / "x.zip"


def inner_zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a", b"a")
    return content.getvalue()


def two_patients(folder):
    def both(place):
        stack(place / "a")
        stack(place / "b", **PATIENT | {"PatientID": "4712"})

    return zipped(folder, made=both)


def of_nifti(folder):
    def made(place):
        place.mkdir()
        nib.save(nib.Nifti1Image(HU, np.diag([0.7, 0.8, 2.5, 1])), place / "ct.nii.gz")

    return zipped(folder, made=made)


def nothing_outside(path):
    """Read it, and look for what it may have left beside it."""
    try:
        return load_volume(path)
    finally:
        assert sorted(p.name for p in path.parent.iterdir()) == ["in", path.name]


UNSAFE = {
    "../evil": "'../evil' lies outside of it",
    "a/../../evil": "lies outside of it",
    "/evil": "lies outside of it",
    "..\\evil": "backslash or a drive",
    "C:evil": "backslash or a drive",
    "a/" * 40 + "deep": "more than 32 folders deep",
}
MAC = {"__MACOSX/._image_1": b"\0\5\x16\x07", "._image_1": b"\0\5\x16\x07", ".DS_Store": b"\0\0\0\1Bud1", "sub/": b""}

CASES = (
    Case(91, "a zip of a series", zipped, OK, right=whole),
    Case(91, "a zip without a suffix", partial(zipped, name="study"), OK, right=whole),
    Case(91, "a zip that stores its files", holding({}, compresslevel=0), OK, right=whole),
    Case(91, "a zip of frames", lambda f: zipped(f, made=lambda p: write_frames(p / "frames", HU)), OK, right=whole),
    Case(91, "a zip of a NIfTI file", of_nifti, OK),
    Case(91, "what macOS adds", holding(MAC), OK, right=whole),
    Case(91, "a DICOMDIR that points elsewhere", holding({"DICOMDIR": b"../../etc/passwd"}), OK, right=whole),
    Case(91, "a warning names the zip", holding({"sub/empty": b""}), W, r"study\.zip: not part of .*e\.g\. sub/empty"),
    *(Case(91, f"entry {name[:12]!r}", holding({name: b"x"}), E, f"study.zip: its entry .*{says}", read=nothing_outside)
      for name, says in UNSAFE.items()),
    Case(91, "a link", link("evil", "/etc/passwd"), E, "'evil' is a link or a device", read=nothing_outside),
    Case(91, "a name that is there twice", holding({"image_0/x": b"x"}), E, "study.zip"),
    *(Case(91, f"a file that is a folder, too: {' and '.join(names)}", holding(dict.fromkeys(names, b"x")), E, says)
      for names, says in ((("a", "a/b"), "'a/b' lies in a folder that is there as a file"),
                          (("a/b", "a"), "'a' is there twice"))),
    Case(91, "a bomb", bomb, E, "unpacks to far more than a CT can"),
    Case(91, "60,000 entries", many, E, r"many\.zip: holds 50001 entries, the limit is 50000"),
    Case(91, "a zip in the zip", holding({"more.zip": inner_zip()}), E, "holds another zip file, 'more.zip'"),
    Case(91, "a zip in the zip, called otherwise", holding({"slice": inner_zip()}), E, "holds another zip file"),
    Case(91, "a wrong checksum", changed(flipped), E, "is a damaged zip file"),
    Case(91, "cut in half", changed(lambda content: content[: len(content) // 2]), E, "is a damaged zip file"),
    Case(91, "sizes that are lies", changed(lying), E, "is a damaged zip file"),
    Case(91, "encrypted", changed(encrypted), E, "is encrypted .unpack it with its password first"),
    Case(91, "an unknown compression", changed(method_99), E, "compressed by another method than deflate"),
    Case(91, "only the signature", signature, E, "is a damaged zip file"),
    Case(91, "an empty zip", holding({}, made=lambda place: place.mkdir()), E, "holds 0 files, none of them an image"),
    Case(91, "two patients in a zip", two_patients, E, r"study\.zip: holds images of 2 patients"),
    Case(91, "a damaged slice in the zip", holding({"image_8": bytes(300)}), E, r"study\.zip/image_8: is empty or all"),
    Case(91, "no slice any more", holding({"image_8": b"page" * 99}), E, r"study\.zip/image_8: is no DICOM file"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
