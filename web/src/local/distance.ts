/** Exact Euclidean distances (Felzenszwalb and Huttenlocher, Theory of Computing 2012), one axis at a time. */
import type { Vec3 } from "../geometry.ts";

/**
 * Squared distance in mm^2 of every voxel of a box to the nearest marked voxel; infinite if there is none.
 *
 * @param marked 1 or 0 for each voxel, first axis fastest
 */
export function squaredDistances(marked: Uint8Array, shape: Vec3, mm: Vec3): Float64Array {
  const squared = Float64Array.from(marked, (value) => (value ? 0 : Infinity));
  const strides: Vec3 = [1, shape[0], shape[0] * shape[1]];
  for (let axis = 0; axis < 3; axis++) {
    const [length, stride] = [(shape[axis] as number), (strides[axis] as number)];
    const line = new Float64Array(length);
    const envelope = { places: new Int32Array(length), borders: new Float64Array(length + 1) };
    for (let start = 0; start < squared.length; start++) {
      if (Math.floor(start / stride) % length !== 0) continue;
      for (let n = 0; n < length; n++) line[n] = squared[start + n * stride] as number;
      lower(line, (mm[axis] as number), envelope, (n, value) => (squared[start + n * stride] = value));
    }
  }
  return squared;
}

interface Envelope {
  readonly places: Int32Array;
  readonly borders: Float64Array;
}

/** Lower envelope of parabolas over one line. */
function lower(line: Float64Array, mm: number, { places, borders }: Envelope, set: (n: number, value: number) => void): void {
  let last = -1;
  for (let q = 0; q < line.length; q++) {
    if ((line[q] as number) === Infinity) continue;
    let border = -Infinity;
    while (last >= 0) {
      const p = places[last] as number;
      border = (((line[q] as number) - (line[p] as number)) / (mm * mm) + q * q - p * p) / (2 * (q - p));
      if (border > (borders[last] as number)) break;
      last--;
    }
    if (last < 0) border = -Infinity;
    last++;
    places[last] = q;
    borders[last] = border;
  }
  if (last < 0) return;
  for (let n = 0, m = 0; n < line.length; n++) {
    while (m < last && (borders[m + 1] as number) < n) m++;
    const p = places[m] as number;
    set(n, (line[p] as number) + ((n - p) * mm) ** 2);
  }
}
