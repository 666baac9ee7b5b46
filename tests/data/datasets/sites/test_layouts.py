"""What the re-enacted datasets look like on disk, read with other people's readers and a bare table of values."""

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from omentum.data.datasets.sites import Studio, find_sites, load_sites, site_tasks, write_site_case
from omentum.errors import UsageError
from omentum.io.truth import read_case

STUDIO = Studio(seed=5, finest_mm=(8.0, 8.0, 8.0), bodies=1)


def written(out, key, number=1):
    tasks = site_tasks(out, find_sites([key]), number, STUDIO)
    return [(task, write_site_case(task)) for task in tasks]


def test_kits_arrays_are_slices_first_and_the_kidney_leaves_the_tumour_out(tmp_path):
    (task, root), *_ = written(tmp_path, "kits21")
    image = nib.load(root / "kits21/data/case_00000/imaging.nii.gz")
    labels = nib.load(root / "kits21/data/case_00000/aggregated_MAJ_seg.nii.gz")
    assert nib.aff2axcodes(image.affine) == ("I", "P", "L")
    ct, truth, _ = read_case(task.truth)
    values = np.asarray(labels.dataobj)
    assert np.array_equal(np.asarray(image.dataobj), ct.voxels)
    assert np.array_equal(values == 2, truth.mask("kidney_tumour"))
    assert (values == 2).any()
    kidneys = truth.mask("left_kidney") | truth.mask("right_kidney")
    assert np.array_equal(values > 0, kidneys)


def test_lits_28_states_a_spacing_it_does_not_have_and_is_ircadb_1(tmp_path):
    (_, root), *_ = written(tmp_path, "lits")
    stated = nib.load(root / "Training Batch 1/volume-28.nii")
    assert stated.header.get_zooms() == (1, 1, 1)
    lits, ircadb, msd = (load_sites()[key] for key in ("lits", "3d-ircadb-01", "msd-liver"))
    assert lits.patient_of("28") == ircadb.patient_of("1") == msd.patient_of("28")
    scan = STUDIO.scan_of(lits.patient_of("28")).ct
    assert np.array_equal(nib.as_closest_canonical(stated).get_fdata(), scan.voxels)


def test_chaos_pictures_count_from_the_head_down(tmp_path):
    (task, root), *_ = written(tmp_path, "chaos-ct")
    pictures = sorted((root / "Train_Sets/CT/1/Ground").iterdir())
    assert pictures[0].name == "liver_GT_000.png"
    rows = np.stack([np.asarray(Image.open(path)) for path in pictures])
    assert set(np.unique(rows)) == {0, 255}
    ct, truth, _ = read_case(task.truth)
    assert ct.orientation == "LPS"
    assert np.array_equal(rows[::-1].T == 255, truth.mask("liver"))


def test_dicom_slices_state_where_they_are(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    (task, root), *_ = written(tmp_path, "chaos-ct")
    files = list((root / "Train_Sets/CT/1/DICOM_anon").iterdir())
    slices = sorted((pydicom.dcmread(path) for path in files), key=lambda d: d.ImagePositionPatient[2])
    ct, *_ = read_case(task.truth)
    stored = np.stack([d.pixel_array for d in slices], axis=-1).transpose(1, 0, 2)
    assert np.array_equal(stored.astype(int) + int(slices[0].RescaleIntercept), ct.voxels)
    first = np.array(slices[0].ImagePositionPatient, float) * (-1, -1, 1)
    assert first == pytest.approx(ct.affine[:3, 3])
    assert len({d.SOPInstanceUID for d in slices}) == len(files)
    assert len({d.SeriesInstanceUID for d in slices}) == 1


def test_btcv_labels_are_floats_and_partial_where_a_third_party_drew_them(tmp_path):
    cases = written(tmp_path, "btcv", 2)
    root = cases[0][1]
    whole, partial = (nib.load(root / f"RawData/Training/label/label{n}.nii.gz") for n in ("0001", "0061"))
    assert whole.get_data_dtype() == np.float32
    assert {2, 8, 9, 10, 12, 13} <= set(np.unique(whole.get_fdata()))
    assert not {2, 8, 9, 10, 12, 13} & set(np.unique(partial.get_fdata()))


def test_word_is_padded_and_totalsegmentator_has_files_for_what_is_not_there(tmp_path):
    (_, word), *_ = written(tmp_path, "word")
    assert nib.load(word / "WORD-V0.1.0/imagesTr/word_0002.nii.gz").get_fdata().min() == -3024
    (task, root), *_ = written(tmp_path, "totalsegmentator")
    folder = root / "s0000/segmentations"
    _, truth, _ = read_case(task.truth)
    assert not nib.load(folder / "brain.nii.gz").get_fdata().any()
    lobes = sum(nib.load(path).get_fdata() for path in folder.glob("lung_*_right.nii.gz"))
    assert np.array_equal(lobes, truth.mask("right_lung"))


def test_decoys_lie_there_without_being_cases(tmp_path):
    written(tmp_path, "amos22")
    assert (tmp_path / "amos22/amos22/imagesTr/amos_0507.nii.gz").exists()
    assert not (tmp_path / "truth/amos22/0507").exists()
    written(tmp_path, "abdomenct-1k")
    assert (tmp_path / "abdomenct-1k/Images/Case_01050_0000.nii.gz").exists()
    assert not (tmp_path / "abdomenct-1k/Masks/Case_01050.nii.gz").exists()


def test_the_same_order_gives_the_same_bytes(tmp_path):
    roots = [written(tmp_path / name, "pancreas-ct")[0][1] for name in ("one", "two")]
    files = [sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file()) for root in roots]
    assert files[0] == files[1]
    assert all((roots[0] / path).read_bytes() == (roots[1] / path).read_bytes() for path in files[0])


def test_other_patients_have_other_scans():
    first, second = (STUDIO.scan_of(name).ct.voxels for name in ("amos-0001", "amos-0004"))
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_an_unknown_site_is_answered_with_the_one_that_was_meant():
    with pytest.raises(UsageError, match=r"no such site: 'kits' \(did you mean kits\d\d"):
        find_sites(["kits"])
