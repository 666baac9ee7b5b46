"""Every NIfTI fault is answered in one line that names the file, before memory is spent, and nothing is written.

The numbers are those of the project's catalogue of faults.
"""

import gzip
import os
import tracemalloc

import nibabel as nib
import numpy as np
import pytest
from faulty import FAULTS, GOOD, NO_ORIENTATION, QFORM_ONLY, SHAPE, SHEAR_20, nifti, sform, stored, write

from omentum.errors import CaseWarning, GeometryError, InputError, UsageError
from omentum.io.detect import load_volume
from omentum.io.nifti import read_volume, write_volume
from omentum.pipeline import Segmenter, SegmentOptions


@pytest.mark.parametrize("label", FAULTS)
def test_a_fault_is_named_in_one_line_and_nothing_is_written(label, tmp_path):
    make, words = FAULTS[label]
    path = write(tmp_path, make(), "a scan.nii.gz")
    with pytest.raises(InputError, match=words) as caught:
        read_volume(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("label", [label for label in FAULTS if "bomb" in label])
def test_a_bomb_is_refused_before_memory_is_asked_for(label, tmp_path):
    path = write(tmp_path, FAULTS[label][0]())
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            read_volume(path)
        # gzip hands out chunks of 16 MiB at most; the 64 MiB of the stream never exist at once.
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("data", "name"), [(GOOD, "raw.nii.gz"), (gzip.compress(GOOD), "zipped.nii")])
def test_07_bytes_decide_what_is_gzip(data, name, tmp_path):
    assert read_volume(write(tmp_path, data, name)).shape == SHAPE


@pytest.mark.parametrize(
    "data", [GOOD + bytes(5000), gzip.compress(GOOD + bytes(5000)), gzip.compress(GOOD) + bytes(100)]
)
def test_10_trailing_bytes_are_passed_over(data, tmp_path):
    np.testing.assert_array_equal(read_volume(write(tmp_path, data)).voxels, read_volume(write(tmp_path, GOOD)).voxels)


@pytest.mark.parametrize("slope", [0, np.nan])
def test_16_no_slope_means_no_scaling(slope, tmp_path):
    volume = read_volume(write(tmp_path, nifti(scl_slope=slope, scl_inter=np.nan)))
    assert volume.voxels.dtype == np.int16


@pytest.mark.parametrize("pixdim", [[1, -2, -2, 2, 1, 1, 1, 1], [1, 0, 0, 0, 1, 1, 1, 1]])
def test_18_the_sform_alone_decides_where_it_stands(pixdim, tmp_path):
    assert read_volume(write(tmp_path, nifti(pixdim=pixdim))).spacing_mm == (2, 2, 2)


def test_20_a_wrong_unit_code_is_told(tmp_path):
    with pytest.warns(CaseWarning, match=r"ct\.nii: the header says metres but only millimetres"):
        read_volume(write(tmp_path, nifti(xyzt_units=1)))


def test_21_a_tilt_of_20_degrees_is_told_and_kept(tmp_path):
    with pytest.warns(CaseWarning, match="axes are 20.0 degrees off"):
        volume = read_volume(write(tmp_path, nifti(**sform(SHEAR_20))))
    np.testing.assert_array_equal(volume.affine, SHEAR_20.astype(np.float32))


def test_22_shear_of_float_noise_is_no_shear(tmp_path):
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[0, 1] = 4e-5
    read_volume(write(tmp_path, nifti(**sform(affine))))


@pytest.mark.parametrize("fields", [{"qoffset_x": 0.2}, {"quatern_d": 0.01}, {"pixdim": [1, 2.1, 2, 2, 1, 1, 1, 1]}])
def test_24_sform_and_qform_at_odds_are_told(fields, tmp_path):
    with pytest.warns(CaseWarning, match="sform and qform disagree; sform used"):
        volume = read_volume(write(tmp_path, nifti(qform_code=1, **fields)))
    np.testing.assert_array_equal(volume.affine, np.diag([2.0, 2, 2, 1]))


def test_24_rounding_is_no_disagreement(tmp_path):
    read_volume(write(tmp_path, nifti(qform_code=1, qoffset_x=0.05, quatern_d=1e-4)))


