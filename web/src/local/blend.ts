/** Averages of overlapping windows in bounded memory: a ring of planes, one higher than a window; mirrors `omentum.infer.blend`. */
import type { Vec3 } from "../geometry.ts";
import type { Model } from "./model.ts";
import { importance, type WindowPlan } from "./sliding_windows.ts";

/** Plane z of the padded volume is at z modulo the ring's height. */
export class Blend {
  /** Weighted sums of logits, [K][X][Y][height]. */
  readonly sums: Float32Array;
  /** Their weights, [X][Y][height]. */
  readonly weights: Float32Array;
  readonly height: number;
  readonly #importance: Float32Array;

  constructor(
    readonly plan: WindowPlan,
    readonly classes: number,
    windows: Model["windows"],
  ) {
    // One plane more than a window: the uppermost finished plane is needed to interpolate up to the next one.
    this.height = plan.patch[2] + 1;
    const area = plan.padded[0] * plan.padded[1] * this.height;
    this.sums = new Float32Array(classes * area);
    this.weights = new Float32Array(area);
    this.#importance = importance(plan.patch, windows.sigma_scale, windows.min_importance);
  }

  /** Add the logits [K][px][py][pz] of a window, lowered by an offset per class. */
  add(start: Vec3, logits: Float32Array, offsets: readonly number[]): void {
    const area = this.weights.length;
    const voxels = this.#importance.length;
    for (let k = 0; k < this.classes; k++) this.#addTo(this.sums, k * area, start, logits, k * voxels, (offsets[k] as number));
    this.#addTo(this.weights, 0, start, null, 0, 0);
  }

  /** Forget the planes from `start` to `stop`. */
  clear(start: number, stop: number): void {
    for (const array of [this.sums, this.weights]) {
      for (let row = 0; row < array.length; row += this.height) {
        for (let z = start; z < stop; z++) array[row + (z % this.height)] = 0;
      }
    }
  }

  #addTo(ring: Float32Array, first: number, start: Vec3, values: Float32Array | null, from: number, offset: number): void {
    const { patch, padded } = this.plan;
    const weights = this.#importance;
    let n = 0;
    for (let x = start[0]; x < start[0] + patch[0]; x++) {
      for (let y = start[1]; y < start[1] + patch[1]; y++) {
        const row = first + (x * padded[1] + y) * this.height;
        for (let z = 0, o = start[2] % this.height; z < patch[2]; z++, o++, n++) {
          if (o === this.height) o = 0;
          const value = values === null ? 1 : (values[from + n] as number) - offset;
          ring[row + o] = (ring[row + o] as number) + value * (weights[n] as number);
        }
      }
    }
  }
}
