"""Pair the images and labels of a downloaded dataset by its recipe. Only file names are used; no file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from omentum.data.datasets.patterns import Matches, find_paths, id_in, literal_length, natural
from omentum.data.datasets.recipe_catalogue import FileLayout, Recipe
from omentum.errors import InputError
from omentum.io.case_names import is_image_name


@dataclass(frozen=True)
class RawCase:
    """One labelled CT as published.

    Args:
        recipe: Recipe of the dataset.
        id: The publisher's case id.
        name: "<recipe key>_<id>", unique and safe as a file name.
        patient: Patient identifier, equal in all datasets known to contain the same patient.
        image: An image file, or a folder with a DICOM series.
        labels: The label map or .seg.nrrd, or the folder with masks or PNGs.
        layout: File layout of image and labels.
        annotated: Structures annotated in this case; see `annotated_if_present` for those that count only if present.
        suspect: Known problem of the case; "" if none.
    """

    recipe: Recipe
    id: str
    name: str
    patient: str
    image: Path
    labels: tuple[Path, ...]
    layout: FileLayout
    annotated: frozenset[str]
    suspect: str = ""

    @property
    def annotated_if_present(self) -> frozenset[str]:
        """Subset of `annotated` that counts as annotated only if the labels contain at least one voxel of it."""
        return self.recipe.annotated_if_present & self.annotated

    @property
    def healthy(self) -> frozenset[str]:
        """Lesion types that the patient is known not to have, even if the labels cannot express them."""
        return self.recipe.healthy_in(self.id)

    @property
    def predicted(self) -> frozenset[str]:
        """Subset of `annotated` whose labels are accepted predictions."""
        return self.recipe.predicted_in(self.id) & self.annotated


@dataclass(frozen=True)
class DatasetCases:
    """Cases found below a dataset root, in natural order of their ids.

    Args:
        cases: Usable image-label pairs.
        skipped: Native id -> reason for skipping.
        unpaired: Images without labels and labels without an image.
    """

    cases: tuple[RawCase, ...]
    skipped: Mapping[str, str]
    unpaired: tuple[Path, ...]


def find_cases(recipe: Recipe, root: Path) -> DatasetCases:
    """Find the cases of a recipe; hidden files ("._liver_0.nii.gz") are skipped.

    Args:
        recipe: Defines the file layouts; the first one with at least one image-label pair is used.
        root: Folder of the dataset.

    Raises:
        InputError: The folder does not exist, or no layout matches a single pair.
    """
    if not root.is_dir():
        raise InputError("is not a folder", source=root, remedy="give the folder the dataset was unpacked into")
    for layout in recipe.layout:
        images, labels = _both_sides(layout, root)
        if images.keys() & labels.keys():
            return _pair(recipe, layout, images, labels)
    raise InputError(f"no case of {recipe.key!r} in it: {_search_summary(recipe, root)}", source=root)


def id_of(recipe: Recipe, name: str) -> str:
    """The publisher's case id, from the name of its labels or image; the name itself if no pattern matches."""
    for layout in recipe.layout:
        for pattern in (layout.labels, layout.image):
            if found := id_in(pattern, name):
                return found
    return name


def _pair(recipe: Recipe, layout: FileLayout, images: Matches, labels: Matches) -> DatasetCases:
    cases, skipped, unpaired = [], {}, []
    for case_id in sorted(images.keys() | labels.keys(), key=natural):
        image, truth = images.get(case_id, []), labels.get(case_id, [])
        reason = _reason_to_skip(recipe, case_id, image, truth)
        if reason:
            skipped[case_id] = reason
        elif image and truth:
            cases.append(_case(recipe, layout, case_id, image[0], truth[0]))
        else:
            unpaired += image + truth
    return DatasetCases(tuple(cases), skipped, tuple(unpaired))


def _reason_to_skip(recipe: Recipe, case_id: str, image: list[Path], truth: list[Path]) -> str:
    ruled = [rule.skip for rule in recipe.rules_for(case_id) if rule.skip]
    if ruled:
        return ruled[0]
    for kind, paths in (("image", image), ("labels", truth)):
        if len(paths) > 1:
            return f"more than one file or folder is its {kind}: {', '.join(map(str, paths))}"
    try:
        recipe.patient_of(case_id)
    except InputError as fault:
        return fault.reason
    return ""


def _case(recipe: Recipe, layout: FileLayout, case_id: str, image: Path, truth: Path) -> RawCase:
    return RawCase(
        recipe=recipe,
        id=case_id,
        name=f"{recipe.key}_{quote(case_id, safe='')}",
        patient=recipe.patient_of(case_id),
        image=image,
        labels=(truth,),
        layout=layout,
        annotated=recipe.annotated_in(case_id),
        suspect="; ".join(rule.suspect for rule in recipe.rules_for(case_id) if rule.suspect),
    )


def _both_sides(layout: FileLayout, root: Path) -> tuple[Matches, Matches]:
    images = find_paths(layout.image, root, _image if layout.image_kind == "nifti" else Path.is_dir)
    labels = find_paths(layout.labels, root, _LABELS.get(layout.label_kind, Path.is_dir))
    return _disambiguated(layout, images, labels)


def _disambiguated(layout: FileLayout, images: Matches, labels: Matches) -> tuple[Matches, Matches]:
    """Assign a path that matches both globs ("1_0000.nii.gz" also matches "{id}.nii.gz") to the more specific one."""
    both = {path for paths in images.values() for path in paths} & {path for paths in labels.values() for path in paths}
    of_labels = both if literal_length(layout.labels) > literal_length(layout.image) else set[Path]()
    return _only(images, lambda path: path not in of_labels), _only(labels, lambda path: path not in both - of_labels)


def _only(matches: Matches, keeps: Callable[[Path], bool]) -> Matches:
    kept = {case_id: _distinct(filter(keeps, paths)) for case_id, paths in matches.items()}
    return {case_id: paths for case_id, paths in kept.items() if paths}


def _distinct(paths: Iterable[Path]) -> list[Path]:
    """Remove paths that resolve to the same file."""
    paths = [*paths]
    if len(paths) < 2:
        return paths
    return list({path.resolve(): path for path in reversed(paths)}.values())[::-1]


def _image(path: Path) -> bool:
    return is_image_name(path) and path.is_file()


def _segments(path: Path) -> bool:
    return path.name.endswith((".seg.nrrd", ".dcm")) and path.is_file()


_LABELS: Mapping[str, Callable[[Path], bool]] = {"map": _image, "segments": _segments}
"""What labels are, by their kind; folders otherwise."""


def _search_summary(recipe: Recipe, root: Path) -> str:
    """Number of matches of each pattern in each layout, for error messages."""
    tried = []
    for layout in recipe.layout:
        images, labels = _both_sides(layout, root)
        tried.append(f"{layout.image} ({len(images)} found) with {layout.labels} ({len(labels)} found)")
    return "looked for " + ", or ".join(tried)
