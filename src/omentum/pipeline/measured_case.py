"""A segmented CT with measurements, lesions and quality, each computed on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy.numbering import Numbering
from omentum.errors import UsageError
from omentum.infer.maps import STEPS
from omentum.measure import (
    AorticProfile,
    ClassTrust,
    Lesion,
    StructureMeasure,
    aortic_profile,
    find_lesions,
    measure,
)
from omentum.measure.aorta import AORTA
from omentum.measure.label_map import with_label_map
from omentum.pipeline.compressed_array import CompressedSparseArray
from omentum.quality import Confidence, Quality, assess_quality
from omentum.segmentation import Segmentation, overlaps
from omentum.volume import Volume


@dataclass(frozen=True, eq=False, repr=False)
class MeasuredCase(Segmentation):
    """A segmentation together with its CT, measured on demand.

    Args:
        ct: CT in HU as read (after repairs, see `omentum.io.sanity`), on the same grid.
        manifest: Versions, weights, options, device, timings, peak memory, warnings; JSON values only.
        confidence: Confidence of the network in each structure, by key.
        lesion_probability: See `find_lesions`; None if no lesion was requested.
        probabilities: Quantised probabilities by key (see `omentum.infer.maps.STEPS`), if they were kept; see
            `probability`.
    """

    ct: Volume = field(kw_only=True, repr=False)
    manifest: Mapping[str, Any] = field(kw_only=True, repr=False)
    confidence: Mapping[str, Confidence] = field(kw_only=True, repr=False, default_factory=dict)
    lesion_probability: CompressedSparseArray | None = field(kw_only=True, repr=False, default=None)
    probabilities: Mapping[str, CompressedSparseArray] = field(kw_only=True, repr=False, default_factory=dict)

    def measures(self, numbering: Numbering | None = None) -> list[StructureMeasure]:
        """Volume in ml, HU statistics, position, size, border contact and score of every class, in class order.

        Args:
            numbering: Label values of the label map whose voxels are counted as well; those of the template by default.
        """
        scores = {key: q.score for key, q in self.quality().structures.items()}
        judged = [replace(m, score=scores.get(m.key), trust=self.class_trust.of(m.key)) for m in self.unscored_measures]
        return with_label_map(judged, self.grid, self.overlap_voxels, numbering)

    @property
    def case_name(self) -> str:
        """Name of the case in its results."""
        return str(self.manifest["input"]["case"])

    @cached_property
    def class_trust(self) -> ClassTrust:
        """Reliability of the weights for each structure."""
        return ClassTrust.of_options(self.manifest.get("options", {}))

    def quality(self) -> Quality:
        """Flags with reasons, worst first, and a score for each mask."""
        return self._quality

    def lesions(self) -> list[Lesion]:
        """Every lesion with host organ, diameters, HU statistics and depth, by type and then by size.

        Candidates (see `omentum.measure.class_trust`) are marked.
        """
        return self._lesions

    def probability(self, name: str) -> NDArray[np.float32]:
        """Probability of a structure in every voxel, by the network before post-processing.

        Args:
            name: Key or synonym.

        Returns:
            float32 [i, j, k] on the grid of the CT, 0 to 1, quantised; 0 outside the body.

        Raises:
            UsageError: the structure is not among the classes, or probabilities were not kept.
        """
        key = self.classes[self._position(name)]
        if key not in self.probabilities:
            raise UsageError("no probabilities were kept", remedy='segment with probabilities="uint8"')
        steps = self.probabilities[key].to_array()
        fractions: NDArray[np.float32] = np.multiply(steps, 1 / STEPS[str(steps.dtype)], dtype=np.float32)
        return fractions

    def aorta(self) -> AorticProfile | None:
        """Diameters along the aorta; None if it was not found.

        Raises:
            UsageError: the aorta was not requested.
        """
        self._position(AORTA)
        return self.aorta_profile

    @cached_property
    def aorta_profile(self) -> AorticProfile | None:
        """Same as `aorta`, but also None if the aorta was not requested."""
        return aortic_profile(self)

    @cached_property
    def overlap_voxels(self) -> dict[frozenset[str], int]:
        """Sets of structures that share voxels -> number of these voxels."""
        return overlaps(self)

    @cached_property
    def unscored_measures(self) -> list[StructureMeasure]:
        """Measures as in `measures`, without scores."""
        return measure(self.ct, self)

    @cached_property
    def _lesions(self) -> list[Lesion]:
        likely = self.lesion_probability
        return find_lesions(self.ct, self, None if likely is None else likely.to_array(), self.class_trust)

    @cached_property
    def _quality(self) -> Quality:
        input_warnings, mirror = self.manifest.get("warnings", ()), self.manifest.get("mirror", {})
        evidence = {"confidence": self.confidence, "input_warnings": input_warnings}
        evidence["clearer_mirrored"] = mirror.get("clearer_mirrored", {}) if mirror.get("mirrored") else {}
        return assess_quality(self.ct, self, self.unscored_measures, self._lesions, **evidence)
