"""Individual lesions: location, size, attenuation, host organ.

A lesion is a connected component (26-neighbourhood) of a tumour or cyst mask, as in evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box, shifted
from omentum.components import connected_components
from omentum.errors import GeometryError
from omentum.json_values import from_json_values
from omentum.measure.attenuation import Attenuation, attenuation
from omentum.measure.class_trust import ClassTrust
from omentum.measure.diameters import AxialDiameters, Diameter, Mask, Points, axial_diameters, face_middles, longest_3d
from omentum.measure.organ_surface import organ_surface_mm
from omentum.segmentation import Segmentation
from omentum.spec import Trust
from omentum.volume import Volume

HOST_REACH_MM = 15.0
"""Maximum distance between a lesion and its host organ."""
SAME_LESION = 0.5
"""A lesion also belongs to another type whose mask contains more than this share of its voxels."""


_HU = tuple(one.name for one in fields(Attenuation))
_FLATTENED = frozenset({"longest_axial", "perpendicular", "longest_3d", "key_slice", *_HU})
"""JSON keys of a lesion that are not fields of `Lesion`."""


@dataclass(frozen=True)
class Lesion:
    """One lesion; unknown values are None.

    Args:
        number: Number in the report, from 1: by type, largest first.
        key, display: Structure key and display name of its type.
        also: Keys of other types whose mask contains most of this lesion.
        host, side: Organ that contains it, and the side of that organ.
        voxels, volume_ml: Number of voxels and volume.
        centroid_mm: Centroid, RAS+ mm.
        axial: Longest diameter in an axial slice, its perpendicular, and the slice (the key slice).
        longest_3d: Longest diameter in any direction.
        hu: HU statistics of its voxels.
        to_surface_mm: Distance between the lesion and the surface of the host organ in mm; 0 if it reaches the surface.
        touches_border: It reaches the border of the image, so all sizes are lower bounds.
        mean_probability: Mean probability of its voxels by the network, 0..1; None for masks from other sources.
        trust: Reliability of the weights for its type.
        candidate_reason: Reason why it is only a candidate; "" if it is not.
    """

    number: int
    key: str
    display: str
    also: tuple[str, ...]
    host: str | None
    side: str | None
    voxels: int
    volume_ml: float
    centroid_mm: tuple[float, float, float]
    axial: AxialDiameters
    longest_3d: Diameter
    hu: Attenuation
    to_surface_mm: float | None
    touches_border: bool
    mean_probability: float | None = None
    trust: Trust = Trust.UNKNOWN
    candidate_reason: str = ""

    @property
    def is_candidate(self) -> bool:
        """Whether it is a candidate, excluded from sums and RECIST targets."""
        return bool(self.candidate_reason)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        flat = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("axial", "longest_3d", "hu")}
        diameters = {
            "longest_axial": asdict(self.axial.longest),
            "perpendicular": asdict(self.axial.perpendicular),
            "longest_3d": asdict(self.longest_3d),
        }
        where = {"axis": self.axial.axis, "index": self.axial.slice}
        return flat | asdict(self.hu) | diameters | {"key_slice": where}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Lesion:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        flat = {name: raw[name] for name in raw if name not in _FLATTENED}
        axial = {"longest": raw["longest_axial"], "perpendicular": raw["perpendicular"]}
        axial |= {"axis": raw["key_slice"]["axis"], "slice": raw["key_slice"]["index"]}
        hu = {name: raw[name] for name in _HU}
        return from_json_values(cls, flat | {"axial": axial, "longest_3d": raw["longest_3d"], "hu": hu})


def find_lesions(
    ct: Volume | None,
    seg: Segmentation,
    probability: NDArray[np.uint8] | None = None,
    class_trust: ClassTrust | None = None,
) -> list[Lesion]:
    """Find every lesion of all tumour and cyst classes.

    Args:
        ct: CT volume in HU; without it, lesions have no HU statistics.
        seg: Segmentation on the grid of `ct`.
        probability: uint8 on the same grid: probability of the most probable lesion type in steps of 1/255; 0 if none
            was predicted.
        class_trust: Reliability of the weights for each type; without it, no lesion is a candidate.

    Raises:
        GeometryError: the grids differ.
    """
    if ct is not None and not ct.grid.same_as(seg.grid):
        raise GeometryError("the segmentation is not on the grid of the CT")
    boxes = seg.boxes()
    types = _types(seg)
    hosts_found = dict.fromkeys(host for t in types for host in STRUCTURES[t].hosts if host in boxes)
    organs = {host: _Organ(seg, host, types, boxes) for host in hosts_found}
    found: list[Lesion] = []
    for key, box, mask in lesion_masks(seg):
        hosts = [organs[host] for host in STRUCTURES[key].hosts if host in organs]
        lesion = _lesion(len(found) + 1, key, box, mask, hosts, (ct, seg, types))
        mean, highest = (None, None) if probability is None else _probabilities(probability[box][mask])
        of = class_trust or ClassTrust()
        found.append(
            replace(lesion, mean_probability=mean, trust=of.of(key), candidate_reason=of.candidate_reason(key, highest))
        )
    return found


def lesion_masks(seg: Segmentation) -> Iterator[tuple[str, Box, Mask]]:
    """Type, box and mask within the box of every lesion, in the order of `find_lesions`."""
    boxes = seg.boxes()
    for key in _types(seg):
        yield from ((key, box, mask) for box, mask in _pieces(seg, key, boxes))


def _types(seg: Segmentation) -> list[str]:
    return [key for key in seg.classes if STRUCTURES[key].is_lesion]


class _Organ:
    """Possible host organ, with the surface points used for distances."""

    def __init__(self, seg: Segmentation, key: str, types: Sequence[str], boxes: Mapping[str, Box]) -> None:
        self.key, self._seg, self._boxes = key, seg, boxes
        self._guests = tuple(t for t in types if t in boxes and key in STRUCTURES[t].hosts)

    def shared_voxels(self, box: Box, lesion: Mask) -> int:
        return int(np.count_nonzero(self._seg.mask(self.key, box) & lesion))

    def distance_mm(self, points_mm: Points) -> float:
        """Distance from the nearest of the points to the surface of the organ, in mm."""
        return float(self._alone.query(points_mm)[0].min())

    def depth_mm(self, points_mm: Points) -> float:
        """Same, with lesions counted as part of the organ, so that a lesion at the surface has depth 0."""
        return float(self._with_guests.query(points_mm)[0].min())

    @cached_property
    def _alone(self) -> cKDTree:
        return self._surface((self.key,))

    @cached_property
    def _with_guests(self) -> cKDTree:
        return self._surface((self.key, *self._guests))

    def _surface(self, keys: tuple[str, ...]) -> cKDTree:
        return cKDTree(organ_surface_mm(self._seg, keys, self._boxes))


def _pieces(seg: Segmentation, key: str, boxes: dict[str, Box]) -> list[tuple[Box, Mask]]:
    """Box and mask of each lesion of a type, largest first."""
    if key not in boxes:
        return []
    labels = connected_components(seg.mask(key, boxes[key]))
    facts = cc3d.statistics(labels)
    found = []
    for number in 1 + np.argsort(-facts["voxel_counts"][1:].astype(np.int64), kind="stable"):
        inner = facts["bounding_boxes"][number]
        found.append((shifted(inner, boxes[key]), labels[inner] == number))
    return found


def _lesion(
    number: int,
    key: str,
    box: Box,
    mask: Mask,
    hosts: Sequence[_Organ],
    case: tuple[Volume | None, Segmentation, Sequence[str]],
) -> Lesion:
    ct, seg, types = case
    origin, voxels = tuple(s.start for s in box), int(np.count_nonzero(mask))
    points_mm = seg.grid.to_world(face_middles(mask, (0, 1, 2)) + origin)
    host = _host(hosts, box, mask, points_mm)
    x, y, z = seg.grid.to_world(np.argwhere(mask).mean(axis=0) + origin).tolist()
    shared = {t: np.count_nonzero(seg.mask(t, box) & mask) for t in types if t != key}
    return Lesion(
        number=number,
        key=key,
        display=STRUCTURES[key].display,
        also=tuple(t for t, n in shared.items() if n > SAME_LESION * voxels),
        host=host.key if host else None,
        side=STRUCTURES[host.key].side if host else None,
        voxels=voxels,
        volume_ml=voxels * seg.grid.voxel_volume_ml,
        centroid_mm=(x, y, z),
        axial=axial_diameters(mask, origin, seg.grid),
        longest_3d=longest_3d(mask, origin, seg.grid),
        hu=Attenuation() if ct is None else attenuation(ct.voxels[box][mask]),
        to_surface_mm=host.depth_mm(points_mm) if host and host.shared_voxels(box, mask) else None,
        touches_border=any(s.start == 0 or s.stop == n for s, n in zip(box, seg.shape, strict=True)),
    )


def _probabilities(steps: NDArray[np.uint8]) -> tuple[float | None, float | None]:
    """Mean and highest probability of the predicted voxels; post-processing may have added others."""
    predicted = steps[steps > 0]
    return (float(predicted.mean()) / 255, float(predicted.max()) / 255) if len(predicted) else (None, None)


def _host(hosts: Sequence[_Organ], box: Box, mask: Mask, points_mm: Points) -> _Organ | None:
    """The organ that contains most of the lesion; if none does, the nearest within reach."""
    shared = [host.shared_voxels(box, mask) for host in hosts]
    if any(shared):
        return hosts[int(np.argmax(shared))]
    away = [(host.distance_mm(points_mm), n) for n, host in enumerate(hosts)]
    return hosts[min(away)[1]] if away and min(away)[0] <= HOST_REACH_MM else None