def test_25_a_qform_alone_is_enough_and_qfac_0_means_1(tmp_path):
    volume = read_volume(write(tmp_path, nifti(**QFORM_ONLY, pixdim=[0, 2, 3, 4, 1, 1, 1, 1], qoffset_z=7)))
    expected = np.diag([2.0, 3, 4, 1])
    expected[2, 3] = 7
    np.testing.assert_array_equal(volume.affine, expected)


@pytest.mark.parametrize(
    "row", [np.zeros(4), np.full(4, np.nan), np.array([2.0, 0, 0, 5])], ids=["zeros", "nan", "singular"]
)
def test_25_an_impossible_sform_gives_way_to_the_qform_and_is_not_repeated(row, tmp_path):
    rows = {f"srow_{axis}": row for axis in "xyz"}
    data = nifti(sform_code=1, qform_code=1, pixdim=[1, 2, 3, 4, 1, 1, 1, 1], qoffset_z=7, **rows)
    with pytest.warns(CaseWarning, match=r"ct\.nii: its sform is impossible .*; qform used"):
        volume = read_volume(write(tmp_path, data))
    expected = np.diag([2.0, 3, 4, 1])
    expected[2, 3] = 7
    np.testing.assert_array_equal(volume.affine, expected)
    write_volume(tmp_path / "out.nii", volume)
    np.testing.assert_array_equal(nib.load(tmp_path / "out.nii").affine, expected)
    np.testing.assert_array_equal(read_volume(tmp_path / "out.nii").affine, expected)


def test_25_an_impossible_sform_alone_is_refused_unless_the_caller_knows_better(tmp_path):
    path = write(tmp_path, nifti(**dict.fromkeys(["srow_x", "srow_y", "srow_z"], np.zeros(4))))
    with pytest.raises(GeometryError, match="singular"):
        read_volume(path)
    with pytest.warns(CaseWarning, match="assuming LPS"):
        assert read_volume(path, assume_orientation="LPS").orientation == "LPS"


@pytest.mark.parametrize(("said", "diagonal"), [("RAS", [2, 2, 2]), ("lps", [-2, -2, 2])])
def test_26_the_caller_may_know_the_orientation(said, diagonal, tmp_path):
    with pytest.warns(CaseWarning, match=f"orientation unknown, assuming {said.upper()}"):
        volume = read_volume(write(tmp_path, NO_ORIENTATION), assume_orientation=said)
    np.testing.assert_array_equal(volume.affine, np.diag([*diagonal, 1.0]))


@pytest.mark.parametrize("said", ["RRS", "RA", "XYZ", "RASS"])
def test_26_nonsense_is_no_orientation(said, tmp_path):
    with pytest.raises(UsageError, match="is no orientation"):
        read_volume(write(tmp_path, NO_ORIENTATION), assume_orientation=said)


@pytest.mark.parametrize("said", ["LPS", "SAR"])
def test_26_an_assumption_against_what_the_file_states_is_refused(said, tmp_path):
    path = write(tmp_path, nifti())
    assert load_volume(path, assume_orientation="ras").orientation == "RAS"
    with pytest.raises(GeometryError, match=f"ct.nii: states the orientation RAS, not {said} .*leave the option out"):
        load_volume(path, assume_orientation=said)
    with pytest.raises(UsageError, match="'XYZ' is no orientation"):
        Segmenter("default", SegmentOptions(assume_orientation="XYZ"))


def test_28_one_of_several_volumes_is_read_on_request(tmp_path):
    voxels = np.random.default_rng(1).integers(0, 99, (*SHAPE, 3)).astype(np.int16)
    for data in (nifti(voxels), gzip.compress(nifti(voxels))):
        path = write(tmp_path, data)
        for n in range(3):
            np.testing.assert_array_equal(read_volume(path, volume=n).voxels, voxels[..., n])
        with pytest.raises(UsageError, match=r"no volume 3 .it has 0 to 2"):
            read_volume(path, volume=3)


def test_28_a_checksum_counts_though_another_volume_was_asked_for(tmp_path):
    data = bytearray(stored(nifti(np.zeros((*SHAPE, 3), np.int16))))
    data[-300] ^= 1
    with pytest.raises(InputError, match="CRC"):
        read_volume(write(tmp_path, bytes(data)), volume=0)


