"""The CT in a zip file, and what is no such file."""

import zipfile

import numpy as np
import pytest
from case_files import put_ct

from omentum.errors import InputError
from omentum.io.archive import MAX_EMPTY
from omentum.io.detect import load_volume
from omentum.io.nifti import read_volume


@pytest.fixture
def ct(tmp_path):
    put_ct(str(tmp_path / "ct.nii.gz"))
    return tmp_path / "ct.nii.gz"


def zipped(ct, *names, method=zipfile.ZIP_DEFLATED):
    path = ct.with_name("a.zip")
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.write(ct, name)
    return path


def test_a_ct_in_a_folder_of_the_archive_is_found(ct, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = load_volume(zipped(ct, "patient/ct.nii.gz"))
    np.testing.assert_array_equal(found.voxels, read_volume(ct).voxels)
    assert not list(tmp_path.rglob(".omentum-zip*"))


def test_what_else_it_holds_is_told(ct):
    with pytest.raises(InputError, match="holds 2 image files, not one CT"):
        load_volume(zipped(ct, "a/ct.nii.gz", "b/ct.nii.gz"))
    empty = ct.with_name("empty.zip")
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(InputError, match="holds another zip file"):
        load_volume(zipped(empty, "inner"))


def test_many_empty_files_are_refused_before_they_are_unpacked(ct):
    path = zipped(ct, "ct.nii.gz")
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(MAX_EMPTY + 1):
            archive.writestr(f"{number}.dcm", b"")
    with pytest.raises(InputError, match=r"a\.zip: holds 1001 empty files, the limit is 1000"):
        load_volume(path)


def test_damaged_lzma_is_told(ct):
    path = zipped(ct, "ct.nii.gz", method=zipfile.ZIP_LZMA)
    content = bytearray(path.read_bytes())
    content[80:400] = b"\xff" * 320
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged zip file"):
        load_volume(path)
