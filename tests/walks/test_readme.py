"""README.md, top to bottom."""

import shutil
from pathlib import Path

import pytest

from walks.conftest import put_dicom, put_scan, put_truth
from walks.walk import Walk

ENVIRONMENT = "makes a virtual environment, which needs a package registry"
WALK = Walk(
    "README.md",
    swaps=[
        ("omentum segment *.nii.gz -o out/", "omentum segment ct.nii.gz second.nii.gz -o several/"),
        ("-o out/ --meshes stl", "-o surfaces/ --meshes stl"),
        ("-o out/ --postprocess none", "-o raw_masks/ --postprocess none"),
        ("-o out/ --weights a.safetensors", "-o mean/ --weights a.safetensors"),
        ('-o out/ --threshold "liver tumour"=0.3', '-o maps/ --threshold "liver tumour"=0.3'),
        ("omentum segment imagesTs/*.nii.gz -o out/", "omentum segment imagesTs/*.nii.gz -o numbered/"),
        ("omentum phantom -n 3 -o phantoms/", "omentum phantom -n 1 --spacing 10 -o phantoms/"),
        ("omentum evaluate out/ct phantoms/case_0000", "omentum evaluate out/ct truths/ct"),
        ("/data/LiTS", "raw/lits"),
        ("data prepare --dataset lits=raw/lits", "data prepare --spacing 10 --antialias --dataset lits=raw/lits"),
        ("--folds 5 --test 0.2", "--folds 2 --test 0"),
        ("omentum phantom --sites -o raw/", "omentum phantom --site word -n 1 --spacing 10 -o raw/"),
        ("train compact --data store/ --dry-run", "train compact --data store/ --set spacing_mm=[10,10,10] --dry-run"),
        ('seg.save("out/", meshes="glb")', 'seg.save("python/", meshes="glb")'),
    ],
    skips={
        "make demo": ENVIRONMENT,
        "make test": ENVIRONMENT,
        "omentum weights import swin.pth": "needs a published checkpoint (tests/cli/test_weights_command.py has one)",
        "omentum train compact --data store/ --split": "hours (walked in docs/how-to/cross-validate.md)",
    },
)


@pytest.mark.slow
def test_readme_top_to_bottom(folder, raw):
    put_scan(
        "ct.nii.gz",
        "second.nii.gz",
        "p1/ct.nii.gz",
        "p2/ct.nii.gz",
        "cts/a.nii.gz",
        "imagesTs/liver_1.nii.gz",
        "2025/ct.nii.gz",
    )
    put_dicom("dicom_folder")
    put_truth("truths/ct")
    raw()
    for name in ("before", "after", "other"):
        shutil.copytree(segmented(), name)
    assert len(WALK.go()) >= 20
    for made in ("out/ct/report.html", "surfaces/ct/meshes", "seg.nii.gz", "page.html", "submission/liver_1.nii.gz"):
        assert Path(made).exists(), made


def segmented() -> Path:
    """What an earlier day's `omentum segment` left."""
    from omentum.cli import main

    if not Path("earlier").exists():
        assert main(["segment", "2025/ct.nii.gz", "-o", "earlier", "--no-report", "--no-preview", "--quiet"]) == 0
    return Path("earlier")
