"""From a CT to its segmentation: the order of the stages is written here, and only here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.infer.confidence import Agreement, Tally
from omentum.infer.device import choose_device
from omentum.infer.sliding import Precision, Progress, WindowRun, sliding_slabs
from omentum.infer.stream import AxisPositions, pack_slabs
from omentum.infer.windows import WindowPlan, plan_windows
from omentum.io.detect import load_volume
from omentum.io.sanity import check_ct
from omentum.model import UniversalModel, load_model
from omentum.pipeline.case import CaseSegmentation
from omentum.pipeline.ledger import Ledger
from omentum.pipeline.manifest import describe_input, describe_machine, describe_weights
from omentum.postprocess import changes_json, find_cleaner
from omentum.preprocess.grid import Undo
from omentum.preprocess.prepare import Prepared, prepare
from omentum.preprocess.resample import sample_along
from omentum.report import Confidence
from omentum.segmentation import Segmentation, planes_for
from omentum.volume import Volume

OVERLAP = 0.5
"""Share of a window its neighbour covers too, as the published weights were evaluated."""


@dataclass(frozen=True)
class Options:
    """How cases are segmented; repeated in every manifest.

    Args:
        classes: Structures wanted, by key, synonym or plural; all that the weights know by default.
        device: auto, cpu, cuda or mps.
        precision: float32 is exact; bf16 is faster where the processor has it.
        batch: Windows per forward pass.
        volume: Which volume of a 4D file.
        assume_orientation: Axis directions such as "RAS" for a file that states none.
        force: Accept an image that does not look like a CT in HU.
        postprocess: omentum cleans by our rules, published by those of the published code, none not at all.
    """

    classes: tuple[str, ...] | None = None
    device: str = "auto"
    precision: Precision = "float32"
    batch: int = 1
    volume: int | None = None
    assume_orientation: str | None = None
    force: bool = False
    postprocess: str = "omentum"


@dataclass(frozen=True, eq=False)
class _Inferred:
    """What the network said, before cleaning; see `CaseSegmentation`."""

    bits: NDArray[np.uint64]
    confidence: Mapping[str, Confidence]
    lesion_probability: NDArray[np.uint8] | None


class Segmenter:
    """A model, loaded once, for any number of CTs.

    Args:
        weights: A name (`omentum weights list`), a checkpoint file, or a model that is already loaded.
        options: See `Options`.

    Raises:
        UsageError: an unknown class, device, precision, post-processing; a class the weights do not have. (What needs
            the weights themselves is found out when they are first used.)
    """

    def __init__(self, weights: str | Path | UniversalModel = "default", options: Options | None = None) -> None:
        self.options = options or Options()
        self.device = choose_device(self.options.device)
        self._clean = find_cleaner(self.options.postprocess)
        self._run = WindowRun(self.device, self.options.batch, self.options.precision)
        self._wanted = None if self.options.classes is None else _keys(self.options.classes)
        self._weights = weights

    @cached_property
    def model(self) -> UniversalModel:
        """The model on its device; loaded when first asked for."""
        if isinstance(self._weights, (str, Path)):
            return load_model(self._weights, self.device)
        return self._weights.to(self.device).eval()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Keys of the structures this segmenter finds, in the order of the weights."""
        known = self.model.spec.class_keys
        missing = [key for key in self._wanted or () if key not in known]
        if missing:
            raise UsageError(f"the weights do not know {', '.join(missing)}", remedy=f"they know {', '.join(known)}")
        return known if self._wanted is None else tuple(key for key in known if key in self._wanted)

    @cached_property
    def weights_description(self) -> dict[str, Any]:
        """Which weights these are, for the manifest."""
        return describe_weights(self._weights, self.model)

    def segment(self, image: str | Path | Volume, *, progress: Progress | None = None) -> CaseSegmentation:
        """Segment one CT.

        Args:
            image: A file or a volume in HU.
            progress: Told (windows done, windows in all) as they are done.

        Raises:
            InputError: the image cannot be used; see `load_volume` and `check_ct`.
            CheckpointError: the weights cannot be used.
        """
        ledger = Ledger(self.device)
        with ledger.listening():
            with ledger.stage("read"):
                source = None if isinstance(image, Volume) else image
                ct = check_ct(self._read(image), source=source, force=self.options.force)
            with ledger.stage("load_weights"):
                channels = self._channels()
            with ledger.stage("prepare"):
                prepared = prepare(ct, self.model.spec.preprocess)
            plan = plan_windows(prepared.undo.model.shape, self.model.spec.preprocess.patch, OVERLAP)
            with ledger.stage("infer"):
                found = self._infer(prepared, plan, channels, progress)
            with ledger.stage("postprocess"):
                cleaned = self._clean(Segmentation(found.bits, ct.affine, self.classes), ct)
        manifest = self._manifest(image, ct, plan, ledger) | {"cleaned": changes_json(cleaned.changes)}
        return CaseSegmentation(
            *(cleaned.segmentation.bits, ct.affine, self.classes),
            header=ct.header,
            ct=ct,
            manifest=manifest,
            confidence=found.confidence,
            lesion_probability=found.lesion_probability,
        )

    def _read(self, image: str | Path | Volume) -> Volume:
        if isinstance(image, Volume):
            return image
        return load_volume(image, volume=self.options.volume, assume_orientation=self.options.assume_orientation)

    def _channels(self) -> list[int] | None:
        known = self.model.spec.class_keys
        return None if self.classes == known else [known.index(key) for key in self.classes]

    def _infer(
        self, prepared: Prepared, plan: WindowPlan, channels: list[int] | None, progress: Progress | None
    ) -> _Inferred:
        """Packed masks on the CT's own grid; written plane by plane as the windows are done."""
        undo = prepared.undo
        lesions = [k for k, key in enumerate(self.classes) if STRUCTURES[key].kind in ("tumour", "cyst")]
        bits = np.zeros((planes_for(len(self.classes)), *undo.native.shape), np.uint64)
        # Where nothing is written, the pages of an array of zeros take no memory.
        probability = np.zeros(undo.native.shape, np.uint8) if lesions else None
        tally, agreement = Tally(len(self.classes), lesions), Agreement()

        def predict(windows: Tensor) -> Tensor:
            return self.model(windows, channels)

        run = replace(self._run, progress=progress)
        slabs = sliding_slabs(prepared.tensor[0, 0], predict, plan, run, agreement)
        for planes in pack_slabs(slabs, _axes(undo), sample_along, tally):
            where = slice(planes.start, planes.start + planes.bits.shape[-1])
            undo.oriented_view(bits)[..., where] = planes.bits
            if probability is not None and planes.probability is not None:
                undo.oriented_view(probability)[..., where] = planes.probability
        return _Inferred(bits, _confidence(self.classes, tally, agreement), probability)

    def _manifest(self, image: str | Path | Volume, ct: Volume, plan: WindowPlan, ledger: Ledger) -> dict[str, Any]:
        return {
            "input": describe_input(image, ct),
            "weights": self.weights_description,
            "options": asdict(self.options) | {"classes": list(self.classes), "overlap": OVERLAP},
            "model_grid": {"shape": plan.shape, "windows": len(plan)},
            **describe_machine(self.device),
            "timings_s": ledger.seconds,
            "peak_memory_mb": ledger.peak_memory_mb(),
            "warnings": ledger.warnings,
        }


