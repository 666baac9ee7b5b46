"""`omentum.read_segmentation` of a folder or of any file."""

import pytest
from overlapping_masks import GRIDS, same, scan

from omentum import read_segmentation
from omentum.errors import InputError
from omentum.io.nifti import write_labelmap
from omentum.io.seg_nrrd.write import write_seg_nrrd


def test_a_folder_gives_what_says_most(tmp_path):
    seg = scan(GRIDS["isotropic"])
    write_labelmap(tmp_path / "segmentation.nii.gz", seg)
    assert read_segmentation(tmp_path).mask("pancreas").sum() < seg.mask("pancreas").sum()
    write_seg_nrrd(tmp_path / "segmentation.seg.nrrd", seg)
    same(read_segmentation(tmp_path), seg)
    assert read_segmentation(tmp_path / "segmentation.nii.gz").mask("pancreas").sum() < seg.mask("pancreas").sum()


def test_the_name_does_not_matter(tmp_path):
    seg = scan(GRIDS["isotropic"])
    write_seg_nrrd(tmp_path / "masks.dat", seg)
    same(read_segmentation(tmp_path / "masks.dat"), seg)


def test_a_folder_without_any_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no segmentation\.seg\.nrrd or segmentation\.nii\.gz"):
        read_segmentation(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        read_segmentation(tmp_path / "none")