@pytest.mark.parametrize("shape", [(*SHAPE, 1), (*SHAPE, 1, 1)])
def test_28_a_single_4d_volume_is_3d(shape, tmp_path):
    assert read_volume(write(tmp_path, nifti(np.zeros(shape, np.int16)))).shape == SHAPE


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["i2", "u2", "i4", "u4", "f4", "f8", "u1", "i1", "i8", "u8"])
def test_36_40_byte_order_version_and_dtype_do_not_matter(version, order, dtype, tmp_path):
    voxels = np.random.default_rng(2).integers(0, 100, SHAPE).astype(dtype)
    volume = read_volume(write(tmp_path, nifti(voxels, version=version, order=order)))
    np.testing.assert_array_equal(volume.voxels, voxels)
    assert volume.voxels.dtype == np.dtype(dtype)


def test_40_scaling_gives_the_same_hu(tmp_path):
    hu = np.random.default_rng(3).integers(-1024, 2000, SHAPE).astype(np.float64)
    for data in (
        nifti(hu),
        nifti(hu.astype(np.int32)),
        nifti((hu + 1024).astype(np.uint16), scl_inter=-1024),
        nifti((hu * 2).astype(np.int16), scl_slope=0.5),
    ):
        np.testing.assert_array_equal(read_volume(write(tmp_path, data)).voxels, hu)


NAMES = [
    "Magen-Darm_äöü_日本.nii.gz",
    "with space.nii.gz",
    "-dash.nii.gz",
    "two\nlines.nii.gz",
    "U" * 223 + ".nii.gz",
    "SCAN.NII.GZ",
    "a.b.c.nii.gz",
    "<b>bold.nii.gz",
    "=cmd.nii",
]


@pytest.mark.parametrize("name", NAMES)
def test_45_any_file_name_will_do(name, tmp_path):
    volume = read_volume(write(tmp_path, GOOD))
    write_volume(tmp_path / name, volume)
    np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, volume.voxels)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        read_volume(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_48_what_cannot_be_opened_is_told_with_the_reason(tmp_path):
    (tmp_path / "folder.nii").mkdir()
    (tmp_path / "dangling.nii").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.nii").symlink_to(tmp_path / "loop.nii")
    os.mkfifo(tmp_path / "pipe.nii")
    for name, words in {
        "missing.nii": "No such file or directory",
        "dangling.nii": "No such file or directory",
        "loop.nii": "Too many levels of symbolic links",
        "folder.nii": "is a folder or device, not a file",
        "pipe.nii": "is a folder or device, not a file",
    }.items():
        with pytest.raises(InputError, match=words):
            read_volume(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_48_no_permission_is_told(tmp_path):
    path = write(tmp_path, GOOD)
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_volume(path)


def test_49_a_link_to_a_file_is_a_file(tmp_path):
    write(tmp_path, GOOD)
    (tmp_path / "link.nii").symlink_to("ct.nii")
    assert read_volume(tmp_path / "link.nii").shape == SHAPE


def test_50_descriptions_and_extensions_are_not_passed_on(tmp_path):
    note = b"Jane Doe 1950-01-01".ljust(24)
    data = nifti(descrip=b"Jane Doe", aux_file=b"Jane", db_name=b"Doe", vox_offset=352 + 32)
    data = data[:348] + b"\1\0\0\0" + np.array([32, 6], "<i4").tobytes() + note + data[352:]
    volume = read_volume(write(tmp_path, data))
    np.testing.assert_array_equal(volume.voxels, read_volume(write(tmp_path, GOOD)).voxels)
    write_volume(tmp_path / "out.nii", volume)
    assert b"Jane" not in (tmp_path / "out.nii").read_bytes()
    assert b"Doe" not in (tmp_path / "out.nii").read_bytes()


def test_no_truncation_escapes_however_small(tmp_path):
    whole = stored(nifti(np.zeros((3, 3, 3), np.int16)))
    for length in range(0, len(whole), 7):
        with pytest.raises(InputError):
            read_volume(write(tmp_path, whole[:length], "cut.nii.gz"))


def test_no_changed_byte_escapes_the_checksum(tmp_path):
    whole = stored(nifti(np.zeros((3, 3, 3), np.int16)))
    for at in range(10, len(whole), 11):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        with pytest.raises(InputError):
            read_volume(write(tmp_path, bytes(changed), "changed.nii.gz"))
