/** Where the windows lie and how much their voxels count; mirrors `omentum.infer.windows`. */
import type { Shape, Vec3 } from "../geometry.ts";

export interface WindowPlan {
  readonly shape: Shape;
  readonly patch: Vec3;
  /** Voxels of padding before the volume, where it is smaller than a window. */
  readonly before: Vec3;
  readonly padded: Shape;
  /** First voxels along each axis of the padded volume, ascending; every combination is a window. */
  readonly starts: readonly [readonly number[], readonly number[], readonly number[]];
}

export function planWindows(shape: Shape, patch: Vec3, overlap: number): WindowPlan {
  const missing = shape.map((n, axis) => Math.max((patch[axis] as number) - n, 0));
  const padded = shape.map((n, axis) => n + (missing[axis] as number)) as Shape;
  const starts = padded.map((n, axis) => startsAlong(n, (patch[axis] as number), overlap));
  return { shape, patch, before: missing.map((m) => Math.floor(m / 2)) as Vec3, padded, starts: starts as unknown as WindowPlan["starts"] };
}

export function windowCount({ starts }: WindowPlan): number {
  return starts[0].length * starts[1].length * starts[2].length;
}

/** Weights of a window's voxels: a Gaussian about the centre, never below a floor; last axis fastest. */
export function importance(patch: Vec3, sigmaScale: number, floor: number): Float32Array {
  const [px, py, pz] = patch.map((n) => profile(n, sigmaScale)) as [Float32Array, Float32Array, Float32Array];
  const weights = new Float32Array(px.length * py.length * pz.length);
  let n = 0;
  for (const x of px) for (const y of py) for (const z of pz) weights[n++] = Math.fround(x * y) * z;
  const least = weights.reduce((a, b) => Math.min(a, b), Infinity);
  return weights.map((weight) => Math.max(weight, least, floor));
}

/** A window of the volume, zero where it is padding; last axis fastest. */
export function cutWindow(image: Float32Array, plan: WindowPlan, start: Vec3): Float32Array {
  const { shape, patch, before } = plan;
  const out = new Float32Array(patch[0] * patch[1] * patch[2]);
  const z0 = start[2] - before[2];
  const [low, high] = [Math.max(0, z0), Math.min(shape[2], z0 + patch[2])];
  for (let x = 0; x < patch[0]; x++) {
    const i = start[0] + x - before[0];
    if (i < 0 || i >= shape[0]) continue;
    for (let y = 0; y < patch[1]; y++) {
      const j = start[1] + y - before[1];
      if (j < 0 || j >= shape[1]) continue;
      const row = (i * shape[1] + j) * shape[2];
      out.set(image.subarray(row + low, row + high), (x * patch[1] + y) * patch[2] + low - z0);
    }
  }
  return out;
}

function startsAlong(length: number, window: number, overlap: number): number[] {
  const step = Math.max(Math.trunc(window * (1 - overlap)), 1);
  const last = length - window;
  const starts = Array.from({ length: Math.max(0, Math.ceil(last / step)) }, (_, n) => n * step);
  return [...starts, last];
}

function profile(length: number, sigmaScale: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => Math.exp((n - (length - 1) / 2) ** 2 / (-2 * (sigmaScale * length) ** 2)));
}
