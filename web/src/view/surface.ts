/**
 * Closed surfaces of masks: naive surface nets (Gibson 1998) on a smoothed mask, so that a voxel mask looks like an organ.
 * For the eye only; nothing is measured on them.
 */
import { type Affine, determinant, type Shape, toWorld, type Vec3, type VoxelBox } from "../geometry.ts";
import type { Layer } from "../segmentation.ts";

export interface Surface {
  /** RAS+ mm, three numbers a vertex. */
  readonly points: Float32Array<ArrayBuffer>;
  /** Three vertex numbers a triangle, anticlockwise seen from outside. */
  readonly triangles: Uint32Array<ArrayBuffer>;
}

/** Cells along the longest side of the sampled mask; larger masks are sampled more coarsely. */
const LONGEST = 96;
const PAD = 2;
const LEVELS = 256;

/** Surface of the voxels of a layer that have `value`, inside `box`. */
export function surfaceOf(layer: Layer, shape: Shape, affine: Affine, value: number, box: VoxelBox): Surface {
  const step = Math.max(1, Math.ceil(Math.max(...box.start.map((start, axis) => (box.stop[axis] as number) - start)) / LONGEST));
  const field = sampled(layer, shape, value, box, step);
  smooth(field.values, field.size);
  smooth(field.values, field.size);
  const net = surfaceNet(field.values, field.size, levelOf(field));
  const mirrored = determinant(affine) < 0;
  return place(net, mirrored, (point) => toWorld(affine, point.map((at, axis) => (at - PAD) * step + (step - 1) / 2 + (box.start[axis] as number)) as Vec3));
}

interface Field {
  readonly values: Float32Array;
  readonly size: Shape;
  /** Sum of the values, in cells. */
  readonly volume: number;
}

/** The level that encloses the mask's volume after smoothing: at 0.5, thin vessels and glands would shrink or vanish. */
function levelOf({ values, volume }: Field): number {
  const counts = new Uint32Array(LEVELS + 1);
  for (const value of values) {
    const bin = Math.min(LEVELS, Math.floor(value * LEVELS));
    counts[bin] = (counts[bin] as number) + 1;
  }
  let inside = 0;
  for (let bin = LEVELS; bin > 0; bin--) {
    inside += counts[bin] as number;
    if (inside >= volume) return Math.min(0.5, (bin + 0.5) / LEVELS);
  }
  return 0.5 / LEVELS;
}

/** Shares of the mask in blocks of `step` voxels, with an empty border. */
function sampled(layer: Layer, shape: Shape, value: number, { start, stop }: VoxelBox, step: number): Field {
  const size = start.map((from, axis) => Math.ceil(((stop[axis] as number) - from) / step) + 2 * PAD) as Shape;
  const values = new Float32Array(size[0] * size[1] * size[2]);
  const share = 1 / step ** 3;
  let voxels = 0;
  for (let z = start[2]; z < stop[2]; z++) {
    const zz = (PAD + Math.floor((z - start[2]) / step)) * size[1];
    for (let y = start[1]; y < stop[1]; y++) {
      const row = (zz + PAD + Math.floor((y - start[1]) / step)) * size[0] + PAD;
      const from = (z * shape[1] + y) * shape[0];
      for (let x = start[0]; x < stop[0]; x++) {
        if (layer[from + x] !== value) continue;
        const at = row + (step === 1 ? x - start[0] : Math.floor((x - start[0]) / step));
        values[at] = (values[at] as number) + share;
        voxels += 1;
      }
    }
  }
  return { values, size, volume: voxels * share };
}

/** Average with both neighbours (weights 1 2 1) along every axis, in place. */
function smooth(values: Float32Array, [width, height, depth]: Shape): void {
  const strides = [1, width, width * height];
  const lengths = [width, height, depth];
  for (let axis = 0; axis < 3; axis++) {
    const stride = strides[axis] as number;
    const length = lengths[axis] as number;
    for (let start = 0; start < values.length; start++) {
      if (Math.floor(start / stride) % length !== 0) continue;
      let before = 0;
      for (let n = 0, at = start; n < length; n++, at += stride) {
        const here = values[at] as number;
        const after = n + 1 < length ? (values[at + stride] as number) : 0;
        values[at] = 0.25 * before + 0.5 * here + 0.25 * after;
        before = here;
      }
    }
  }
}

