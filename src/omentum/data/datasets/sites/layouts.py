"""Write files as each kind of dataset ships them: NIfTI maps, mask folders, DICOM series, PNG stacks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.atomic import replacing
from omentum.axis_order import axis_order
from omentum.data.datasets.sites.annotate import native_map, native_masks
from omentum.data.datasets.sites.table import Site
from omentum.io.dicom.write import write_series
from omentum.io.nifti import write_volume
from omentum.io.png_write import write_png
from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume

DICOM_ORIENTATION = "LPS"


def filed_orientation(site: Site, id_: str) -> str:
    """Axis order of a case's stored image; sites with several orders alternate between them."""
    if site.image_slice is not None:
        return DICOM_ORIENTATION
    turn = site.ids.index(id_) if id_ in site.ids else 0
    return site.orientations[turn % len(site.orientations)]


def turned(array: NDArray[Any], grid: Grid, orientation: str) -> tuple[NDArray[Any], Grid]:
    """Reorient an array (last three axes) and its grid; no voxel moves in space."""
    order = axis_order(grid, orientation)
    return order.view(array), order.grid(grid)


def write_image(root: Path, site: Site, id_: str, ct: Volume) -> None:
    """Write the CT of a case as the site ships it; `ct` is in the axis order of its files."""
    path = root / site.image.format(id=id_)
    if site.image_slice is not None:
        write_series(path, ct, _named(site.image_slice), series=f"{site.key} {id_} image")
        return
    write_volume(path, Volume(ct.voxels.astype(site.dtype), ct.affine))


def write_labels(root: Path, site: Site, id_: str, truth: Segmentation) -> None:
    """Write the labels of a case as the site ships them; `truth` is in the axis order of the image files."""
    place = root / site.labels.format(id=id_)
    match site.kind:
        case "map":
            _write_map(place, site, id_, truth)
        case "png_stack":
            _write_pictures(place, site, id_, truth)
        case "masks":
            for name, mask in _masks(truth, site):
                write_volume(place / f"{name}.nii.gz", Volume(mask.astype(np.uint8), truth.affine))
        case "dicom_masks":
            for name, mask in _masks(truth, site):
                shown = Volume(mask * np.uint8(255), truth.affine)
                slices = _named(site.labels_slice or "{n}")
                write_series(place / name, shown, slices, series=f"{site.key} {id_} {name}", intercept=0)


def write_litter(root: Path, site: Site, id_: str) -> None:
    """Write the other content of a download: descriptions, and AppleDouble ("._") files left in archives by macOS."""
    for template in site.litter:
        path = root / template.format(id=id_)
        if not path.exists():
            with replacing(path) as file:
                file.write(b"{}\n" if path.suffix == ".json" else b"\x00\x05\x16\x07not a case\n")


def _write_map(path: Path, site: Site, id_: str, truth: Segmentation) -> None:
    native = native_map(truth, site, id_)
    voxels, grid = turned(native, truth.grid, site.label_orientation or truth.grid.orientation)
    shift = np.zeros((4, 4))
    shift[:3, 3] = site.label_shift_mm
    write_volume(path, Volume(voxels.astype(site.label_dtype), grid.affine + shift))


def _write_pictures(folder: Path, site: Site, id_: str, truth: Segmentation) -> None:
    """Write one PNG per slice: rows and columns as in the DICOM slices, numbered from the head down."""
    native = native_map(truth, site, id_)
    name = _named(site.labels_slice or "{n}")
    for n, k in enumerate(reversed(range(truth.shape[2]))):
        write_png(folder / name(n), native[:, :, k].T)


def _masks(truth: Segmentation, site: Site) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Compute the masks in RAS+ order, then reorient them to the order of the files."""
    order = axis_order(truth.grid)
    upright = Segmentation(order.view(truth.bits), order.grid(truth.grid).affine, truth.classes)
    for name, mask in native_masks(upright, site):
        yield name, order.inverse().view(mask)


def _named(template: str) -> partial[str]:
    return partial(_slice_name, template)


def _slice_name(template: str, n: int) -> str:
    return template.format(n=n)
