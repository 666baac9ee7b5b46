"""README.md, top to bottom."""

import shutil
from pathlib import Path

import pytest

from walks.conftest import put_scan, put_truth
from walks.walk import Walk

ENVIRONMENT = "makes a virtual environment, which needs a package registry"
WALK = Walk(
    "README.md",
    swaps=[
        ("omentum segment ct.nii.gz -o out/ --weights", "omentum segment ct.nii.gz -o others/ --weights"),
        ("omentum phantom -n 3 -o phantoms/", "omentum phantom -n 1 --spacing 10 -o phantoms/"),
        ("/data/LiTS", "raw/lits"),
        ("data prepare --dataset lits=raw/lits", "data prepare --spacing 10 --antialias --dataset lits=raw/lits"),
        ("--folds 5 --test 0.2", "--folds 2 --test 0"),
        ('seg.save("out/", meshes="glb")', 'seg.save("python/", meshes="glb")'),
    ],
    skips={
        "make demo": ENVIRONMENT,
        "make test": ENVIRONMENT,
        "pip install": ENVIRONMENT,
        "omentum listen": "does not end (tests/pacs/test_listen.py)",
        "omentum segment cts/ -o out/ --server": "needs a service (tests/remote)",
        "omentum mcp": "serves a client (tests/mcp_server)",
        "omentum serve": "does not end (tests/serve, make web-test)",
        "omentum extend": "minutes (walked in docs/how-to/extend.md)",
        "omentum annotate propose": "minutes (walked in docs/how-to/annotate.md)",
        "omentum train compact --data store/ --split": "hours (walked in docs/how-to/cross-validate.md)",
    },
)


@pytest.mark.slow
def test_readme_top_to_bottom(folder, raw):
    put_scan("ct.nii.gz", "cts/a.nii.gz", "2025/ct.nii.gz")
    put_truth("references/ct")
    raw()
    for name in ("before", "after"):
        shutil.copytree(segmented(), name)
    assert len(WALK.go()) >= 10
    for made in ("out/ct/report.html", "out/a/measurements.json", "others/ct/manifest.json", "page.html", "python"):
        assert Path(made).exists(), made


def segmented() -> Path:
    """What an earlier day's `omentum segment` left."""
    from omentum.cli import main

    if not Path("earlier").exists():
        assert main(["segment", "2025/ct.nii.gz", "-o", "earlier", "--no-report", "--no-preview", "--quiet"]) == 0
    return Path("earlier")
