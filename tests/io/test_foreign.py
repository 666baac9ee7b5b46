"""Formats that are not read: each is named, with what its owner can do."""

import bz2
import lzma

import nibabel as nib
import numpy as np
import pytest

from omentum.errors import InputError
from omentum.io.detect import load_volume

VOXELS = np.zeros((4, 4, 4), np.float32)


def put(folder, name):
    """A file of a format by its ending."""
    path = folder / name
    if name.endswith((".mgz", ".mgh")):
        nib.save(nib.MGHImage(VOXELS, np.eye(4)), path)
    elif name.endswith((".img", ".hdr")):
        nib.save(nib.Nifti1Pair(VOXELS, np.eye(4)), folder / "ct.img")
    elif name.endswith(".analyze.hdr"):
        nib.save(nib.AnalyzeImage(VOXELS, np.eye(4)), folder / "ct.img")
    else:
        plain = bytes(nib.Nifti1Image(VOXELS, np.eye(4)).to_bytes())
        path.write_bytes({"bz2": bz2.compress, "xz": lzma.compress}[name.rpartition(".")[2]](plain))
    return path


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("ct.mgz", "is a FreeSurfer image", r'nib\.save\(nib\.load\("ct\.mgz"\), "ct\.nii\.gz"\)'),
        ("ct.mgh", "is a FreeSurfer image", "nibabel"),
        ("ct.img", r"is one of a pair of files", r'nib\.load\("ct\.img"\)'),
        ("ct.hdr", r"is the header of a pair of files", r'nib\.load\("ct\.hdr"\)'),
        ("ct.nii.bz2", "is compressed with bzip2", r"bunzip2 ct\.nii\.bz2"),
        ("ct.nii.xz", "is compressed with xz", r"unxz ct\.nii\.xz"),
    ],
)
def test_the_format_and_what_to_do_are_named(name, what, remedy, tmp_path):
    with pytest.raises(InputError, match=rf"{what}.*\(.*{remedy}"):
        load_volume(put(tmp_path, name))


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"NRRD0004\n", "NRRD"),
        (b"ObjectType = Image\n", "MetaImage"),
        (b"NDims = 3\n", "MetaImage"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive"),
        (b"Rar!\x1a\x07", "RAR archive"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"\0" * 128 + b"DICM", "DICOM file without an image"),
    ],
)
def test_what_begins_like_another_format_is_that_format_whatever_it_is_called(head, what, tmp_path):
    (tmp_path / "ct.nii.gz").write_bytes(head)
    with pytest.raises(InputError, match=what):
        load_volume(tmp_path / "ct.nii.gz")
