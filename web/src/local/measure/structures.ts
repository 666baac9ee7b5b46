/** Measurements of each structure; mirrors `omentum.measure.measures`, with what the page shows and flags need. */
import type { StructureMeasure } from "../../documents.ts";
import type { Vec3, VoxelBox } from "../../geometry.ts";
import type { Volume } from "../../volume.ts";
import type { ModelClass } from "../model.ts";
import type { PackedMasks } from "../packed_masks.ts";

export interface Measured extends StructureMeasure {
  readonly median_hu: number | null;
  /** Null if it has no voxel. */
  readonly box: VoxelBox | null;
}

const INT16 = 65_536;

interface Sums {
  voxels: number;
  readonly index: Vec3;
  readonly start: Vec3;
  readonly stop: Vec3;
}

/** HU of a structure in ascending order, each with how often it occurs. */
type Values = readonly (readonly [hu: number, count: number])[];

/** Every class, in the order of the masks. */
export function measureStructures(ct: Volume, masks: PackedMasks): Measured[] {
  const sums = masks.classes.map((): Sums => ({ voxels: 0, index: [0, 0, 0], start: [...masks.grid.shape], stop: [0, 0, 0] }));
  const [width, height, depth] = masks.grid.shape;
  for (let k = 0, n = 0; k < depth; k++) {
    for (let j = 0; j < height; j++) {
      for (let i = 0; i < width; i++, n++) {
        for (let bits = masks.bits[n] as number; bits !== 0; bits &= bits - 1) add(sums[31 - Math.clz32(bits & -bits)] as Sums, i, j, k);
      }
    }
  }
  const values = ct.voxels instanceof Int16Array ? counted(ct.voxels, masks) : sorted(ct, masks, sums);
  return masks.classes.map((about, k) => measured(about, sums[k] as Sums, values[k] as Values, masks));
}

function add(sums: Sums, i: number, j: number, k: number): void {
  const { index, start, stop } = sums;
  sums.voxels += 1;
  index[0] += i;
  index[1] += j;
  index[2] += k;
  if (i < start[0]) start[0] = i;
  if (j < start[1]) start[1] = j;
  if (k < start[2]) start[2] = k;
  if (i >= stop[0]) stop[0] = i + 1;
  if (j >= stop[1]) stop[1] = j + 1;
  if (k >= stop[2]) stop[2] = k + 1;
}

function counted(voxels: Int16Array, masks: PackedMasks): Values[] {
  const histograms = masks.classes.map(() => new Uint32Array(INT16));
  eachMember(masks, (k, n) => {
    const bin = (voxels[n] as number) + INT16 / 2;
    const histogram = histograms[k] as Uint32Array;
    histogram[bin] = (histogram[bin] as number) + 1;
  });
  return histograms.map((histogram) => [...histogram.entries()].flatMap(([bin, count]) => (count === 0 ? [] : [[bin - INT16 / 2, count] as const])));
}

function sorted({ voxels }: Volume, masks: PackedMasks, sums: readonly Sums[]): Values[] {
  const found = sums.map((one) => new Float32Array(one.voxels));
  const filled = sums.map(() => 0);
  eachMember(masks, (k, n) => {
    (found[k] as Float32Array)[filled[k] as number] = voxels[n] as number;
    filled[k] = (filled[k] as number) + 1;
  });
  return found.map((values) => Array.from(values.sort(), (value) => [value, 1] as const));
}

function eachMember({ bits }: PackedMasks, visit: (k: number, n: number) => void): void {
  for (let n = 0; n < bits.length; n++) for (let left = bits[n] as number; left !== 0; left &= left - 1) visit(31 - Math.clz32(left & -left), n);
}

function measured({ key, display, trust }: ModelClass, { voxels, index, start, stop }: Sums, values: Values, masks: PackedMasks): Measured {
  const named = { key, display, trust, score: null, voxels, volume_ml: voxels * masks.voxelMl };
  if (voxels === 0) return { ...named, found: false, mean_hu: null, sd_hu: null, median_hu: null, centroid_mm: null, touches_border: false, box: null };
  const box = { start, stop };
  const mean = values.reduce((sum, [value, count]) => sum + value * count, 0) / voxels;
  const variance = values.reduce((sum, [value, count]) => sum + (value - mean) ** 2 * count, 0) / voxels;
  return {
    ...named,
    found: true,
    mean_hu: mean,
    sd_hu: Math.sqrt(variance),
    median_hu: (ranked(values, (voxels - 1) >> 1) + ranked(values, voxels >> 1)) / 2,
    centroid_mm: masks.world(index.map((sum) => sum / voxels) as Vec3),
    touches_border: touchesBorder(box, masks.grid.shape),
    box,
  };
}

/** The value with `rank` values below or beside it, of values in ascending order with their counts. */
function ranked(values: Values, rank: number): number {
  let below = 0;
  for (const [value, count] of values) {
    below += count;
    if (below > rank) return value;
  }
  return NaN;
}

export function touchesBorder({ start, stop }: VoxelBox, shape: Vec3): boolean {
  return [0, 1, 2].some((axis) => start[axis] === 0 || stop[axis] === shape[axis]);
}
