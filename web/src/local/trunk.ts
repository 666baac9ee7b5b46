/** The trunk: voxels outside it, in the couch, in air or in an arm, belong to no organ; mirrors `omentum.postprocess.trunk`. */
import { spacing, type Vec3 } from "../geometry.ts";
import { BODY_HU, rint, type Volume } from "../volume.ts";
import { components, eachVoxel } from "./components.ts";
import { axisDirections } from "./orientation.ts";

const STEP_MM = 5;
/** What is thinner than this in an axial plane is no part of the trunk. */
const COUCH_MM = 12;
const MARGIN_MM = 10;
/** Least share of the dense voxels in the trunk. */
const SMALLEST_SHARE = 0.3;
/** Planes are extended by so many voxels before they are opened. */
const PAD = 9;

/** Low-resolution planes [n][v][u]: u fastest. */
interface Planes {
  readonly count: number;
  readonly size: readonly [number, number];
  readonly values: Uint8Array;
}

/** Whether a voxel (i, j, k) of the CT lies outside the trunk. */
export type OutsideTrunk = (voxel: Vec3) => boolean;

/** Null if nothing in the scan is dominant enough to be the trunk. */
export function findTrunk(ct: Volume): OutsideTrunk | null {
  const mm = spacing(ct.grid.affine);
  const steps = mm.map((value) => Math.max(1, rint(STEP_MM / value))) as Vec3;
  const upright = axisDirections(ct.grid.affine).findIndex(({ world }) => world === 2);
  const [v, u] = [0, 1, 2].filter((axis) => axis !== upright) as [number, number];
  const dense = sampled(ct, steps, [upright, v, u]);
  const planeMm: [number, number] = [(mm[v] as number) * (steps[v] as number), (mm[u] as number) * (steps[u] as number)];
  const trunk = largest(opened(dense, disc(COUCH_MM / 2, planeMm)));
  if (trunk === null || sum(trunk.values) < SMALLEST_SHARE * sum(dense.values)) return null;
  const inside = dilated(hulls(trunk), disc(MARGIN_MM, planeMm), 0);
  return (voxel) => {
    const [n, y, x] = [upright, v, u].map((axis) => Math.floor((voxel[axis] as number) / (steps[axis] as number))) as Vec3;
    return (inside.values[(n * inside.size[0] + y) * inside.size[1] + x] as number) === 0;
  };
}

function sampled(ct: Volume, steps: Vec3, order: Vec3): Planes {
  const { shape } = ct.grid;
  const strides: Vec3 = [1, shape[0], shape[0] * shape[1]];
  const [count, rows, columns] = order.map((axis) => Math.ceil((shape[axis] as number) / (steps[axis] as number))) as Vec3;
  const [a, b, c] = order.map((axis) => (strides[axis] as number) * (steps[axis] as number)) as Vec3;
  const values = new Uint8Array(count * rows * columns);
  let n = 0;
  for (let p = 0; p < count; p++) {
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) values[n++] = (ct.voxels[p * a + y * b + x * c] as number) > BODY_HU ? 1 : 0;
  }
  return { count, size: [rows, columns], values };
}

/** Offsets (v, u) of a disc. */
function disc(radiusMm: number, planeMm: readonly [number, number]): [number, number][] {
  const [rv, ru] = planeMm.map((mm) => Math.max(1, rint(radiusMm / mm))) as [number, number];
  const found: [number, number][] = [];
  for (let v = -rv; v <= rv; v++) for (let u = -ru; u <= ru; u++) if ((v / rv) ** 2 + (u / ru) ** 2 <= 1) found.push([v, u]);
  return found;
}

