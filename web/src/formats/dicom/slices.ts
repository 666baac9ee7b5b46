/** What is known of a CT slice (an image of its own or a frame) before its pixels are read; mirrors `omentum.io.dicom.slices`. */
import type { Vec3 } from "../../geometry.ts";
import { ImageError } from "../../volume.ts";
import type { Source } from "../source.ts";

export const AGAIN = "copy or download the series again";

export interface Encoding {
  /** UID of the transfer syntax. */
  readonly syntax: string;
  readonly columns: number;
  readonly rows: number;
  readonly frames: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  readonly isLittle: boolean;
  /** Position of the pixel data in the file, a deflated one inflated; null without any. */
  readonly at: number | null;
  /** Stated length of the pixel data; null if undefined, as for compressed images. */
  readonly length: number | null;
}

/** HU = stored * slope + intercept. */
export interface Rescale {
  readonly slope: number;
  readonly intercept: number;
  readonly isStated: boolean;
  /** Stored values outside the field of view, first and last of a range; null without. */
  readonly padding: readonly [number, number] | null;
}

/** What is only compared, never shown. */
export interface Identity {
  readonly uid: string;
  readonly series: string;
  readonly patient: string;
  readonly frameOfReference: string;
}

export interface Slice {
  readonly file: Source;
  readonly identity: Identity;
  readonly seriesNumber: number | null;
  /** Words of CT in the description of the series. */
  readonly description: string;
  /** From 1; null for a file with one image. */
  readonly frame: number | null;
  /** Centre of the first pixel in mm, LPS; null if missing or impossible, as for `directions` and `spacing`. */
  readonly position: Vec3 | null;
  /** Along a row and down a column, LPS. */
  readonly directions: readonly number[] | null;
  /** Distance between columns and between rows, in mm. */
  readonly spacing: readonly [number, number] | null;
  readonly thickness: number | null;
  readonly isInverted: boolean;
  readonly isOriginal: boolean;
  readonly encoding: Encoding;
  readonly rescale: Rescale;
  /** Values that may tell images at one position apart; see `phases.ts`. */
  readonly kinds: readonly string[];
}

/** A file that is no CT slice but may belong to a series. */
export interface Other {
  readonly file: Source;
  readonly what: string;
  /** What to say if it should have been a slice. */
  readonly fault: ImageError;
  /** Null if not stated. */
  readonly series: string | null;
  readonly isPlaced: boolean;
}

export function faultOf(file: Source, reason: string, remedy: string | null = null): ImageError {
  return new ImageError(reason, remedy, file.path);
}

/** Begins what is said of a frame of a file. */
export function frameWords({ frame }: Slice): string {
  return frame === null ? "" : `frame ${frame} `;
}
