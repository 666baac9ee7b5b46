/**
 * From finished planes of logits on the model grid to masks on the CT's grid; mirrors `omentum.infer.stream`.
 *
 * Logits are interpolated, not masks. An interpolated logit cannot be positive where all its neighbours are not, so only
 * the box around the positive logits of a class is interpolated.
 */
import type { Shape, Vec3 } from "../geometry.ts";
import type { Blend } from "./blend.ts";
import { strides } from "./orientation.ts";
import type { Prepared } from "./prepare.ts";

/** How far outside the outermost voxel centre a position still belongs to that voxel. */
const HALF_VOXEL = 0.5 + 1e-6;
/** Below any weight of a window: it changes nothing but 0 / 0. */
const NO_WEIGHT = 5e-4;

/** Range of voxels, `stop` excluded. */
interface Span {
  readonly start: number;
  readonly stop: number;
}

/** Two neighbours on the model grid, and the share of the second. */
interface Neighbours {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

/** Where the CT's voxels lie along one axis of the model grid. */
export class Axis {
  readonly inside: Span;
  readonly #clamped: Float64Array;

  constructor(centres: Float64Array, length: number) {
    const start = lowerBound(centres, -HALF_VOXEL, 0, centres.length);
    this.inside = { start, stop: lowerBound(centres, length - 1 + HALF_VOXEL, 0, centres.length) };
    this.#clamped = centres.map((centre) => Math.min(Math.max(centre, 0), length - 1));
  }

