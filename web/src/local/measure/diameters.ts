/**
 * Lengths of a mask in mm, edge to edge; mirrors `omentum.measure.diameters`. The outline runs through the centres of the voxel
 * faces between mask and background.
 */
import type { Diameter } from "../../documents.ts";
import { distance, type Grid, toWorld, type Vec3, type VoxelBox } from "../../geometry.ts";
import { axisDirections } from "../orientation.ts";

/** A mask in a box of the image; first axis fastest. */
export interface BoxMask {
  readonly box: VoxelBox;
  readonly shape: Vec3;
  readonly inside: Uint8Array;
}

export interface AxialDiameters {
  readonly longest: Diameter;
  readonly perpendicular: Diameter;
}

/** Centres of the voxel faces between mask and background, across some axes, in voxel coordinates of the image. */
export function faceMiddles({ box, shape, inside }: BoxMask, axes: readonly number[]): Vec3[] {
  const found: Vec3[] = [];
  const strides: Vec3 = [1, shape[0], shape[0] * shape[1]];
  for (const axis of axes) {
    const [stride, last] = [strides[axis] as number, (shape[axis] as number) - 1];
    for (let k = 0, n = 0; k < shape[2]; k++) {
      for (let j = 0; j < shape[1]; j++) {
        for (let i = 0; i < shape[0]; i++, n++) {
          if (inside[n] === 0) continue;
          const voxel: Vec3 = [i + box.start[0], j + box.start[1], k + box.start[2]];
          const at = axis === 0 ? i : axis === 1 ? j : k;
          if (at === 0 || inside[n - stride] === 0) found.push(moved(voxel, axis, -0.5));
          if (at === last || inside[n + stride] === 0) found.push(moved(voxel, axis, 0.5));
        }
      }
    }
  }
  return found;
}

/** Longest diameter in an axial slice, and the longest diameter perpendicular to it there. */
export function axialDiameters(mask: BoxMask, grid: Grid): AxialDiameters {
  const axis = axisDirections(grid.affine).findIndex(({ world }) => world === 2);
  const across = [0, 1, 2].filter((other) => other !== axis);
  const slices = bySlice(faceMiddles(mask, across), axis);
  const ranked = [...slices.values()].map((points) => {
    const outline = hull(points, across).map((point) => toWorld(grid.affine, point));
    const longest = farthest(outline);
    const height = outline.reduce((sum, [, , z]) => sum + z, 0) / outline.length;
    return { outline, longest, rank: [micrometres(longest.mm), points.length, micrometres(height)] };
  });
  // Among slices with equal diameters the one with most voxels, then the uppermost.
  const best = ranked.reduce((one, other) => (isAbove(other.rank, one.rank) ? other : one));
  return { longest: best.longest, perpendicular: widestAcross(best.outline, best.longest) };
}

/** Longest straight line between two points of the surface of a mask. */
export function longest3d(mask: BoxMask, grid: Grid): Diameter {
  // Corners of the convex hull are corners of the outlines of planes.
  const planes = bySlice(faceMiddles(mask, [0, 1, 2]), 2);
  return farthest([...planes.values()].flatMap((points) => hull(points, [0, 1])).map((point) => toWorld(grid.affine, point)));
}

function bySlice(points: readonly Vec3[], axis: number): Map<number, Vec3[]> {
  const slices = new Map<number, Vec3[]>();
  for (const point of points) {
    const slice = slices.get(point[axis] as number);
    if (slice === undefined) slices.set(point[axis] as number, [point]);
    else slice.push(point);
  }
  return slices;
}

/** Corners of the convex hull of points in a plane of voxels, in order (Andrew's monotone chain). */
function hull(points: readonly Vec3[], [a = 0, b = 1]: readonly number[]): Vec3[] {
  const u = (point: Vec3): number => point[a] as number;
  const v = (point: Vec3): number => point[b] as number;
  const sorted = [...points].sort((p, q) => u(p) - u(q) || v(p) - v(q));
  const chain = (some: readonly Vec3[]): Vec3[] => {
    const kept: Vec3[] = [];
    for (const point of some) {
      while (kept.length > 1 && turn(kept.at(-2) as Vec3, kept.at(-1) as Vec3, point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  const turn = (o: Vec3, p: Vec3, q: Vec3): number => (u(p) - u(o)) * (v(q) - v(o)) - (v(p) - v(o)) * (u(q) - u(o));
  const found = [...chain(sorted), ...chain(sorted.reverse())];
  return found.length === 0 ? sorted.slice(0, 1) : found;
}

function farthest(points: readonly Vec3[]): Diameter {
  let best: Diameter = { mm: -1, ends_mm: [points[0] as Vec3, points[0] as Vec3] };
  points.forEach((one, n) => {
    for (let m = n; m < points.length; m++) {
      const mm = distance(one, points[m] as Vec3);
      if (mm > best.mm) best = { mm, ends_mm: [one, points[m] as Vec3] };
    }
  });
  return best;
}

/** The longest chord of a convex outline perpendicular to one of its diameters. */
function widestAcross(outline: readonly Vec3[], { mm, ends_mm: [start, end] }: Diameter): Diameter {
  const along = end.map((value, n) => (value - (start[n] as number)) / mm) as Vec3;
  const across = perpendicularIn(outline, start, along);
  const flat = outline.map((point) => [project(point, start, along), project(point, start, across)] as const);
  let best: { width: number; t: number; low: number; high: number } = { width: -1, t: 0, low: 0, high: 0 };
  // The length of chords is linear between corners, so that its maximum is at one.
  for (const [t] of flat) {
    const crossings = flat.flatMap(([t1, s1], n) => {
      const [t2, s2] = flat[(n + 1) % flat.length] as readonly [number, number];
      if (Math.min(t1, t2) > t || Math.max(t1, t2) < t) return [];
      return t1 === t2 ? [s1, s2] : [s1 + ((s2 - s1) * (t - t1)) / (t2 - t1)];
    });
    const [low, high] = [Math.min(...crossings), Math.max(...crossings)];
    if (high - low > best.width) best = { width: high - low, t, low, high };
  }
  const place = (s: number): Vec3 => start.map((value, n) => value + best.t * (along[n] as number) + s * (across[n] as number)) as Vec3;
  const ends: [Vec3, Vec3] = [place(best.low), place(best.high)];
  return { mm: distance(...ends), ends_mm: ends };
}

/** Unit vector in the plane of an outline at a right angle to a direction: towards the point that lies farthest from it. */
function perpendicularIn(outline: readonly Vec3[], start: Vec3, along: Vec3): Vec3 {
  const off = outline.map((point) => {
    const t = project(point, start, along);
    return point.map((value, n) => value - (start[n] as number) - t * (along[n] as number)) as Vec3;
  });
  const widest = off.reduce((one, other) => (Math.hypot(...other) > Math.hypot(...one) ? other : one));
  const length = Math.hypot(...widest);
  return widest.map((value) => value / length) as Vec3;
}

function project(point: Vec3, start: Vec3, direction: Vec3): number {
  return point.reduce((sum, value, n) => sum + (value - (start[n] as number)) * (direction[n] as number), 0);
}

function moved(voxel: Vec3, axis: number, by: number): Vec3 {
  return voxel.map((value, n) => (n === axis ? value + by : value)) as Vec3;
}

function micrometres(mm: number): number {
  return Math.round(mm * 1e6) / 1e6;
}

function isAbove(one: readonly number[], other: readonly number[]): boolean {
  const n = one.findIndex((value, k) => value !== other[k]);
  return n >= 0 && (one[n] as number) > (other[n] as number);
}
