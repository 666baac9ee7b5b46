"""Write synthetic cases: raw files as downloaded, and exact ground truth in a separate folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.data.datasets.sites.annotate import beside_unnamed
from omentum.data.datasets.sites.layouts import filed_orientation, turned, write_image, write_labels, write_litter
from omentum.data.datasets.sites.render import Studio
from omentum.data.datasets.sites.table import Site, load_sites
from omentum.io.truth import write_case
from omentum.phantom import PhantomCase
from omentum.segmentation import Segmentation
from omentum.volume import Affine, Grid, Volume

TRUTH_FOLDER = "truth"


@dataclass(frozen=True)
class SiteTask:
    """One case to write: raw files below `<out>/<site>/`, ground truth below `<out>/truth/<site>/<id>/`."""

    out: Path
    site: str
    id: str
    studio: Studio

    @property
    def truth(self) -> Path:
        """Folder of the ground truth; see `omentum.io.truth`."""
        return self.out / TRUTH_FOLDER / self.site / self.id


def site_tasks(out: Path, sites: Sequence[Site], number: int, studio: Studio) -> list[SiteTask]:
    """The first cases of each site, at most as many as it has, and all its decoy files."""
    chosen = [(site.key, id_) for site in sites for id_ in (*site.ids[:number], *site.decoys)]
    return [SiteTask(out, key, id_, studio) for key, id_ in chosen]


def write_site_case(task: SiteTask) -> Path:
    """Write a case; the same task yields identical files.

    Returns:
        The site's folder, which is the dataset root.

    Raises:
        OutputError: A file cannot be written.
    """
    site, root = load_sites()[task.site], task.out / task.site
    case = _filed(task.studio.scan_of(site.patient_of(task.id)), site, task.id)
    decoy = site.decoys.get(task.id)
    if decoy != "no_image":
        write_image(root, site, task.id, _like_mr(case.ct) if decoy == "mr" else case.ct)
    if decoy != "no_labels":
        write_labels(root, site, task.id, case.truth)
    write_litter(root, site, task.id)
    if decoy is None:
        unknown = site.only_if_seen - case.truth.present()
        if site.unnamed:
            unknown |= beside_unnamed(case.truth, site, task.id)
        annotated = sorted(site.annotated_in(task.id) - unknown)
        facts = {**case.facts, "site": site.key, "id": task.id, "annotated_at_site": annotated}
        write_case(task.truth, case.ct, case.truth, facts)
    return root


def _filed(case: PhantomCase, site: Site, id_: str) -> PhantomCase:
    """Apply the site's axis order, tilt, padding and stated spacing to CT and truth."""
    grid = Grid(case.ct.shape, _tilted(case.ct.affine, site.tilt_deg))
    orientation = filed_orientation(site, id_)
    voxels, filed = turned(case.ct.voxels, grid, orientation)
    bits, _ = turned(case.truth.bits, grid, orientation)
    affine = _isotropic(filed.affine) if id_ in site.fake_spacing else filed.affine
    voxels = voxels if site.pad_hu is None else _padded(voxels, filed, site.pad_hu)
    return PhantomCase(Volume(voxels, affine), Segmentation(bits, affine, case.truth.classes), case.facts)


def _tilted(affine: Affine, degrees: float) -> Affine:
    """Affine of the same voxels with the patient lying at an angle."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[c, -s], [s, c]]
    return np.asarray(turn @ affine, np.float64)


def _isotropic(affine: Affine) -> Affine:
    """Affine with 1 mm along every axis, replacing the real spacing."""
    stated = np.array(affine)
    stated[:3, :3] /= np.linalg.norm(stated[:3, :3], axis=0)
    return stated


def _padded(voxels: NDArray[np.int16], grid: Grid, pad_hu: int) -> NDArray[np.int16]:
    """Fill the corners of the axial plane with the scanner's padding value, outside its reconstruction circle."""
    view, _ = turned(voxels.copy(), grid, "RAS")
    i, j = (np.abs(np.arange(n) - (n - 1) / 2) / (n / 2) for n in view.shape[:2])
    view[np.hypot(i[:, None], j[None, :]) > 1.2] = pad_hu
    return turned(view, Grid(view.shape, np.eye(4)), grid.orientation)[0]


def _like_mr(ct: Volume) -> Volume:
    """A volume with MR-like intensities, none below zero."""
    return Volume(np.abs(ct.voxels + 150).clip(0, 900).astype(np.int16), ct.affine)