  /** Voxels inside the model grid with low <= position <= high. */
  between(low: number, high: number): Span {
    const { start, stop } = this.inside;
    const first = lowerBound(this.#clamped, low, start, stop);
    return { start: first, stop: Math.max(first, upperBound(this.#clamped, high, start, stop)) };
  }

  neighbours({ start, stop }: Span, box: Span): Neighbours[] {
    return Array.from({ length: stop - start }, (_, n) => {
      const position = Math.min(Math.max((this.#clamped[start + n] as number), box.start), box.stop - 1);
      const low = Math.floor(position);
      return { low, high: Math.min(low + 1, box.stop - 1), share: position - low };
    });
  }
}

/** Sets bit k of every voxel of the CT in which the logit of class k is positive. */
export class MaskWriter {
  readonly #axes: readonly [Axis, Axis, Axis];
  readonly #place: { start: number; steps: Vec3 };
  #first: number;
  #began = false;

  constructor(
    readonly prepared: Prepared,
    shape: Shape,
    /** First axis fastest, on the CT's grid. */
    readonly bits: Uint32Array,
  ) {
    this.#axes = prepared.positions.map((p, axis) => new Axis(p, (prepared.shape[axis] as number))) as [Axis, Axis, Axis];
    this.#place = strides(shape, prepared.order);
    this.#first = this.#axes[2].inside.start;
  }

  /** Use the finished planes `start` to `stop` of the volume (without padding), and the plane below them. */
  write(blend: Blend, start: number, stop: number): void {
    const z = this.#axes[2];
    if (!this.#began) this.#first = Math.max(this.#first, z.between(start, start).start);
    const planes = { start: this.#began ? start - 1 : start, stop };
    const voxels = { start: this.#first, stop: z.between(0, stop - 1).stop };
    this.#began = true;
    if (voxels.start < voxels.stop) for (let k = 0; k < blend.classes; k++) this.#class(blend, k, planes, voxels);
    this.#first = Math.max(this.#first, voxels.stop);
  }

  #class(blend: Blend, k: number, planes: Span, voxels: Span): void {
    const box = positiveBox(blend, k, planes);
    if (box === null) return;
    const [ax, ay, az] = this.#axes;
    const i = ax.between(box[0].start, box[0].stop - 1);
    const j = ay.between(box[1].start, box[1].stop - 1);
    const reached = az.between(box[2].start, box[2].stop - 1);
    const z = { start: Math.max(reached.start, voxels.start), stop: reached.stop };
    if (i.start >= i.stop || j.start >= j.stop || z.start >= z.stop) return;
    const logits = averages(blend, k, box);
    const alongZ = sample(logits, [size(box[0]) * size(box[1]), size(box[2]), 1], az.neighbours(z, box[2]), box[2].start);
    const alongY = sample(alongZ, [size(box[0]), size(box[1]), size(z)], ay.neighbours(j, box[1]), box[1].start);
    const values = sample(alongY, [1, size(box[0]), size(j) * size(z)], ax.neighbours(i, box[0]), box[0].start);
    this.#set(k, values, i, j, z);
  }

  #set(k: number, values: Float32Array, i: Span, j: Span, z: Span): void {
    const { start, steps } = this.#place;
    const bit = 2 ** k;
    let n = 0;
    for (let x = i.start; x < i.stop; x++) {
      for (let y = j.start; y < j.stop; y++) {
        let o = start + x * steps[0] + y * steps[1] + z.start * steps[2];
        for (let p = z.start; p < z.stop; p++, n++, o += steps[2]) {
          if ((values[n] as number) > 0) this.bits[o] = (this.bits[o] as number) | bit;
        }
      }
    }
  }
}

function size({ start, stop }: Span): number {
  return stop - start;
}

/** Box of the volume around the positive logits of a class and their neighbours; null if there are none. */
function positiveBox(blend: Blend, k: number, planes: Span): [Span, Span, Span] | null {
  const { shape, before, padded } = blend.plan;
  const low: Vec3 = [...shape];
  const high: Vec3 = [-1, -1, -1];
  for (let x = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) {
      const row = ((k * padded[0] + x + before[0]) * padded[1] + y + before[1]) * blend.height;
      for (let z = planes.start, o = (z + before[2]) % blend.height; z < planes.stop; z++, o++) {
        if (o === blend.height) o = 0;
        if (!((blend.sums[row + o] as number) > 0)) continue;
        if (x < low[0]) low[0] = x;
        if (y < low[1]) low[1] = y;
        if (z < low[2]) low[2] = z;
        if (x > high[0]) high[0] = x;
        if (y > high[1]) high[1] = y;
        if (z > high[2]) high[2] = z;
      }
    }
  }
  if (high[0] < 0) return null;
  const ends = [{ start: 0, stop: shape[0] }, { start: 0, stop: shape[1] }, planes];
  return ends.map(({ start, stop }, axis) => ({
    start: Math.max((low[axis] as number) - 1, start),
    stop: Math.min((high[axis] as number) + 2, stop),
  })) as [Span, Span, Span];
}

/** Logits of a box, last axis fastest. */
function averages(blend: Blend, k: number, [bx, by, bz]: [Span, Span, Span]): Float32Array {
  const { before, padded } = blend.plan;
  const out = new Float32Array(size(bx) * size(by) * size(bz));
  let n = 0;
  for (let x = bx.start; x < bx.stop; x++) {
    for (let y = by.start; y < by.stop; y++) {
      const column = ((x + before[0]) * padded[1] + y + before[1]) * blend.height;
      const sums = k * padded[0] * padded[1] * blend.height + column;
      for (let z = bz.start; z < bz.stop; z++) {
        const o = (z + before[2]) % blend.height;
        out[n++] = (blend.sums[sums + o] as number) / Math.max((blend.weights[column + o] as number), NO_WEIGHT);
      }
    }
  }
  return out;
}

/** Interpolate along the middle axis of [outer, length, inner]. */
function sample(values: Float32Array, [outer, length, inner]: Vec3, places: readonly Neighbours[], origin: number): Float32Array {
  const out = new Float32Array(outer * places.length * inner);
  let n = 0;
  for (let a = 0; a < outer; a++) {
    for (const { low, high, share } of places) {
      const one = (a * length + low - origin) * inner;
      const other = (a * length + high - origin) * inner;
      for (let c = 0; c < inner; c++) {
        const value = values[one + c] as number;
        out[n++] = value + share * ((values[other + c] as number) - value);
      }
    }
  }
  return out;
}

function lowerBound(sorted: Float64Array, value: number, start: number, stop: number): number {
  let [low, high] = [start, stop];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(sorted: Float64Array, value: number, start: number, stop: number): number {
  let [low, high] = [start, stop];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