def segment(
    image: str | Path | Volume,
    *,
    weights: str | Path | UniversalModel = "default",
    classes: Iterable[str] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    **options: Any,
) -> CaseSegmentation:
    """Segment one CT; for many, make one `Segmenter` and use it again.

    Args:
        image: A file, or a volume in HU.
        weights: A name (`omentum weights list`), a checkpoint file, or a model that is already loaded.
        classes: Structures wanted, by key, synonym or plural ("kidneys"); all by default.
        device: auto, cpu, cuda or mps.
        progress: Told (windows done, windows in all).
        **options: Further fields of `Options`.

    Raises:
        OmentumError: input, weights or arguments that cannot be used; the message says what to do.

    Example:
        >>> seg = omentum.segment("ct.nii.gz", classes=["liver", "liver tumor"])
        >>> seg.mask("liver").sum() * seg.grid.voxel_volume_ml
    """
    wanted = None if classes is None else tuple(classes)
    return Segmenter(weights, Options(wanted, device, **options)).segment(image, progress=progress)


def _keys(names: Iterable[str]) -> frozenset[str]:
    keys = frozenset(row.key for name in names for row in STRUCTURES.expand(name))
    if not keys:
        raise UsageError("no class was asked for", remedy="leave the classes out to get all of them")
    return keys


def _confidence(classes: tuple[str, ...], tally: Tally, agreement: Agreement) -> dict[str, Confidence]:
    """Of the classes with a voxel."""
    columns = (tally.mean_probability(), tally.unsure_share(), agreement.disagreement())
    rows = zip(classes, *(column.tolist() for column in columns), strict=True)
    known = {key: [None if math.isnan(x) else round(x, 4) for x in numbers] for key, *numbers in rows}
    return {key: Confidence(*numbers) for key, numbers in known.items() if numbers[0] is not None}


def _axes(undo: Undo) -> tuple[AxisPositions, AxisPositions, AxisPositions]:
    x, y, z = (AxisPositions(p, n) for p, n in zip(undo.positions, undo.model.shape, strict=True))
    return x, y, z
