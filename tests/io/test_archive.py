"""The CT in a zip file, and what is no such file."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from case_files import put_ct
from dicom_files import write_stack
from metaimage_files import metaimage

from omentum.errors import InputError
from omentum.io.archive.unpack import MAX_TINY, TINY_BYTES
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


@pytest.fixture
def work(monkeypatch):
    """Entries that are opened, and files that are written, in their order."""
    opened, written = [], []
    open_entry, open_file = zipfile.ZipFile.open, Path.open

    def entry(archive, name, *more, **how):
        opened.append(name.filename)
        return open_entry(archive, name, *more, **how)

    def file(path, mode="r", *more, **how):
        if set(mode) & set("wxa"):
            written.append(path.name)
        return open_file(path, mode, *more, **how)

    monkeypatch.setattr(zipfile.ZipFile, "open", entry)
    monkeypatch.setattr(Path, "open", file)
    return opened, written


def stored(path, contents):
    """Further entries, as quickly as they can be written."""
    with zipfile.ZipFile(path, "a") as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.dcm", content)
    return path


@pytest.mark.parametrize("content", [b"", b"x", bytes(TINY_BYTES - 1)])
def test_thousands_of_files_too_small_for_an_image_are_refused_unopened(ct, work, content):
    path = stored(zipped(ct, "ct.nii.gz"), [content] * (MAX_TINY + 1))
    work[0].clear()
    reason = r"a\.zip: holds 1001 files of fewer than 132 bytes, too small for an image; the limit is 1000"
    with pytest.raises(InputError, match=reason):
        load_volume(path)
    assert work == ([], [])


def test_thousands_of_files_that_are_no_images_are_looked_at_once_and_not_unpacked(tmp_path, work):
    path = stored(tmp_path / "a.zip", [bytes(TINY_BYTES)] * 3000)
    work[0].clear()
    with pytest.raises(InputError, match=r"a\.zip: holds 3000 files, none of them an image, not one CT"):
        load_volume(path)
    opened, written = work
    assert len(opened) == len(set(opened)) == 3000
    assert written == []


def test_what_lies_beside_a_ct_is_looked_at_and_not_unpacked(ct, work):
    path = stored(zipped(ct, "ct.nii.gz"), [b"a note", bytes(TINY_BYTES), b"another"])
    work[0].clear()
    assert load_volume(path).grid.same_as(read_volume(ct).grid)
    assert work == (["0.dcm", "1.dcm", "2.dcm", "ct.nii.gz"], ["ct.nii.gz"])


def test_thousands_of_files_beside_a_series_are_not_unpacked(tmp_path, work):
    hu = np.arange(4 * 5 * 3, dtype=np.int16).reshape(4, 5, 3)
    write_stack(tmp_path / "series", hu)
    path = stored(tmp_path / "a.zip", [b"a note" * 30] * 3000)
    with zipfile.ZipFile(path, "a") as archive:
        for file in sorted((tmp_path / "series").iterdir()):
            archive.write(file, f"series/slice_{file.name}")
    work[1].clear()
    np.testing.assert_array_equal(load_volume(path).voxels, hu)
    assert len(work[1]) == 3


def test_the_data_file_of_a_header_is_unpacked_whatever_its_name(tmp_path, work):
    hu = np.arange(4 * 5 * 3, dtype=np.int16).reshape(4, 5, 3)
    metaimage(tmp_path, hu, "ct.mhd", "voxels of the ct")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("ct.mhd", "voxels of the ct"):
            archive.write(tmp_path / name, f"study/{name}")
        archive.writestr("voxels of the ct", b"not beside the header")
    work[1].clear()
    np.testing.assert_array_equal(load_volume(tmp_path / "a.zip").voxels, hu)
    assert work[1] == ["ct.mhd", "voxels of the ct"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_inflates_without_bounds_is_refused_unopened(ct, work, method):
    path = zipped(ct, "ct.nii.gz", method=method)
    work[0].clear()
    with pytest.raises(
        InputError, match=r"a\.zip: its entry 'ct\.nii\.gz' is compressed by another method than deflate"
    ):
        load_volume(path)
    assert work[0] == []