/** Opening in every plane, continued beyond its edges by its outermost values. */
function opened(planes: Planes, element: readonly [number, number][]): Planes {
  const [rows, columns] = planes.size;
  const size = [rows + 2 * PAD, columns + 2 * PAD] as const;
  const values = new Uint8Array(planes.count * size[0] * size[1]);
  const clamp = (n: number, length: number) => Math.min(Math.max(n - PAD, 0), length - 1);
  let n = 0;
  for (let p = 0; p < planes.count; p++) {
    for (let v = 0; v < size[0]; v++) {
      for (let u = 0; u < size[1]; u++) values[n++] = planes.values[(p * rows + clamp(v, rows)) * columns + clamp(u, columns)] as number;
    }
  }
  const inverted = dilated({ count: planes.count, size, values: values.map((value) => 1 - value) }, element, 1);
  const eroded = { ...inverted, values: inverted.values.map((value) => 1 - value) };
  return cropped(dilated(eroded, element, 0), planes);
}

/** Dilation in every plane with a symmetric element; beyond the edges is `border`. */
function dilated(planes: Planes, element: readonly [number, number][], border: 0 | 1): Planes {
  const [rows, columns] = planes.size;
  const values = new Uint8Array(planes.values.length);
  for (let p = 0, n = 0; p < planes.count; p++) {
    for (let v = 0; v < rows; v++) {
      for (let u = 0; u < columns; u++, n++) {
        values[n] = element.some(([dv, du]) => {
          const [y, x] = [v + dv, u + du];
          return y < 0 || y >= rows || x < 0 || x >= columns ? border === 1 : (planes.values[(p * rows + y) * columns + x] as number) === 1;
        })
          ? 1
          : 0;
      }
    }
  }
  return { ...planes, values };
}

function cropped(planes: Planes, like: Planes): Planes {
  const [rows, columns] = like.size;
  const values = new Uint8Array(like.values.length);
  let n = 0;
  for (let p = 0; p < like.count; p++) {
    for (let v = 0; v < rows; v++) {
      const from = (p * planes.size[0] + v + PAD) * planes.size[1] + PAD;
      values.set(planes.values.subarray(from, from + columns), n);
      n += columns;
    }
  }
  return { ...like, values };
}

function largest(planes: Planes): Planes | null {
  const shape: Vec3 = [planes.size[1], planes.size[0], planes.count];
  const found = components(shape, { start: [0, 0, 0], stop: [...shape] }, (n) => (planes.values[n] as number) === 1, 0);
  if (found.length === 0) return null;
  const values = new Uint8Array(planes.values.length);
  eachVoxel(found.reduce((best, one) => (one.voxels > best.voxels ? one : best)), shape[0], (n) => (values[n] = 1));
  return { ...planes, values };
}

/** Every plane made convex, so that the lungs are inside; planes with no area in them are inside altogether. */
function hulls(planes: Planes): Planes {
  const area = planes.size[0] * planes.size[1];
  const values = new Uint8Array(planes.values.length).fill(1);
  for (let p = 0; p < planes.count; p++) {
    const corners = hull(planes.values.subarray(p * area, (p + 1) * area), planes.size[1]);
    if (corners.length < 3) continue;
    for (let n = 0; n < area; n++) {
      const point = [Math.floor(n / planes.size[1]), n % planes.size[1]] as const;
      const inside = corners.every((corner, c) => turn(corner, corners[(c + 1) % corners.length] as Point, point) >= 0);
      if (!inside) values[p * area + n] = 0;
    }
  }
  return { ...planes, values };
}

type Point = readonly [number, number];

/** Corners of the convex hull of a plane's marked pixels, counter-clockwise (Andrew's monotone chain). */
function hull(plane: Uint8Array, columns: number): Point[] {
  const points: Point[] = [];
  for (let n = 0; n < plane.length; n++) if (plane[n]) points.push([Math.floor(n / columns), n % columns]);
  if (points.length < 3) return [];
  const lower = chain(points);
  const upper = chain(points.reverse());
  const corners = [...lower.slice(0, -1), ...upper.slice(0, -1)];
  return corners.length < 3 ? [] : corners;
}

function chain(points: readonly Point[]): Point[] {
  const found: Point[] = [];
  for (const point of points) {
    while (found.length > 1 && turn(found[found.length - 2] as Point, found[found.length - 1] as Point, point) <= 0) found.pop();
    found.push(point);
  }
  return found;
}

function turn(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function sum(values: Uint8Array): number {
  return values.reduce((total, value) => total + value, 0);
}
