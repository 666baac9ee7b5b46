"""From tissues to CT numbers: texture, blur, noise and artefacts of a randomly sampled scanner."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from omentum.phantom.body import PhantomBody
from omentum.phantom.texture import Field, kernel_noise, smooth_field
from omentum.phantom.tissue import PHASES, TISSUES, Appearance, Phase, draw_hu, tissue_index
from omentum.volume import Grid, Volume

Table = Literal["curved", "flat", "none"]

IODINE_BY_KILOVOLT = {80: 1.6, 100: 1.25, 120: 1.0, 140: 0.88}
HU_RANGE = (-1024, 3071)
TEXTURE_LENGTHS_MM = (3.0, 5.0, 10.0)
"""One field is sampled for each; a tissue uses the one nearest to its own correlation length."""


@dataclass(frozen=True)
class ScanProtocol:
    """How a body is imaged.

    Args:
        phase: Contrast phase.
        wild: Appearance far beyond reality, see `tissue.draw_hu`.
        kilovolt: Tube voltage, 80, 100, 120 or 140.
        noise_hu: SD of the noise in the middle of a body of medium size.
        psf_mm: In-plane standard deviation of the reconstruction kernel, 0.3 (sharp) to 1.0 (very soft).
        slice_thickness_mm: Full width at half maximum of the slice profile.
        cupping_hu: How much darker the middle is than the rim (beam hardening left uncorrected).
        bias_hu: SD of a slow drift over the image.
        streak_hu: Depth of dark bands between dense parts, and the SD of the streaks there.
        padding: Fill what lies outside the circular field of view with -1024.
        table: What the patient lies on, where the body has none yet.
        lesion_contrast_hu: Least difference between a lesion and its host, see `tissue.Appearance`.
    """

    phase: Phase = "pv"
    wild: bool = False
    kilovolt: int = 120
    noise_hu: float = 12.0
    psf_mm: float = 0.6
    slice_thickness_mm: float = 3.0
    cupping_hu: float = 0.0
    bias_hu: float = 0.0
    streak_hu: float = 0.0
    padding: bool = False
    table: Table = "curved"
    lesion_contrast_hu: float = 0.0

    def to_facts(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def draw_protocol(rng: np.random.Generator, phase: Phase | None = None, wild: bool = False) -> ScanProtocol:
    """A protocol as met in public data sets: mostly portal venous, 120 kV, soft kernel, 1 to 5 mm slices."""
    psf_mm = float(rng.choice([0.4, 0.6, 0.75, 1.0], p=[0.15, 0.4, 0.35, 0.1]))
    noise_hu = float(np.clip(rng.lognormal(math.log(10.0), 0.45), 3.0, 35.0)) * (1.4 if psf_mm < 0.5 else 1.0)
    return ScanProtocol(
        phase=phase or PHASES[int(rng.choice(4, p=[0.25, 0.17, 0.48, 0.10]))],
        wild=wild,
        kilovolt=int(rng.choice(list(IODINE_BY_KILOVOLT), p=[0.05, 0.25, 0.6, 0.1])),
        noise_hu=noise_hu,
        psf_mm=psf_mm,
        slice_thickness_mm=float(rng.choice([1.0, 1.5, 2.0, 3.0, 5.0], p=[0.15, 0.15, 0.2, 0.3, 0.2])),
        cupping_hu=float(rng.uniform(0, 18)) if rng.random() < 0.4 else 0.0,
        bias_hu=float(rng.uniform(5, 30)) if wild else float(rng.uniform(0, 4)),
        streak_hu=float(rng.uniform(5, 45)) if rng.random() < 0.3 else 0.0,
        padding=bool(rng.random() < 0.25),
        table=("curved", "flat", "none")[int(rng.choice(3, p=[0.6, 0.25, 0.15]))],
    )


def scan(body: PhantomBody, rng: np.random.Generator, protocol: ScanProtocol) -> Volume:
    """Image a body on its own grid.

    Returns:
        int16 HU within -1024..3071.
    """
    spacing = body.grid.spacing_mm
    tissue = _with_table(body, rng, protocol.table)
    iodine = IODINE_BY_KILOVOLT[protocol.kilovolt]
    hu = draw_hu(rng, Appearance(protocol.phase, protocol.wild, iodine, protocol.lesion_contrast_hu))
    image = hu[tissue] + _texture(rng, tissue, spacing, protocol.wild)
    inside = tissue != tissue_index("air")
    image = _blur(image, spacing, protocol)
    if protocol.streak_hu > 0:
        image += _streaks(rng, image, spacing, protocol.streak_hu)
    image += _noise(rng, inside, spacing, protocol)
    image += _shading(rng, inside, spacing, protocol)
    if protocol.padding:
        image[_outside_view(body)] = HU_RANGE[0]
    return Volume(np.clip(np.rint(image), *HU_RANGE).astype(np.int16), body.grid.affine)


def _texture(
    rng: np.random.Generator, tissue: NDArray[np.uint8], spacing_mm: tuple[float, float, float], wild: bool
) -> Field:
    sd, length = np.array([t.texture for t in TISSUES], np.float32).T
    if wild:
        drawn = sd * rng.uniform(0.0, 2.5, len(TISSUES)).astype(np.float32)
        sd = np.minimum(drawn, np.maximum(sd, np.float32(40.0)))  # bone and stool are wild enough as they are
    nearest = np.abs(length[:, None] - np.array(TEXTURE_LENGTHS_MM)).argmin(axis=1)
    texture: Field = np.zeros(tissue.shape, np.float32)
    for k, length_mm in enumerate(TEXTURE_LENGTHS_MM):
        amount = np.where(nearest == k, sd, np.float32(0))
        texture += amount[tissue] * smooth_field(rng, tissue.shape, spacing_mm, length_mm)
    return texture


def _blur(image: Field, spacing_mm: tuple[float, float, float], protocol: ScanProtocol) -> Field:
    """Partial volume (a voxel's box has SD 0.29, the jagged edge of a map adds to it), kernel, slice profile."""
    in_plane = [math.hypot(0.4, protocol.psf_mm / s) for s in spacing_mm[:2]]
    beyond = max(protocol.slice_thickness_mm**2 - spacing_mm[2] ** 2, 0.0)
    along = math.hypot(0.4, math.sqrt(beyond) / 2.355 / spacing_mm[2])
    for axis, sigma in enumerate((*in_plane, along)):
        image = gaussian_filter1d(image, sigma, axis=axis, mode="nearest", truncate=3.0)
    return image


def _noise(
    rng: np.random.Generator,
    inside: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    protocol: ScanProtocol,
) -> Field:
    """Noise is stronger in the middle than at the rim, in big slices than in small ones, and weak in air."""
    noise = kernel_noise(rng, inside.shape, spacing_mm, protocol.psf_mm, protocol.slice_thickness_mm)
    width_mm = 2.0 * np.sqrt(inside.sum(axis=(0, 1)) * spacing_mm[0] * spacing_mm[1] / math.pi)
    # 1.45 per 40 mm without, about half of that in the exponent with tube current modulation
    dose = np.clip(1.45 ** ((width_mm - 300.0) / 80.0), 0.5, 2.0).astype(np.float32)
    level = np.float32(protocol.noise_hu) * (1.0 - 0.35 * _radius(inside.shape, inside) ** 2)
    return np.asarray(noise * level * dose * np.where(inside, np.float32(1.0), np.float32(0.5)))


def _shading(
    rng: np.random.Generator,
    inside: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    protocol: ScanProtocol,
) -> Field:
    """Cupping and a slow drift, inside the body only."""
    shade = np.zeros(inside.shape, np.float32)
    if protocol.cupping_hu > 0:
        shade += np.float32(protocol.cupping_hu) * (_radius(inside.shape, inside) ** 2 - np.float32(0.5))
    if protocol.bias_hu > 0:
        shade += np.float32(protocol.bias_hu) * smooth_field(rng, inside.shape, spacing_mm, 120.0)
    return shade * inside


def _radius(shape: tuple[int, ...], inside: NDArray[np.bool_]) -> Field:
    """Distance from the body's axis, 1 at its bounding ellipse, clipped there; shape (i, j, 1)."""
    axes = []
    for axis in (0, 1):
        line = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        low, high = (line[0], line[-1]) if len(line) else (0, shape[axis] - 1)
        axes.append((np.arange(shape[axis]) - (low + high) / 2) / max((high - low) / 2, 1))
    return np.minimum(np.hypot(axes[0][:, None], axes[1][None, :]), 1.0).astype(np.float32)[:, :, None]


def _streaks(rng: np.random.Generator, image: Field, spacing_mm: tuple[float, float, float], depth_hu: float) -> Field:
    """Dark bands and horizontal streaks where a left-right ray has dense matter on both sides.

    That is where beam hardening and photon starvation show: between the hips, the shoulders, dense contrast.
    """
    excess_mm = np.clip(image - 250.0, 0.0, 1500.0) / 1000.0 * spacing_mm[0]
    left = np.cumsum(excess_mm, axis=0)
    both = np.minimum(left, left[-1] - left)
    band = both / (both + np.float32(12.0))
    rows = rng.standard_normal((1, *image.shape[1:])).astype(np.float32)
    rows = gaussian_filter1d(rows, 0.6, axis=1)
    return np.asarray(np.float32(depth_hu) * band * (rows * np.float32(1.2) - np.float32(1.0)))


def _outside_view(body: PhantomBody) -> NDArray[np.bool_]:
    """Outside the circle that just holds the grid, or everything that is annotated if that reaches farther."""
    i, j = (np.arange(n) - (n - 1) / 2 for n in body.grid.shape[:2])
    radius_mm = np.hypot(i[:, None] * body.grid.spacing_mm[0], j[None, :] * body.grid.spacing_mm[1])
    labelled = (body.truth.bits != 0).any(axis=(0, 3))
    view_mm = max(abs(i).max() * body.grid.spacing_mm[0], abs(j).max() * body.grid.spacing_mm[1])
    view_mm = max(view_mm, float(radius_mm[labelled].max(initial=0.0)) + 5.0)
    return np.broadcast_to((radius_mm > view_mm)[:, :, None], body.grid.shape)


def _with_table(body: PhantomBody, rng: np.random.Generator, table: Table) -> NDArray[np.uint8]:
    """The tissue map with a table top under the back, where the grid reaches that far down."""
    shell, foam, air = tissue_index("table"), tissue_index("table_foam"), tissue_index("air")
    if table == "none" or (body.tissue == shell).any() or not (body.tissue != air).any():
        return body.tissue
    depth = _below_table_mm(body.grid, body.tissue != air, float(rng.uniform(0, 10)), table)
    thickness_mm, skin_mm = float(rng.uniform(25, 60)), max(1.5, body.grid.spacing_mm[1])
    inside = (depth >= 0) & (depth <= thickness_mm)
    edge = (depth < skin_mm) | (depth > thickness_mm - skin_mm)
    top = np.where(inside & edge, shell, np.where(inside, foam, air))[:, :, None]
    return np.where(body.tissue == air, top, body.tissue).astype(np.uint8)


def _below_table_mm(grid: Grid, inside: NDArray[np.bool_], gap_mm: float, table: Table) -> NDArray[np.float64]:
    """How far a point of the axial plane lies below the table's surface, NaN beside the table; shape (i, j)."""
    x_mm = (np.arange(grid.shape[0]) - (grid.shape[0] - 1) / 2) * grid.spacing_mm[0]
    back_mm = np.flatnonzero(inside.any(axis=(0, 2)))[0] * grid.spacing_mm[1] - gap_mm
    rise_mm = x_mm**2 / 900.0 if table == "curved" else np.zeros_like(x_mm)
    depth = (back_mm + rise_mm)[:, None] - np.arange(grid.shape[1])[None, :] * grid.spacing_mm[1]
    return np.where(np.abs(x_mm)[:, None] < 215.0, depth, np.nan)
