/** From a CT to the input of the network, and the geometry back; mirrors `omentum.preprocess`. */
import { type Grid, type Shape, spacing, type Vec3, type VoxelBox } from "../geometry.ts";
import { PADDING_HU, rint, type Volume } from "../volume.ts";
import type { Preprocess } from "./model.ts";
import { type AxisOrder, orderToRas, reordered, strides } from "./orientation.ts";
import { antialiasSigma, resample } from "./resample.ts";

export interface Prepared {
  /** In 0 to 1 on the cropped model grid, last axis fastest. */
  readonly image: Float32Array;
  readonly shape: Shape;
  /** From the CT's axes to the model's. */
  readonly order: AxisOrder;
  /** For each axis of the reordered CT: voxel positions in voxels of the cropped model grid, ascending. */
  readonly positions: readonly [Float64Array, Float64Array, Float64Array];
}

export function prepare(ct: Volume, spec: Preprocess): Prepared {
  if (spec.orientation !== "RAS") throw new RangeError(`no orientation ${spec.orientation}`);
  const order = orderToRas(ct.grid.affine);
  const oriented = reordered(ct.grid, order);
  const whole = modelShape(oriented, spec);
  const mm = spacing(oriented.affine);
  const ratios = mm.map((value, axis) => (spec.spacing_mm[axis] as number) / value) as Vec3;
  const positions = whole.map((n, axis) => Float64Array.from({ length: n }, (_, m) => m * (ratios[axis] as number)));
  const sigma = ratios.map((ratio) => (spec.antialias ? antialiasSigma(ratio) : 0)) as Vec3;
  const view = { values: ct.voxels, ...strides(ct.grid.shape, order), shape: oriented.shape };
  const hu = resample(view, positions as unknown as Prepared["positions"], sigma, PADDING_HU);
  const box = boxAbove(hu, whole, spec.window_hu[0]);
  const back = oriented.shape.map((n, axis) =>
    Float64Array.from({ length: n }, (_, m) => m * ((mm[axis] as number) / (spec.spacing_mm[axis] as number)) - (box.start[axis] as number)),
  );
  return { ...windowed(hu, whole, box, spec.window_hu), order, positions: back as unknown as Prepared["positions"] };
}

/** Voxels of the model grid along each axis: the last centre is the one nearest to the last of the CT. */
export function modelShape(oriented: Grid, spec: Preprocess): Shape {
  const mm = spacing(oriented.affine);
  return oriented.shape.map((n, axis) => rint((n - 1) / ((spec.spacing_mm[axis] as number) / (mm[axis] as number)) + 1)) as Shape;
}

/** Box around all values above a limit, last axis fastest; everything where there are none. */
export function boxAbove(values: Float32Array, shape: Shape, limit: number): VoxelBox {
  const start: Vec3 = [...shape];
  const stop: Vec3 = [0, 0, 0];
  for (let x = 0, n = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let z = 0; z < shape[2]; z++, n++) {
        if (!((values[n] as number) > limit)) continue;
        if (x < start[0]) start[0] = x;
        if (y < start[1]) start[1] = y;
        if (z < start[2]) start[2] = z;
        if (x >= stop[0]) stop[0] = x + 1;
        if (y >= stop[1]) stop[1] = y + 1;
        if (z >= stop[2]) stop[2] = z + 1;
      }
    }
  }
  return stop[0] ? { start, stop } : { start: [0, 0, 0], stop: [...shape] };
}

function windowed(hu: Float32Array, whole: Shape, { start, stop }: VoxelBox, [low, high]: readonly [number, number]): { image: Float32Array; shape: Shape } {
  const shape = [0, 1, 2].map((axis) => (stop[axis] as number) - (start[axis] as number)) as Shape;
  const image = new Float32Array(shape[0] * shape[1] * shape[2]);
  let n = 0;
  for (let x = start[0]; x < stop[0]; x++) {
    for (let y = start[1]; y < stop[1]; y++) {
      const row = (x * whole[1] + y) * whole[2];
      for (let z = start[2]; z < stop[2]; z++) {
        image[n++] = Math.min(1, Math.max(0, Math.fround(Math.fround((hu[row + z] as number) - low) / (high - low))));
      }
    }
  }
  return { image, shape };
}
