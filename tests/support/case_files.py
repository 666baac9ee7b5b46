"""CTs to give to a command, and what it wrote."""

from pathlib import Path

from banded_phantom import banded_ct, ras_grid

from omentum.io.nifti import write_volume
from omentum.spec import PreprocessSpec

CASE_FILES = (
    "labels_itksnap.txt",
    "labels_slicer.ctbl",
    "lesions.csv",
    "manifest.json",
    "measurements.json",
    "preview.png",
    "report.html",
    "segmentation.nii.gz",
    "segmentation.seg.nrrd",
)
"""What the folder of a case holds where nothing is asked for or left out."""

SPEC = PreprocessSpec(spacing_mm=(2.0, 2.0, 2.0), window_hu=(-175, 250), patch=(32, 32, 32))


def put_ct(name: str, grid=None) -> Path:
    grid = grid or ras_grid()
    write_volume(name, banded_ct(grid))
    return Path(name)


def files_in(folder) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file())
