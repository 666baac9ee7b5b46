/** Axis order and directions of grids; mirrors `omentum.volume` and `omentum.axis_order`. */
import { type Affine, type Grid, type Shape, spacing, type Vec3 } from "../geometry.ts";

type Matrix3 = [Vec3, Vec3, Vec3];

/** World axis (0 to 2) that an array axis follows best, and its direction. */
export interface Direction {
  readonly world: number;
  readonly sign: 1 | -1;
}

/** A permutation of array axes with flips: new axis `a` is old axis `axes[a]`. */
export interface AxisOrder {
  readonly axes: Vec3;
  readonly flipped: readonly [boolean, boolean, boolean];
}

/** Directions of the array axes; each world axis occurs once, also for oblique and sheared grids. */
export function axisDirections(affine: Affine): [Direction, Direction, Direction] {
  const rotation = nearestOrthogonal(unitAxes(affine));
  const clarity = [0, 1, 2].map((axis) => Math.max(...rotation.map((row) => Math.abs(at(row, axis)))));
  const free = new Set([0, 1, 2]);
  const found: Direction[] = [];
  for (const axis of [0, 1, 2].sort((a, b) => at(clarity, b) - at(clarity, a) || a - b)) {
    const world = [...free].reduce((best, w) => (Math.abs(cell(rotation, w, axis)) > Math.abs(cell(rotation, best, axis)) ? w : best));
    free.delete(world);
    found[axis] = { world, sign: cell(rotation, world, axis) > 0 ? 1 : -1 };
  }
  return found as [Direction, Direction, Direction];
}

/** Largest angle in degrees between an array axis and the patient axis that it follows best. */
export function askewDegrees(affine: Affine): number {
  const unit = unitAxes(affine);
  const followed = axisDirections(affine).map(({ world }, axis) => Math.abs(cell(unit, world, axis)));
  return (Math.acos(Math.min(1, Math.max(-1, Math.min(...followed)))) * 180) / Math.PI;
}

/** The order that brings a grid to RAS+. */
export function orderToRas(affine: Affine): AxisOrder {
  const directions = axisDirections(affine);
  const axes = [0, 1, 2].map((world) => directions.findIndex((one) => one.world === world)) as Vec3;
  const flipped = axes.map((axis) => directions[axis]?.sign === -1) as [boolean, boolean, boolean];
  return { axes, flipped };
}

/** The grid of an array after reordering: every voxel keeps its place in the patient. */
export function reordered(grid: Grid, order: AxisOrder): Grid {
  const shape = order.axes.map((axis) => at(grid.shape, axis)) as Shape;
  const affine = grid.affine.map((row) => {
    const columns = order.axes.map((axis, a) => (order.flipped[a] ? -at(row, axis) : at(row, axis)));
    const moved = order.axes.map((axis, a) => (order.flipped[a] ? at(row, axis) * (at(shape, a) - 1) : 0));
    return [...columns, at(row, 3) + at(moved, 0) + at(moved, 1) + at(moved, 2)];
  }) as Affine;
  return { shape, affine };
}

/** Place of the voxel (0, 0, 0) of the reordered array in a first-axis-fastest array, and the steps along its axes. */
export function strides(shape: Shape, order: AxisOrder): { start: number; steps: Vec3 } {
  const plain: Vec3 = [1, shape[0], shape[0] * shape[1]];
  const steps = order.axes.map((axis, a) => (order.flipped[a] ? -at(plain, axis) : at(plain, axis))) as Vec3;
  const start = order.axes.reduce((sum, axis, a) => sum + (order.flipped[a] ? at(plain, axis) * (at(shape, axis) - 1) : 0), 0);
  return { start, steps };
}

/** The value at an index that exists. */
export function at(values: ArrayLike<number>, index: number): number {
  return values[index] as number;
}

function cell(matrix: Matrix3, row: number, column: number): number {
  return at(matrix[row] as Vec3, column);
}

function unitAxes(affine: Affine): Matrix3 {
  const mm = spacing(affine);
  return [0, 1, 2].map((row) => [0, 1, 2].map((axis) => at(affine[row] as number[], axis) / at(mm, axis))) as Matrix3;
}

/** Orthogonal factor of the polar decomposition, by Newton's iteration: what `U V^T` of the singular values is. */
function nearestOrthogonal(matrix: Matrix3): Matrix3 {
  let current = matrix;
  for (let n = 0; n < 100; n++) {
    const other = inverseTransposed(current);
    const next = current.map((row, r) => row.map((value, c) => (value + cell(other, r, c)) / 2)) as Matrix3;
    const moved = Math.max(...next.flatMap((row, r) => row.map((value, c) => Math.abs(value - cell(current, r, c)))));
    current = next;
    if (moved < 1e-14) break;
  }
  return current;
}

function inverseTransposed([[a, b, c], [d, e, f], [g, h, i]]: Matrix3): Matrix3 {
  const cofactors: Matrix3 = [
    [e * i - f * h, f * g - d * i, d * h - e * g],
    [c * h - b * i, a * i - c * g, b * g - a * h],
    [b * f - c * e, c * d - a * f, a * e - b * d],
  ];
  const determinant = a * cofactors[0][0] + b * cofactors[0][1] + c * cofactors[0][2];
  return cofactors.map((row) => row.map((value) => value / determinant)) as Matrix3;
}
