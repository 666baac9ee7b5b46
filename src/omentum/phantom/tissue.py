"""The tissues a phantom is made of, and their CT numbers for one randomly sampled patient."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Phase = Literal["nc", "art", "pv", "del"]
PHASES: tuple[Phase, ...] = ("nc", "art", "pv", "del")

WILD_RANGE_HU: dict[str, tuple[float, float]] = {
    "air": (-1024.0, -880.0),
    "lung": (-940.0, -620.0),
    "haze": (-720.0, -350.0),
    "fat": (-150.0, -45.0),
    "soft": (-25.0, 230.0),
    "fluid": (-30.0, 160.0),
    "stool": (-150.0, 220.0),
    "blood": (5.0, 420.0),
    "contrast": (60.0, 700.0),
    "spongy": (70.0, 520.0),
    "bone": (300.0, 1500.0),
    "support": (-400.0, 250.0),
    "metal": (2000.0, 3071.0),
}
"""Where the unreal appearance of a family lies: far beyond a scanner's, but air < lung < fat < bone still hold."""

SURROUNDED_BY = {"urine": "kidney_cortex", "muscle": "lung"}
"""Tissue around the lesions whose HU follow another one: cysts follow urine, lung tumours muscle."""

KIN_SHARE = 0.75
"""Share of the between-patient variance that kindred tissues have in common."""


@dataclass(frozen=True)
class Tissue:
    """One row of tissues.toml; see its head for the meaning of each column.

    Args:
        hu: Mean and between-patient SD in HU, by phase.
        texture: SD in HU and correlation length in mm within a patient.
    """

    name: str
    hu: Mapping[Phase, tuple[float, float]]
    texture: tuple[float, float]
    family: str
    kin: str
    host: str | None = None


def load_tissues() -> tuple[Tissue, ...]:
    """Read the packaged table, in file order; a tissue's position is its index."""
    text = (resources.files("omentum.phantom") / "tissues.toml").read_text(encoding="utf-8")
    return tuple(_row(name, columns) for name, columns in tomllib.loads(text).items())


def _row(name: str, columns: Mapping[str, Any]) -> Tissue:
    hu: dict[Phase, tuple[float, float]] = {}
    for phase in PHASES:
        mean, sd = columns.get("hu") or columns[phase]
        hu[phase] = (float(mean), float(sd))
    sd, length_mm = columns["texture"]
    return Tissue(
        name=name,
        hu=hu,
        texture=(float(sd), float(length_mm)),
        family=columns["family"],
        kin=columns.get("kin", name),
        host=columns.get("host"),
    )


TISSUES = load_tissues()
"""All tissues; `PhantomBody.tissue` holds positions in this table."""

_INDEX = {tissue.name: k for k, tissue in enumerate(TISSUES)}


def tissue_index(name: str) -> int:
    """Position of a tissue in `TISSUES`.

    Raises:
        KeyError: no such tissue (a mistake in our own code or tables).
    """
    return _INDEX[name]


@dataclass(frozen=True)
class Appearance:
    """Which look a patient has.

    Args:
        phase: Contrast phase.
        wild: Draw every tissue far beyond reality, so that a network must learn shape and context.
        iodine: Factor on enhancement (tube voltage: about 1.6 at 80 kVp, 1.25 at 100, 1 at 120, 0.88 at 140).
        lesion_contrast_hu: Least difference between a lesion and its host; 0 leaves it to chance, and a quarter to
            a half of the lesions of some kinds cannot be seen.
    """

    phase: Phase = "pv"
    wild: bool = False
    iodine: float = 1.0
    lesion_contrast_hu: float = 0.0


def draw_hu(rng: np.random.Generator, appearance: Appearance) -> NDArray[np.float32]:
    """Mean HU of every tissue in one patient, shape (len(TISSUES),).

    Kindred tissues move together, lesions follow their host, and the dose of contrast scales all enhancement over
    the native value. One liver in six is fatty.
    """
    hu = _draw_wild(rng) if appearance.wild else _draw_real(rng, appearance)
    if appearance.lesion_contrast_hu > 0:
        _set_apart(hu, appearance.lesion_contrast_hu)
    return np.clip(hu, -1024.0, 3071.0).astype(np.float32)


def _draw_real(rng: np.random.Generator, appearance: Appearance) -> NDArray[np.float64]:
    native, _ = _table("nc")
    mean, sd = _table(appearance.phase)
    dose = appearance.iodine * float(np.clip(rng.normal(1.0, 0.1), 0.7, 1.35))
    deviation = sd * _kindred_normal(rng)
    if rng.random() < 1 / 6:
        deviation[_INDEX["liver"]] -= rng.uniform(10.0, 55.0)
    for k, tissue in enumerate(TISSUES):
        if tissue.host is not None:
            # 0.6: part of the spread is the patient's (dose, blood pressure, fat), shared by lesion and host
            host = _INDEX[tissue.host]
            deviation[k] = 0.8 * deviation[k] + 0.6 * np.clip(deviation[host], -sd[k] * 1.5, sd[k] * 1.5)
    return native + dose * (mean - native) + deviation


def _set_apart(hu: NDArray[np.float64], least_hu: float) -> None:
    """Move every lesion to the nearest value that differs enough from its host (a kidney: from both of its layers)."""
    for k, tissue in enumerate(TISSUES):
        if tissue.family == "lesion" and tissue.host is not None:
            host = TISSUES[_INDEX[SURROUNDED_BY.get(tissue.host, tissue.host)]]
            around = [hu[n] for n, other in enumerate(TISSUES) if other.kin == host.kin]
            free = [value + sign * least_hu for value in around for sign in (-1.0, 1.0)]
            free = [value for value in free if min(abs(value - other) for other in around) >= least_hu - 1e-6]
            if min(abs(hu[k] - other) for other in around) < least_hu:
                hu[k] = min(free, key=lambda value: abs(value - hu[k]))


def _table(phase: Phase) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = np.array([tissue.hu[phase] for tissue in TISSUES])
    return values[:, 0], values[:, 1]


def _kindred_normal(rng: np.random.Generator) -> NDArray[np.float64]:
    """Standard normal per tissue, correlated within a kin, truncated at 2.5 SD."""
    shared = _per_kin(rng.standard_normal(len(TISSUES)))
    own = rng.standard_normal(len(TISSUES))
    mixed: NDArray[np.float64] = np.sqrt(KIN_SHARE) * shared + np.sqrt(1 - KIN_SHARE) * own
    return mixed.clip(-2.5, 2.5)


def _per_kin(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every tissue takes the value of the first tissue of its kin."""
    first: dict[str, int] = {}
    return values[[first.setdefault(tissue.kin, k) for k, tissue in enumerate(TISSUES)]]


def _draw_wild(rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform within the family's range, equal within a kin but for a few HU; lesions differ from their host.

    Families that lie close in reality (soft, fluid, blood) overlap widely, so a vessel may be darker than its organ.
    """
    where = _per_kin(rng.random(len(TISSUES)))
    jitter = rng.normal(0.0, 0.06, len(TISSUES))
    hu = np.zeros(len(TISSUES))
    for k, tissue in enumerate(TISSUES):
        if tissue.family == "lesion":
            continue
        low, high = WILD_RANGE_HU[tissue.family]
        hu[k] = low + (high - low) * np.clip(where[k] + jitter[k], 0.0, 1.0)
    for k, tissue in enumerate(TISSUES):
        if tissue.family == "lesion" and tissue.host is not None:
            hu[k] = hu[_INDEX[tissue.host]] + rng.choice([-1.0, 1.0]) * rng.uniform(15.0, 90.0)
    return hu
