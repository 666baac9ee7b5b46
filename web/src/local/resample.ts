/** Linear resampling between axis-aligned grids, one axis at a time; mirrors `omentum.preprocess.resample`. */
import type { Shape, Vec3 } from "../geometry.ts";

/** Standard deviations at which a Gaussian is truncated. */
const REACH = 4;

/** For each output voxel, the first input voxel that contributes and the weights from there. */
interface Band {
  readonly first: Int32Array;
  readonly weights: readonly Float32Array[];
}

/** Values of a 3D array of any axis order: first voxel, and steps along x, y, z. */
export interface View {
  readonly values: ArrayLike<number>;
  readonly start: number;
  readonly steps: Vec3;
  readonly shape: Shape;
}

/** Gaussian sigma, in source voxels, that matches a voxel `ratio` times larger; 0 if the target is not coarser. */
export function antialiasSigma(ratio: number): number {
  return Math.sqrt(Math.max(ratio ** 2 - 1, 0) / (8 * Math.log(2)));
}

/**
 * Resample an image.
 *
 * @param view the image
 * @param positions for each output axis, ascending positions in input voxels
 * @param sigma of the blur before sampling, in input voxels
 * @param lowest values below are raised to this before interpolation
 * @returns float32, last axis fastest
 */
export function resample(view: View, positions: readonly [Float64Array, Float64Array, Float64Array], sigma: Vec3, lowest: number): Float32Array {
  const [bx, by, bz] = positions.map((p, axis) => band(p, (view.shape[axis] as number), (sigma[axis] as number))) as [Band, Band, Band];
  const [nx, ny, nz] = positions.map((p) => p.length) as Vec3;
  const planes: (Float32Array | undefined)[] = [];
  const out = new Float32Array(nx * ny * nz);
  for (let z = 0; z < nz; z++) {
    const first = bz.first[z] as number;
    const weights = bz.weights[z] as Float32Array;
    for (let n = 0; n < weights.length; n++) {
      const plane = (planes[first + n] ??= inPlane(view, first + n, bx, by, lowest));
      const weight = weights[n] as number;
      if (n === 0) for (let p = 0, o = z; p < plane.length; p++, o += nz) out[o] = (plane[p] as number) * weight;
      else for (let p = 0, o = z; p < plane.length; p++, o += nz) out[o] = (out[o] as number) + (plane[p] as number) * weight;
    }
    for (let n = z > 0 ? bz.first[z - 1] as number : 0; n < first; n++) planes[n] = undefined; // never needed again
  }
  return out;
}

/** One input plane at the output's x and y; y fastest. */
function inPlane(view: View, k: number, bx: Band, by: Band, lowest: number): Float32Array {
  const { values, start, steps, shape } = view;
  const [nx, ny] = [bx.weights.length, by.weights.length];
  const rows = new Float32Array(nx * shape[1]);
  for (let j = 0; j < shape[1]; j++) {
    const base = start + k * steps[2] + j * steps[1];
    for (let x = 0; x < nx; x++) {
      const weights = bx.weights[x] as Float32Array;
      let sum = 0;
      for (let n = 0, o = base + (bx.first[x] as number) * steps[0]; n < weights.length; n++, o += steps[0]) {
        const value = values[o] as number;
        sum += (value < lowest ? lowest : value) * (weights[n] as number);
      }
      rows[x * shape[1] + j] = sum;
    }
  }
  const plane = new Float32Array(nx * ny);
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const weights = by.weights[y] as Float32Array;
      let sum = 0;
      for (let n = 0, o = x * shape[1] + (by.first[y] as number); n < weights.length; n++) sum += (rows[o + n] as number) * (weights[n] as number);
      plane[x * ny + y] = sum;
    }
  }
  return plane;
}

/** Linear interpolation at positions of an axis of `n` voxels, of the Gaussian-filtered axis if sigma is not 0. */
export function band(positions: Float64Array, n: number, sigma: number): Band {
  const first = new Int32Array(positions.length);
  const weights: Float32Array[] = [];
  const reach = sigma > 0 ? Math.ceil(REACH * sigma) : 0;
  for (let m = 0; m < positions.length; m++) {
    const clamped = Math.min(Math.max((positions[m] as number), 0), n - 1);
    const low = Math.floor(clamped);
    const high = Math.min(low + 1, n - 1);
    const share = clamped - low;
    const start = Math.max(0, low - reach);
    const row = new Float64Array(Math.min(n - 1, high + reach) - start + 1);
    for (const [centre, part] of [[low, 1 - share], [high, share]] as const) {
      if (part === 0) continue;
      const gaussian = row.map((_, k) => gaussianAt(start + k - centre, sigma, reach));
      const total = gaussian.reduce((a, b) => a + b, 0);
      gaussian.forEach((value, k) => (row[k] = (row[k] as number) + (part * value) / total));
    }
    first[m] = start;
    weights.push(Float32Array.from(row));
  }
  return { first, weights };
}

function gaussianAt(distance: number, sigma: number, reach: number): number {
  if (sigma === 0) return distance === 0 ? 1 : 0;
  return Math.abs(distance) <= reach ? Math.exp(-0.5 * (distance / sigma) ** 2) : 0;
}
