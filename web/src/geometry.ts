/** Grids and affines. World coordinates are RAS+ mm; voxel arrays have the first axis fastest, as NIfTI and NRRD files. */

export type Vec3 = [number, number, number];
export type Shape = Vec3;
/** Row-major 4x4 matrix, voxel indices to RAS+ mm. */
export type Affine = [number[], number[], number[], number[]];

export interface Grid {
  readonly shape: Shape;
  readonly affine: Affine;
}

/** Voxels from `start` up to, not including, `stop`. */
export interface VoxelBox {
  readonly start: Vec3;
  readonly stop: Vec3;
}

/** Affines that differ by less than this in every element (mm) describe the same grid. */
const AFFINE_TOLERANCE_MM = 1e-3;

export function voxelCount(shape: Shape): number {
  return shape[0] * shape[1] * shape[2];
}

/** Voxel index (i, j, k) of a position in an array with the first axis fastest. */
export function unravel(index: number, shape: Shape): Vec3 {
  const row = Math.floor(index / shape[0]);
  return [index - row * shape[0], row % shape[1], Math.floor(row / shape[1])];
}

/** World position (RAS+ mm) of a voxel index, which may be fractional. */
export function toWorld(affine: Affine, voxel: Vec3): Vec3 {
  return [0, 1, 2].map((row) => {
    const [a = 0, b = 0, c = 0, d = 0] = affine[row] as number[];
    return a * voxel[0] + b * voxel[1] + c * voxel[2] + d;
  }) as Vec3;
}

/** Inverse of an affine whose last row is 0 0 0 1. Throws a RangeError if it is singular. */
export function inverse(affine: Affine): Affine {
  const [[a = 0, b = 0, c = 0, x = 0], [d = 0, e = 0, f = 0, y = 0], [g = 0, h = 0, i = 0, z = 0]] = affine;
  const size = determinant(affine);
  if (!Number.isFinite(size) || Math.abs(size) < 1e-12) throw new RangeError("the affine is singular");
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / size));
  const shifted = rows.map(([p = 0, q = 0, r = 0]) => [p, q, r, -(p * x + q * y + r * z)]);
  return [...shifted, [0, 0, 0, 1]] as Affine;
}

/** Of the upper left 3 x 3 part; negative if the voxel axes are left-handed. */
export function determinant([[a = 0, b = 0, c = 0], [d = 0, e = 0, f = 0], [g = 0, h = 0, i = 0]]: Affine): number {
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** Volume of a voxel in ml. */
export function voxelMl(affine: Affine): number {
  return Math.abs(determinant(affine)) / 1000;
}

export function spacing(affine: Affine): Vec3 {
  return [0, 1, 2].map((axis) => Math.hypot(...[0, 1, 2].map((row) => affine[row]?.[axis] ?? 0))) as Vec3;
}

export function sameGrid(one: Grid, other: Grid): boolean {
  return (
    one.shape.every((size, axis) => size === other.shape[axis]) &&
    one.affine.every((row, r) => row.every((value, c) => Math.abs(value - (other.affine[r]?.[c] ?? NaN)) < AFFINE_TOLERANCE_MM))
  );
}

export function distance(a: Vec3, b: Vec3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
