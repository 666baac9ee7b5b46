/** Oblique CTs: resampled to an upright grid, with masks mapped back by nearest neighbour; mirrors `omentum.preprocess.upright`. */
import { type Affine, type Grid, inverse, type Shape, toWorld, type Vec3, voxelCount } from "../geometry.ts";
import { PADDING_HU, rint, type Volume } from "../volume.ts";
import type { Preprocess } from "./model.ts";
import { askewDegrees } from "./orientation.ts";
import { antialiasSigma } from "./resample.ts";

/** Patients lie askew by less, and networks are used to that. */
const OBLIQUE_DEGREES = 12;
/** An upright grid is no finer than this share of the model's spacing. */
const FINEST = 0.5;
/** Standard deviations at which a Gaussian is truncated. */
const TRUNCATE = 4;

export function isOblique(grid: Grid): boolean {
  return askewDegrees(grid.affine) > OBLIQUE_DEGREES;
}

/** The CT itself, or for an oblique grid its HU on an upright one. */
export function upright(ct: Volume, spec: Preprocess): Volume {
  return isOblique(ct.grid) ? onGrid(ct, uprightGrid(ct.grid, spec), spec.antialias) : ct;
}

/** An upright grid (RAS+) that encloses all voxels of another one with their edges. */
export function uprightGrid(grid: Grid, spec: Preprocess): Grid {
  const back = inverse(grid.affine);
  const mm = [0, 1, 2].map((axis) => {
    const met = 1 / Math.hypot(...[0, 1, 2].map((row) => ((back[row] as number[])[axis] as number)));
    return Math.max(met, FINEST * Math.min(...spec.spacing_mm));
  });
  const corners = [...Array(8).keys()].map((n) => {
    const corner = [n >> 2, (n >> 1) & 1, n & 1].map((side, axis) => side * (grid.shape[axis] as number) - 0.5) as Vec3;
    return toWorld(grid.affine, corner);
  });
  const low = [0, 1, 2].map((axis) => Math.min(...corners.map((corner) => (corner[axis] as number))));
  const high = [0, 1, 2].map((axis) => Math.max(...corners.map((corner) => (corner[axis] as number))));
  const shape = [0, 1, 2].map((axis) => Math.ceil(((high[axis] as number) - (low[axis] as number)) / (mm[axis] as number) - 1e-6) + 1) as Shape;
  const rows = [0, 1, 2].map((row) => [0, 1, 2, 3].map((c) => (c === 3 ? low[row] as number : c === row ? mm[row] as number : 0)));
  return { shape, affine: [...rows, [0, 0, 0, 1]] as Affine };
}

/** Linear interpolation to any grid, blurred along axes that become coarser; voxels outside the CT are air. */
function onGrid(ct: Volume, target: Grid, antialias: boolean): Volume {
  const there = between(target, ct.grid);
  // The outermost voxels extend beyond their centres, so the whole scanned region is kept.
  const shape = ct.grid.shape.map((n) => n + 2) as Shape;
  let hu = padded(ct, shape);
  for (let axis = 0; axis < 3 && antialias; axis++) {
    const sigma = antialiasSigma(Math.hypot(...(there[axis] as number[]).slice(0, 3)));
    if (sigma > 0) hu = blurred(hu, shape, axis, sigma);
  }
  const out = new Float32Array(voxelCount(target.shape));
  let n = 0;
  for (let k = 0; k < target.shape[2]; k++) {
    for (let j = 0; j < target.shape[1]; j++) {
      for (let i = 0; i < target.shape[0]; i++) {
        const [x, y, z] = toWorld(there, [i, j, k]);
        out[n++] = interpolated(hu, shape, [x + 1, y + 1, z + 1]);
      }
    }
  }
  return { grid: target, voxels: out };
}

/** Nearest-neighbour resampling of packed bits to any grid; 0 outside. */
export function nearest(bits: Uint32Array, source: Grid, target: Grid): Uint32Array {
  const there = between(target, source);
  const out = new Uint32Array(voxelCount(target.shape));
  let n = 0;
  for (let k = 0; k < target.shape[2]; k++) {
    for (let j = 0; j < target.shape[1]; j++) {
      for (let i = 0; i < target.shape[0]; i++, n++) {
        const [x, y, z] = toWorld(there, [i, j, k]).map((value) => rint(Math.fround(value))) as Vec3;
        const [X, Y, Z] = source.shape;
        if (x >= 0 && y >= 0 && z >= 0 && x < X && y < Y && z < Z) out[n] = bits[x + X * (y + Y * z)] as number;
      }
    }
  }
  return out;
}

/** From voxels of one grid to voxels of another. */
function between(from: Grid, to: Grid): Affine {
  const back = inverse(to.affine);
  const product = back.map((row) =>
    [0, 1, 2, 3].map((column) => [0, 1, 2, 3].reduce((sum, n) => sum + (row[n] as number) * ((from.affine[n] as number[])[column] as number), 0)),
  );
  return product as Affine;
}

/** The HU with one more voxel on every side, its neighbour's value; nothing below air. */
function padded({ grid, voxels }: Volume, shape: Shape): Float32Array {
  const [I, J, K] = grid.shape;
  const clamp = (n: number, length: number) => Math.min(Math.max(n - 1, 0), length - 1);
  const out = new Float32Array(voxelCount(shape));
  let n = 0;
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      const row = I * (clamp(j, J) + J * clamp(k, K));
      for (let i = 0; i < shape[0]; i++) out[n++] = Math.max((voxels[row + clamp(i, I)] as number), PADDING_HU);
    }
  }
  return out;
}

/** Gaussian blur along one axis, mirrored at the ends, as SciPy does it. */
function blurred(values: Float32Array, shape: Shape, axis: number, sigma: number): Float32Array {
  const radius = Math.trunc(TRUNCATE * sigma + 0.5);
  const raw = Array.from({ length: 2 * radius + 1 }, (_, n) => Math.exp(-0.5 * ((n - radius) / sigma) ** 2));
  const total = raw.reduce((a, b) => a + b, 0);
  const weights = raw.map((weight) => weight / total);
  const length = shape[axis] as number;
  const stride = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const out = new Float32Array(values.length);
  for (let start = 0; start < values.length; start++) {
    if (Math.floor(start / stride) % length !== 0) continue;
    for (let n = 0; n < length; n++) {
      let sum = 0;
      for (let m = -radius; m <= radius; m++) sum += (weights[m + radius] as number) * (values[start + mirrored(n + m, length) * stride] as number);
      out[start + n * stride] = sum;
    }
  }
  return out;
}

function mirrored(n: number, length: number): number {
  const period = 2 * length;
  const folded = ((n % period) + period) % period;
  return folded < length ? folded : period - 1 - folded;
}

function interpolated(values: Float32Array, shape: Shape, [x, y, z]: Vec3): number {
  if (x < 0 || y < 0 || z < 0 || x > shape[0] - 1 || y > shape[1] - 1 || z > shape[2] - 1) return PADDING_HU;
  const [i, j, k] = [Math.min(Math.floor(x), shape[0] - 2), Math.min(Math.floor(y), shape[1] - 2), Math.min(Math.floor(z), shape[2] - 2)];
  const [u, v, w] = [x - i, y - j, z - k];
  const [I, IJ] = [shape[0], shape[0] * shape[1]];
  const n = i + I * j + IJ * k;
  const along = (o: number) => (values[o] as number) * (1 - u) + (values[o + 1] as number) * u;
  const low = along(n) * (1 - v) + along(n + I) * v;
  const high = along(n + IJ) * (1 - v) + along(n + IJ + I) * v;
  return low * (1 - w) + high * w;
}