interface Net {
  readonly points: number[];
  readonly quads: number[];
}

/** One vertex in each cell that the level crosses, one quad for each edge it crosses. */
function surfaceNet(values: Float32Array, [width, height, depth]: Shape, level: number): Net {
  const strides = [1, width, width * height] as const;
  const vertex = new Int32Array(values.length).fill(-1);
  const points: number[] = [];
  for (let z = 0; z + 1 < depth; z++)
    for (let y = 0; y + 1 < height; y++)
      for (let x = 0; x + 1 < width; x++) {
        const at = x + strides[1] * y + strides[2] * z;
        const centre = crossing(values, at, strides, level);
        if (centre === null) continue;
        vertex[at] = points.length / 3;
        points.push(x + centre[0], y + centre[1], z + centre[2]);
      }
  return { points, quads: quadsOf(values, [width, height, depth], strides, vertex, level) };
}

type Strides = readonly [number, number, number];
const CORNERS: readonly Vec3[] = Array.from({ length: 8 }, (_, n) => [n & 1, (n >> 1) & 1, (n >> 2) & 1] as Vec3);
const EDGES = [[0, 1], [0, 2], [0, 4], [1, 3], [1, 5], [2, 3], [2, 6], [3, 7], [4, 5], [4, 6], [5, 7], [6, 7]] as const;

/** Mean of the places where the level crosses the edges of a cell; null if it crosses none. */
function crossing(values: Float32Array, at: number, [sx, sy, sz]: Strides, level: number): Vec3 | null {
  const corner = (n: number): number => values[at + (n & 1) * sx + ((n >> 1) & 1) * sy + ((n >> 2) & 1) * sz] as number;
  const inside = corner(0) >= level;
  let same = true;
  for (let n = 1; n < 8 && same; n++) same = corner(n) >= level === inside;
  if (same) return null;
  const sum: Vec3 = [0, 0, 0];
  let crossed = 0;
  for (const [from, to] of EDGES) {
    const [a, b] = [corner(from), corner(to)];
    if (a >= level === b >= level) continue;
    const share = (level - a) / (b - a);
    crossed += 1;
    for (let axis = 0; axis < 3; axis++) {
      const [start, end] = [(CORNERS[from] as Vec3)[axis] as number, (CORNERS[to] as Vec3)[axis] as number];
      sum[axis] = (sum[axis] as number) + start + share * (end - start);
    }
  }
  return sum.map((total) => total / crossed) as Vec3;
}

function quadsOf(values: Float32Array, [width, height, depth]: Shape, strides: Strides, vertex: Int32Array, level: number): number[] {
  const quads: number[] = [];
  for (let z = 1; z + 1 < depth; z++)
    for (let y = 1; y + 1 < height; y++)
      for (let x = 1; x + 1 < width; x++) {
        const at = x + strides[1] * y + strides[2] * z;
        const inside = (values[at] as number) >= level;
        for (let axis = 0; axis < 3; axis++) {
          if ((values[at + (strides[axis] as number)] as number) >= level === inside) continue;
          const [one, other] = [strides[(axis + 1) % 3] as number, strides[(axis + 2) % 3] as number];
          const ring = [at - one - other, at - other, at, at - one].map((cell) => vertex[cell] as number);
          quads.push(...(inside ? ring : ring.reverse()));
        }
      }
  return quads;
}

function place(net: Net, mirrored: boolean, map: (point: Vec3) => Vec3): Surface {
  const points = new Float32Array(net.points.length);
  for (let k = 0; k < points.length; k += 3) points.set(map(net.points.slice(k, k + 3) as Vec3), k);
  const triangles = new Uint32Array((net.quads.length / 4) * 6);
  for (let q = 0, t = 0; q < net.quads.length; q += 4, t += 6) {
    const [a = 0, b = 0, c = 0, d = 0] = net.quads.slice(q, q + 4);
    triangles.set(mirrored ? [a, c, b, a, d, c] : [a, b, c, a, c, d], t);
  }
  return { points, triangles };
}
