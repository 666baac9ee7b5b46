"""Files and folders are named by their content."""

import gzip
import json
import os
import zipfile

import numpy as np
import pytest
from case_files import put_ct
from dicom_files import write_stack
from small_models import small_model

from omentum.doctor.kinds import InputKind, identify
from omentum.io.dicom import uids
from omentum.io.nifti import write_labelmap
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.model.checkpoint import save_checkpoint
from omentum.schemas import Schema, stamped
from omentum.segmentation import Segmentation

SEGMENTATION = Segmentation(np.ones((1, 4, 5, 6), np.uint32), np.eye(4), ("liver",))


def put_zip(path):
    write_stack(path.with_suffix(".tmp"), np.zeros((4, 5, 3)))
    with zipfile.ZipFile(path, "w") as archive:
        for file in path.with_suffix(".tmp").iterdir():
            archive.write(file, f"study/{file.name}")


def put_gzipped_nrrd(path):
    path.write_bytes(gzip.compress(b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 5 6\n\n\0\0"))


def put_dicom_object(path, storage):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = storage, "1.2.3"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = storage, "1.2.3"
    dataset.save_as(path, enforce_file_format=True)


def put_torch(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"cos\nsystem\n")


MAKERS = {
    "ct.nii.gz": (lambda path: put_ct(str(path)), InputKind.NIFTI),
    "labels.nii.gz": (lambda path: write_labelmap(path, SEGMENTATION), InputKind.SEGMENTATION),
    "a.seg.nrrd": (lambda path: write_seg_nrrd(path, SEGMENTATION, ()), InputKind.SEGMENTATION),
    "a.nrrd": (lambda path: path.write_bytes(b"NRRD0004\ntype: short\nsizes: 4 5 6\n\n\0\0"), InputKind.NRRD),
    "a.mha": (lambda path: path.write_bytes(b"ObjectType = Image\nDimSize = 4 5 6\n"), InputKind.META_IMAGE),
    "nrrd.gz": (put_gzipped_nrrd, InputKind.NRRD),
    "seg.dcm": (lambda path: put_dicom_object(path, uids.SEGMENTATION), InputKind.SEGMENTATION),
    "rtstruct.dcm": (lambda path: put_dicom_object(path, uids.STRUCTURE_SET), InputKind.SEGMENTATION),
    "report.dcm": (lambda path: put_dicom_object(path, "1.2.840.10008.5.1.4.1.1.88.33"), InputKind.DICOM),
    "w.safetensors": (lambda path: save_checkpoint(path, small_model()), InputKind.CHECKPOINT),
    "w.pt": (put_torch, InputKind.CHECKPOINT),
    "series": (lambda path: write_stack(path, np.zeros((4, 5, 3))), InputKind.DICOM),
    "case": (lambda path: (path.mkdir(), put_ct(str(path / "ct.nii.gz"))), InputKind.CASES),
    "z.zip": (put_zip, InputKind.ZIP),
    "d.json": (lambda path: path.write_text(json.dumps(stamped(Schema.SPLIT, {}))), InputKind.DOCUMENT),
    "notes.txt": (lambda path: path.write_text("nothing"), InputKind.OTHER),
    "empty": (lambda path: path.write_bytes(b""), InputKind.OTHER),
    "pointer.nii.gz": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1"), InputKind.OTHER),
}


@pytest.mark.parametrize(("name", "made"), MAKERS.items(), ids=list(MAKERS))
def test_content_decides(tmp_path, name, made):
    put, kind = made
    path = tmp_path / name
    put(path)
    assert identify(path).kind is kind


def test_headers_are_told(tmp_path):
    put_ct(str(tmp_path / "ct.nii.gz"))
    assert "mm, RAS" in identify(tmp_path / "ct.nii.gz").facts["grid"]
    save_checkpoint(tmp_path / "w.safetensors", small_model())
    assert identify(tmp_path / "w.safetensors").facts["classes"] == 3
    write_seg_nrrd(tmp_path / "a.seg.nrrd", SEGMENTATION, ())
    assert identify(tmp_path / "a.seg.nrrd").facts["grid"].startswith("4 x 5 x 6 voxels")
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\ntype: short\npatient: Jane Doe\ndimension: 3\nsizes: 4 5 6\n\n\0")
    found = identify(tmp_path / "a.nrrd")
    assert "states no space" in found.reason
    assert "Doe" not in repr(found)


def test_a_zip_file_tells_the_series_in_it(tmp_path):
    put_zip(tmp_path / "z.zip")
    found = identify(tmp_path / "z.zip")
    assert found.facts["holds"] == "DICOM"
    (series,) = found.series
    assert (series.images, series.matrix) == (3, (4, 5))


def test_damage_has_a_reason(tmp_path):
    (tmp_path / "cut.nii").write_bytes(b"\x5c\x01\0\0" + bytes(100))
    found = identify(tmp_path / "cut.nii")
    assert "the header is cut short" in found.reason


def test_a_named_pipe_and_a_damaged_zip_file_are_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in identify(tmp_path / "pipe").reason
    put_zip(tmp_path / "a.zip")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"PK\x01\x02", b"PK\xff\xff"))
    assert "is a damaged zip file" in identify(tmp_path / "a.zip").reason
