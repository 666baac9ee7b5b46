"""What the pages take for granted: scans, their truth, and weights; all of it small."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from banded_phantom import ELLIPSOIDS_MM, banded_ct, ras_grid, truth_mask
from dicom_files import write_stack
from filelock import FileLock
from threshold_model import BANDS_HU, ThresholdModel
from toy_run import EMBEDDINGS

from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.io.nifti import write_volume
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.train import fresh_model

SPEC = PreprocessSpec(spacing_mm=(8.0, 8.0, 8.0), window_hu=(-175, 250), patch=(32, 32, 32))
NEVER = (900, 910)
"""A band of HU beyond the window: looked for, and never found."""
SITES = ("lits", "word", "flare23", "msd-liver", "msd-spleen", "ct-org")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to walk in. Weights know all structures by their HU; sentences need no language model."""
    monkeypatch.chdir(tmp_path)
    bands = {key: BANDS_HU.get(key, NEVER) for key in STRUCTURES.keys}
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC, bands))
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: EMBEDDINGS[: len(prompts)])
    return tmp_path


def put_scan(*names: str) -> None:
    """The CT of a body of ellipsoids."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write_volume(name, banded_ct(ras_grid((4.0, 4.0, 4.0))))


def put_dicom(name: str) -> None:
    """The same as a series."""
    write_stack(Path(name), banded_ct(ras_grid((4.0, 4.0, 4.0))).voxels)


def put_truth(*names: str) -> None:
    """Case folders of the same body, with its exact truth."""
    ct = banded_ct(ras_grid((4.0, 4.0, 4.0)))
    truth = Segmentation.from_masks({key: truth_mask(key, ct.grid) for key in ELLIPSOIDS_MM}, ct.affine)
    for name in names:
        write_case(Path(name), ct, truth, {})


@pytest.fixture(scope="session")
def raw_once(tmp_path_factory, worker_id) -> Callable[[], Path]:
    """Re-enacted datasets, two cases of each: made when first asked for, once for all processes of the tests."""
    place = tmp_path_factory.getbasetemp()
    place = (place if worker_id == "master" else place.parent) / "raw_once"

    def made() -> Path:
        with FileLock(place.with_suffix(".lock")):
            if not place.is_dir():
                sites = [part for site in SITES for part in ("--site", site)]
                new = place.with_name("raw_new")
                assert main(["phantom", *sites, "-n", "2", "--spacing", "10", "-o", str(new), "--quiet"]) == 0
                new.rename(place)
        return place

    return made


@pytest.fixture
def raw(raw_once, folder) -> Callable[[], None]:
    """Puts them where a page expects them."""
    return lambda: shutil.copytree(raw_once(), folder / "raw", dirs_exist_ok=True) and None
