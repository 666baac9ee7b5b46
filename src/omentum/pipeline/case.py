"""A segmented CT as its user holds it: masks, the CT, measurements, and how all of it came about."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from omentum.errors import OutputError
from omentum.io.nifti import write_labelmap, write_mask
from omentum.io.outputs import check_output, replacing
from omentum.report import (
    AorticProfile,
    Lesion,
    StructureMeasure,
    aortic_profile,
    find_lesions,
    lesions_csv,
    lesions_json,
    measure,
    measures_json,
)
from omentum.segmentation import Segmentation
from omentum.volume import Volume

MANIFEST = "manifest.json"
"""Written last: a case folder that has one is complete, and ours."""


@dataclass(frozen=True, eq=False)
class CaseSegmentation(Segmentation):
    """A segmentation together with its CT.

    Args:
        ct: As read (after mending, see `omentum.io.sanity`), on the same grid.
        manifest: Versions, weights, options, device, timings, peak memory, warnings; JSON values only.
    """

    ct: Volume = field(kw_only=True, repr=False)
    manifest: Mapping[str, Any] = field(kw_only=True, repr=False)

    def measures(self) -> list[StructureMeasure]:
        """Volume in ml, HU statistics, place, size, surface and border contact of every class, in class order."""
        return self._measures

    def lesions(self) -> list[Lesion]:
        """Every lesion with its organ, diameters, HU statistics and depth, by type and then by size."""
        return self._lesions

    def aorta(self) -> AorticProfile | None:
        """Diameters along the aorta; None where none was found."""
        return self._aorta

    @cached_property
    def _aorta(self) -> AorticProfile | None:
        return aortic_profile(self)

    @cached_property
    def _measures(self) -> list[StructureMeasure]:
        return measure(self.ct, self)

    @cached_property
    def _lesions(self) -> list[Lesion]:
        return find_lesions(self.ct, self)

    def save(self, path: str | Path, *, masks: bool = False, preview: bool = True, overwrite: bool = False) -> Path:
        """Write the label map to a `.nii.gz`, or everything to a folder; complete or not at all.

        The folder gets segmentation.nii.gz, measurements.json, lesions.csv, manifest.json, preview.png and
        masks/<key>.nii.gz.

        Args:
            path: `.nii.gz` or `.nii` for the label map alone, else the folder.
            masks: Write a mask of every class found, too.
            preview: Draw the picture.
            overwrite: Replace what is there; a folder only if it is an earlier result of ours.

        Returns:
            What was written, resolved.

        Raises:
            OutputError: it is in the way, or cannot be written.
        """
        path = Path(path)
        check_case_output(path, overwrite=overwrite)
        if is_single_file(path):
            write_labelmap(path, self)
        else:
            with _replacing_folder(path) as folder:
                self._fill(folder, masks, preview)
        return path.resolve()

    def _fill(self, folder: Path, masks: bool, preview: bool) -> None:
        write_labelmap(folder / "segmentation.nii.gz", self)
        for key in sorted(self.present()) if masks else ():
            write_mask(folder / "masks" / f"{key}.nii.gz", self.mask(key), self)
        measured = measures_json(self.measures(), self.grid, self.aorta()) | lesions_json(self.lesions(), self.grid)
        write_json(folder / "measurements.json", measured)
        write_text(folder / "lesions.csv", lesions_csv({self.manifest["input"]["case"]: self.lesions()}))
        if preview:
            from omentum.report.figures import preview as draw  # matplotlib is slow to import

            draw(self.ct, self, folder / "preview.png", case=self.manifest["input"]["case"], measures=self.measures())
        write_json(folder / MANIFEST, self.manifest)


def is_single_file(path: str | Path) -> bool:
    """Whether an output path means the label map alone."""
    return Path(path).name.lower().endswith((".nii", ".nii.gz"))


def check_case_output(path: str | Path, *, inputs: Iterable[str | Path] = (), overwrite: bool = False) -> None:
    """Refuse an output before the work: see `check_output`; a folder is only replaced if it is an earlier result.

    Raises:
        OutputError: with the reason and the way out.
    """
    path = Path(path)
    check_output(path, inputs=inputs, overwrite=overwrite)
    if not os.path.lexists(path):
        return
    if is_single_file(path) == path.is_dir():
        raise OutputError("is a folder" if path.is_dir() else "is not a folder", source=path)
    if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise OutputError("is a folder that holds something else", source=path, remedy="choose another output")


def write_json(path: Path, content: Any) -> None:
    """JSON for people and programs: indented, no NaN, complete or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, content: str) -> None:
    """UTF-8, line ends as they are, complete or not at all."""
    with replacing(path) as file:
        file.write(content.encode())


@contextmanager
def _replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` only when the block ends well."""
    mark = f".{os.fsdecode(os.fsencode(path.name)[:200])}"
    new, old = (path.with_name(f"{mark}.{kind}-{os.getpid()}") for kind in ("tmp", "old"))
    try:
        try:
            new.mkdir(parents=True)
            yield new
            if path.exists():
                path.rename(old)
            new.rename(path)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path) from fault
