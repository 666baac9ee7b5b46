"""The catalogue of faulty inputs, rows 1 to 49: NIfTI files and file names."""

import gzip
from functools import partial

import numpy as np
import pytest
from catalogue import check
from ct_files import HU, checked, file_of, fine, refused, warned
from faulty import FAULTS, GOOD, NO_ORIENTATION, QFORM_ONLY, SHEAR_20, nifti, sform, write
from strategies import STORAGE_ORDERS, storage_affine


def linked(folder):
    write(folder, nifti(HU), "real.nii")
    (folder / "ct.nii").symlink_to(folder / "real.nii")
    return folder / "ct.nii"


def link_to_itself(folder):
    (folder / "ct.nii").symlink_to(folder / "ct.nii")
    return folder / "ct.nii"


def dangling(folder):
    (folder / "ct.nii").symlink_to(folder / "gone.nii")
    return folder / "ct.nii"


def unreadable_parent(folder):
    return write(folder, GOOD, "ct.nii") / "inside.nii"


def named(name):
    return file_of(partial(nifti, HU), name)


def one_voxel(value):
    voxels = HU.astype(np.float32)
    voxels[0, 0, 0] = value
    return voxels


def in_storage_order(axes, signs):
    return file_of(partial(nifti, HU, **sform(storage_affine(axes, signs, (2, 2, 2)))))


NIFTI_FAULTS = tuple(
    refused(int(label[:2]), f"NIfTI: {label[3:]}", file_of(make), words)
    for label, (make, words) in FAULTS.items()
    if label not in ("05 dicom", "36 lonely hdr", "36 analyze")  # said in other words before the reader sees them
)

NIFTI = (
    refused(5, "NIfTI: dicom", file_of(FAULTS["05 dicom"][0]), "is a DICOM file without an image"),
    fine(7, "NIfTI: raw named .gz", file_of(partial(nifti, HU), "ct.nii.gz")),
    fine(7, "NIfTI: gz named .nii", file_of(lambda: gzip.compress(nifti(HU)))),
    fine(10, "NIfTI: trailing bytes", file_of(lambda: nifti(HU) + bytes(5000))),
    fine(16, "NIfTI: slope 0", file_of(lambda: nifti(HU, scl_slope=0))),
    fine(16, "NIfTI: slope NaN", file_of(lambda: nifti(HU, scl_slope=np.nan))),
    fine(18, "NIfTI: negative pixdim", file_of(lambda: nifti(HU, pixdim=[1, -2, 2, 2, 1, 1, 1, 1]))),
    warned(20, "NIfTI: says metres, is mm", file_of(lambda: nifti(HU, xyzt_units=1)), "millimetres used"),
    warned(21, "NIfTI: sheared by 20 degrees", file_of(lambda: nifti(HU, **sform(SHEAR_20))), "20.0 degrees"),
    warned(24, "NIfTI: sform against qform", file_of(lambda: nifti(HU, qform_code=1, quatern_d=0.1)), "sform used"),
    fine(25, "NIfTI: qform alone", file_of(lambda: nifti(HU, **QFORM_ONLY))),
    warned(
        26,
        "NIfTI: no orientation, assumed",
        file_of(NO_ORIENTATION),
        "assuming LPS",
        partial(checked, assume_orientation="LPS"),
    ),
    *(
        fine(27, f"NIfTI: stored as {axes} {signs}", in_storage_order(axes, signs))
        for axes, signs in STORAGE_ORDERS[::6]
    ),
    fine(28, "NIfTI: 4D of one", file_of(lambda: nifti(HU[..., None]))),
    fine(
        28,
        "NIfTI: 4D of two, one chosen",
        file_of(lambda: nifti(np.stack([HU + 1, HU], -1))),
        partial(checked, volume=1),
    ),
    warned(31, "NIfTI: one slice", file_of(lambda: nifti(HU[:, :, :1])), "1 slice.s. thick"),
    warned(31, "NIfTI: two slices", file_of(lambda: nifti(HU[:, :, :2])), "2 slice.s. thick"),
    refused(32, "NIfTI: one voxel", file_of(lambda: nifti(HU[:1, :1, :1])), "2 mm long"),
    warned(35, "NIfTI: 12 mm slices", file_of(lambda: nifti(HU, **sform(np.diag([2.0, 2, 12, 1])))), "12 mm"),
    fine(36, "NIfTI: NIfTI-2", file_of(lambda: nifti(HU, version=2))),
    fine(36, "NIfTI: big-endian", file_of(lambda: nifti(HU, order=">"))),
    refused(36, "NIfTI: header of a pair", file_of(lambda: nifti(magic=b"ni1")[:348], "ct.hdr"), "pair of files"),
    refused(36, "Analyze 7.5", file_of(lambda: nifti(magic=b"")[:348], "ct.hdr"), "an Analyze header"),
    refused(36, "Analyze 7.5 named .nii", file_of(lambda: nifti(magic=b"")), "Analyze 7.5"),
    refused(37, "all NaN", file_of(lambda: nifti(np.full((8, 9, 10), np.nan, np.float32))), "no voxel is a finite"),
    warned(38, "one NaN", file_of(lambda: nifti(one_voxel(np.nan))), "non-finite"),
    warned(39, "3e38", file_of(lambda: nifti(one_voxel(3e38))), "beyond"),
    fine(40, "float64", file_of(lambda: nifti(HU.astype("f8")))),
    fine(40, "int32", file_of(lambda: nifti(HU.astype("i4")))),
    fine(40, "scaled uint16", file_of(lambda: nifti((HU + 1024).astype("u2"), scl_slope=1, scl_inter=-1024))),
    refused(41, "HU + 1024 unsigned", file_of(lambda: nifti((HU + 1024).astype("u2"))), "offset"),
    refused(42, "constant", file_of(lambda: nifti(np.full((8, 9, 10), 7, np.int16))), "every voxel is 7"),
    warned(42, "constant, air", file_of(lambda: nifti(np.full((8, 9, 10), -1000, np.int16))), "nothing will be"),
    refused(43, "a label map", file_of(lambda: nifti((HU > 200).astype("u1"))), ""),
    refused(43, "values 0 to 1", file_of(lambda: nifti(((HU + 1000) / 2500).astype("f4"))), ""),
    *(
        fine(45, f"named {name!r}", named(name))
        for name in ("Ü ber.nii", "-o.nii", "a..b.nii", "CT.NII", "=cmd.nii", "<b>.nii", "x" * 200 + ".nii")
    ),
    refused(48, "missing", lambda folder: folder / "ct.nii.gz", "No such file"),
    refused(48, "link to nowhere", dangling, "No such file"),
    refused(48, "link to itself", link_to_itself, "symbolic link"),
    refused(48, "below a file", unreadable_parent, "Not a directory"),
    refused(48, "folder of images", lambda folder: named("a.nii")(folder).parent, "give the files themselves"),
    fine(49, "link to a file", linked),
)

CASES = (*NIFTI_FAULTS, *NIFTI)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)


def test_no_case_is_there_twice():
    assert len({str(case) for case in CASES}) == len(CASES)
