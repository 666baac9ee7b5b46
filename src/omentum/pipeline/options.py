"""Options for segmenting a CT and for its outputs; recorded in every manifest.

This is the only definition of these options; the command line is generated from it. Nothing slow is imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from omentum.errors import UsageError
from omentum.option_fields import Group, option

if TYPE_CHECKING:
    from omentum.anatomy.numbering import Numbering
    from omentum.infer.profiles import Precision, Profile
    from omentum.pipeline.thresholds import Thresholds

Step = Callable[[str], None]
"""Called with a short description when a part of the work begins, e.g. "measuring"."""

RESULT_NEUTRAL_OPTIONS = ("device", "batch_size")
"""Fields of `SegmentOptions` that affect where a case is computed, but not the result."""

PROFILES = ("fast", "balanced", "exact", "best")
RULES = ("omentum", "published", "none")
ENGINES = ("auto", "openvino", "torch")
PRECISIONS = ("float32", "bf16")
MESH_FORMATS = ("stl", "obj", "glb")
SERVICE_MESHES = "stl"
"""What a service writes surfaces as."""
PROBABILITY_TYPES = ("uint8", "uint16")


class OutputFormat(StrEnum):
    """Formats of the masks and of what is measured on them."""

    NIFTI = "nifti"
    """segmentation.nii.gz; always in a case folder."""
    SEG_NRRD = "seg.nrrd"
    """segmentation.seg.nrrd; always in a case folder, since earlier results are read from it."""
    DICOM_SEG = "dicom-seg"
    DICOM_LABELMAP = "dicom-labelmap"
    RTSTRUCT = "rtstruct"
    DICOM_SR = "dicom-sr"
    DICOM_PM = "dicom-pm"


DICOM_ONLY = ("deflate", "deidentify")
"""Fields of `SaveOptions` that matter for DICOM formats alone."""
ALWAYS_WRITTEN = frozenset({OutputFormat.NIFTI, OutputFormat.SEG_NRRD})


class Average(StrEnum):
    """How several weights segment as one."""

    PROBABILITIES = "probabilities"
    """An ensemble: the mean of their probabilities; a structure that only some of them know is the mean of these."""
    WEIGHTS = "weights"
    """A soup: one network with the mean of their weights; see `omentum.model.soup`."""


@dataclass(frozen=True)
class SegmentOptions:
    """Options of the segmentation.

    Args:
        classes: Structures to segment, in words (docs/how-to/words.md), also as one string with commas; by default all
            classes of the weights.
        device: auto, cpu, cuda, cuda:1 or mps, or a `torch.device`. For a batch also several, separated by commas.
        precision: Precision of the network; that of the profile by default.
        batch_size: Windows per forward pass.
        volume: Index of the volume to use of a 4D file.
        assume_orientation: Axis directions such as "RAS" for a file without orientation.
        series: Which of several DICOM series: its number, or the code by which a refusal lists it.
        allow_tilt: Resample DICOM slices of a tilted gantry to an upright grid.
        force: Accept images that do not look like CT in HU.
        postprocess: Rules: "omentum" (our own), "published" (those of the published code) or "none".
        profile: Trade-off between speed and accuracy; see `omentum.infer.profiles`.
        engine: openvino or torch; auto uses OpenVINO on a CPU if it is installed.
        locate: With `classes`, skip windows far from all of them, provided that a coarse pass finds all of them.
        threshold: Probability above which a voxel belongs to a structure: one for all, a mapping by name, or text such
            as "liver_tumour=0.3" (see `omentum.pipeline.thresholds`); by default the weights' own, or 0.5.
        probabilities: Also keep the probability of every structure, as uint8 or uint16; requires the whole scan.
        average: What is averaged over several weights: "probabilities" or "weights".
    """

    classes: tuple[str, ...] | None = field(
        default=None, metadata=option("only these: liver,kidneys; see omentum classes", Group.FIND, metavar="NAMES")
    )
    device: str = field(
        default="auto",
        metadata=option(
            "auto, cpu, cuda, mps; 0,1 for several CUDA devices",
            Group.HOW,
            flags=("--device", "--devices"),
            metavar="DEVICE",
        ),
    )
    precision: Precision | None = field(
        default=None,
        metadata=option(
            "of the network",
            Group.HOW,
            choices=PRECISIONS,
            shown_default="the profile's",
            is_rare=True,
        ),
    )
    batch_size: int = field(
        default=1, metadata=option("windows per forward pass", Group.HOW, metavar="N", minimum=1, is_rare=True)
    )
    volume: int | None = field(
        default=None,
        metadata=option("volume of a 4D file, counted from 0", Group.INPUT, kind=int, metavar="N", is_rare=True),
    )
    assume_orientation: str | None = field(
        default=None,
        metadata=option(
            'axis directions such as "RAS" for a file that states none', Group.INPUT, metavar="AXES", is_rare=True
        ),
    )
    series: str | None = field(
        default=None,
        metadata=option(
            "of several DICOM series: its number, or the code by which a refusal lists it",
            Group.INPUT,
            metavar="N|CODE",
            is_rare=True,
        ),
    )
    allow_tilt: bool = field(
        default=False,
        metadata=option("resample DICOM slices of a tilted gantry to an upright grid", Group.INPUT, is_rare=True),
    )
    force: bool = field(
        default=False, metadata=option("accept an image that does not look like a CT in HU", Group.INPUT, is_rare=True)
    )
    postprocess: str = field(
        default="omentum",
        metadata=option(
            "cleaning of the masks: our rules, the published model's, or none",
            Group.FIND,
            choices=RULES,
            is_rare=True,
        ),
    )
    profile: str = field(default="exact", metadata=option("speed against thoroughness", Group.HOW, choices=PROFILES))
    locate: bool = field(
        default=True, metadata=option("with --classes, skip windows far from all of them", Group.HOW, is_rare=True)
    )
    engine: str = field(
        default="auto", metadata=option("what runs the network", Group.HOW, choices=ENGINES, is_rare=True)
    )
    threshold: Thresholds | None = field(
        default=None,
        metadata=option(
            "probability above which a voxel counts: 0.3 for all, liver_tumour=0.3 for one; repeatable",
            Group.FIND,
            metavar="P|NAME=P",
            is_repeated=True,
            shown_default="the weights' own, else 0.5",
        ),
    )
    probabilities: str | None = field(
        default=None,
        metadata=option(
            "also probabilities/<structure>.nii.gz, read as 0 to 1",
            Group.OUTPUT,
            choices=PROBABILITY_TYPES,
            is_rare=True,
        ),
    )
    average: Average = field(
        default=Average.PROBABILITIES,
        metadata=option(
            "of several -w: probabilities (an ensemble) or weights (a soup)",
            Group.FIND,
            choices=tuple(Average),
            is_rare=True,
        ),
    )

    def __post_init__(self) -> None:
        """Normalise the values: comma-separated classes, a `torch.device`, thresholds as text."""
        words = _phrases(self.classes) if isinstance(self.classes, str) else self.classes
        if words is not None:
            if odd := [word for word in words if not isinstance(word, str)]:
                raise UsageError(f"structures are named in words, not by {odd[0]!r}", remedy="see omentum classes")
            object.__setattr__(self, "classes", tuple(word.strip() for word in words if word.strip()))
        object.__setattr__(self, "device", str(self.device))
        if self.average not in tuple(Average):
            raise UsageError(f"average is one of {', '.join(Average)}, not {self.average!r}")
        object.__setattr__(self, "average", Average(self.average))
        if isinstance(self.threshold, (tuple, list)):
            from omentum.pipeline.thresholds import parse_thresholds

            object.__setattr__(self, "threshold", parse_thresholds(self.threshold) if self.threshold else None)

    def resolved_profile(self) -> Profile:
        """The profile with the requested precision.

        Raises:
            UsageError: an unknown profile or precision.
        """
        from omentum.infer.profiles import Profile, find_profile

        profile = find_profile(self.profile)
        return profile if self.precision is None else Profile(**asdict(profile) | {"precision": self.precision})


@dataclass(frozen=True)
class SaveOptions:
    """Outputs written for a case; see `CaseSegmentation.save`.

    Args:
        masks: Also write a mask of every class.
        preview: Write preview.png.
        statistics: Also write statistics.json in TotalSegmentator's format.
        report: Write report.html.
        meshes: Also write the surface of every class found, in mm: stl, obj or glb.
        overwrite: Replace earlier results instead of completing them.
        formats: Further formats, see `OutputFormat` and docs/how-to/dicom.md; those of DICOM need a CT read from DICOM.
        deflate: Compress DICOM segmentations (deflated transfer syntax).
        deidentify: Write the DICOM objects by the Basic Application Level Confidentiality Profile, with new UIDs.
        numbering: Label values of the label map; those of the template by default.
    """

    masks: bool = field(default=False, metadata=option("also masks/<structure>.nii.gz; zeros: not found", Group.OUTPUT))
    preview: bool = field(default=True, metadata=option("write preview.png", Group.OUTPUT, is_rare=True))
    statistics: bool = field(
        default=False, metadata=option("also statistics.json as TotalSegmentator writes it", Group.OUTPUT, is_rare=True)
    )
    report: bool = field(default=True, metadata=option("write report.html", Group.OUTPUT, is_rare=True))
    meshes: str | None = field(
        default=None,
        metadata=option("also meshes/<structure>.<format>, in mm", Group.OUTPUT, choices=MESH_FORMATS, is_rare=True),
    )
    overwrite: bool = field(default=False, metadata=option("replace earlier results", Group.OUTPUT))
    formats: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "also in this format; repeatable",
            Group.OUTPUT,
            flags=("--format",),
            choices=tuple(OutputFormat),
            is_repeated=True,
        ),
    )
    deflate: bool = field(default=False, metadata=option("compress DICOM segmentations", Group.OUTPUT, is_rare=True))
    deidentify: bool = field(
        default=False, metadata=option("DICOM outputs without identity, with new UIDs", Group.OUTPUT, is_rare=True)
    )
    numbering: Numbering | None = None

    def __post_init__(self) -> None:
        """Normalise the formats: each once, in the order of `OutputFormat`."""
        given = (self.formats,) if isinstance(self.formats, str) else tuple(self.formats)
        if odd := [name for name in given if name not in tuple(OutputFormat)]:
            raise UsageError(f"no format {odd[0]!r}", remedy=f"one of {', '.join(OutputFormat)}")
        object.__setattr__(self, "formats", tuple(str(name) for name in OutputFormat if name in given))

    @property
    def dicom_formats(self) -> tuple[OutputFormat, ...]:
        """Requested formats that refer to DICOM images."""
        return tuple(OutputFormat(name) for name in self.formats if name not in ALWAYS_WRITTEN)

    def outputs(self) -> dict[str, Any]:
        """The requested files, in JSON values; None for what does not matter without DICOM formats."""
        dicom = self.dicom_formats
        wanted = {**vars(self), "numbering": self.numbering and self.numbering.to_json(), "formats": list(dicom)}
        wanted |= dict.fromkeys(DICOM_ONLY) if not dicom else {}
        del wanted["overwrite"]
        return wanted


def _phrases(text: str) -> tuple[str, ...]:
    from omentum.anatomy.vocabulary import split_phrases

    return split_phrases(text)
