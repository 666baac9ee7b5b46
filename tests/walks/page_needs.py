"""What the reader of a page has before its first command: scans, labels, DICOM series, stores, models."""

import json
import shutil
from pathlib import Path

import numpy as np
from metaimage_files import metaimage
from seg_nrrd_files import seg_nrrd

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.cli import main
from omentum.io.nifti import read_volume, write_volume
from omentum.model import build, load_model, save_checkpoint
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec
from omentum.volume import Volume
from walks.conftest import put_dicom, put_scan, put_truth


def put_two_results() -> None:
    """Predictions out/ and other/ of a case of truths/, as earlier steps would have left them."""
    put_scan("cases/ct.nii.gz")
    put_truth("truths/ct", "truth/ct")
    assert main(["segment", "cases/ct.nii.gz", "-o", "out", "--no-report", "--no-preview", "--quiet"]) == 0
    shutil.copytree("out", "other")


def put_other_formats() -> None:
    """One CT in three formats, and a label map."""
    put_scan("ct.nii.gz")
    ct = read_volume("ct.nii.gz")
    here, flipped = Path.cwd(), ct.voxels[::-1, ::-1].astype(np.int16)  # the helpers write LPS+
    spacing = {"ElementSpacing": " ".join(f"{mm:g}" for mm in ct.spacing_mm)}
    rows = {"space directions": " ".join(f"({x:g},{y:g},{z:g})" for x, y, z in np.diag(ct.spacing_mm))}
    Path("cts").mkdir()
    seg_nrrd(here, flipped, **rows).rename("ct.nrrd")
    metaimage(here, flipped, "scan.mhd", "scan.raw", **spacing)
    metaimage(here / "cts", flipped, **spacing)
    metaimage(here, np.where(flipped > 0, 6, 0).astype(np.uint8), "labels.mha", **spacing)


def put_labels() -> None:
    """A label map with names to restyle."""
    labels = np.zeros((30, 24, 40), np.uint8)
    labels[4:26, 4:20, :] = 3
    labels[12:18, 4:9, 10:30] = 1
    labels[18:24, 10:18, 10:26] = 2
    write_volume("labels.nii.gz", Volume(labels, np.diag([8.0, 8.0, 8.0, 1.0])))
    Path("names.json").write_text(json.dumps({"1": "vertebrae_L1", "2": "liver", "3": "autochthon_left"}))


def put_hospital() -> None:
    """The folder of the page."""
    for number in (1, 2, 10):
        put_scan(f"st-elsewhere/scans/p{number}.nii.gz")
        labels = np.zeros((30, 25, 28), np.uint8)
        labels[10:14, 10:14, 10:14] = 1
        path = Path(f"st-elsewhere/truth/p{number}_seg.nii.gz")
        path.parent.mkdir(exist_ok=True)
        write_volume(path, Volume(labels, read_volume(f"st-elsewhere/scans/p{number}.nii.gz").affine))


def put_small_store() -> None:
    """A store of six patients."""
    datasets = [part for site in ("lits", "word", "flare23") for part in ("--dataset", f"{site}=raw/{site}")]
    assert main(["data", "prepare", *datasets, "--spacing", "10", "--antialias", "-o", "store"]) == 0


def put_small_model(name: str) -> None:
    """Weights of a tiny network at 10 mm with the words of MiniLM."""
    spec = CheckpointSpec(
        model=ModelSpec("residual_unet", {"widths": [8, 16, 16], "stem": 8, "blocks": 1, "decoded_channels": 4}, 384),
        preprocess=PreprocessSpec((10.0, 10.0, 10.0), (-1024.0, 1024.0), (32, 32, 32), antialias=True),
        classes=(ClassSpec("liver", prompt(STRUCTURES["liver"])), ClassSpec("spleen", prompt(STRUCTURES["spleen"]))),
        text_encoder="all-MiniLM-L6-v2",
        training={"trained_on": []},
        licence="Apache-2.0",
    )
    bundled = load_model("default")
    rows = [bundled.spec.class_keys.index(key) for key in spec.class_keys]
    save_checkpoint(name, build(spec, bundled.text_embeddings[rows].clone()))


def put_what_pages_need(page: str, raw) -> None:
    """Everything a page takes for granted; `raw` writes imitations of public datasets."""
    if page.endswith("follow-lesions.md"):
        put_scan("2024.nii.gz", "2025.nii.gz")
    elif page.endswith("inputs.md"):
        put_other_formats()
        put_dicom("study")
        put_dicom("tilted")
    elif page.endswith("segment-options.md"):
        put_scan("cts/a.nii.gz")
    elif page.endswith("dicom.md"):
        put_dicom("series")
    elif page.endswith("segment-many.md"):
        put_scan("ct.nii.gz", "cts/a.nii.gz", "cts/b.nii.gz")
        put_truth("cases/one", "cases/two")
        put_scan("s0001/ct.nii.gz", "s0002/ct.nii.gz", "p1/ct/a.nii.gz", "p2/ct/a.nii.gz")
        put_dicom("export/DOE_JOHN")
        put_dicom("export/ROE_JANE")
        raw()
    elif page.endswith("evaluate.md"):
        put_two_results()
    elif page.endswith("judge-a-result.md"):
        put_two_results()
        shutil.move("out", "pred")
    elif page.endswith(("install.md", "words.md", "segment-on-a-server.md")):
        put_scan("ct.nii.gz")
    elif page.endswith("cross-validate.md"):
        put_scan("ct.nii.gz")
        raw()
        put_small_store()
    elif page.endswith("extend.md"):
        put_scan("ct.nii.gz")
        put_small_model("small.safetensors")
    elif page.endswith("own-structures.md"):
        put_labels()
    elif page.endswith(("prepare-a-store.md", "check-raw-datasets.md")):
        raw()
    elif page.endswith("train.md"):
        raw()
        put_small_store()
    elif page.endswith("transfer.md"):
        put_scan("ct.nii.gz")
    elif page.endswith("submit-to-a-challenge.md"):
        put_scan("imagesTs/liver_1.nii.gz")
    elif page.endswith("add-a-dataset.md"):
        put_hospital()
        raw()
