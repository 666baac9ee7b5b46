/** A CT in memory. Voxels have the first axis fastest, as in the file. */
import type { Grid } from "./geometry.ts";

export type Voxels = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

export interface Volume {
  readonly grid: Grid;
  readonly voxels: Voxels;
}

/** Least HU of 12-bit CT: voxels outside the field of view. */
export const PADDING_HU = -1024;
/** Voxels above it belong to the body or the couch. */
export const BODY_HU = -300;

/** Half rounds to even, as in Python and NumPy. */
export function rint(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/** An image that cannot be segmented, with the reason and a remedy. */
export class ImageError extends Error {
  constructor(
    reason: string,
    readonly remedy: string | null = null,
    /** Which of several files it is about. */
    readonly file: string | null = null,
  ) {
    super(reason);
    this.name = "ImageError";
  }
}
