/** Messages between the page and its worker. */
import type { ScanFile } from "../backend.ts";
import type { Measurements } from "../documents.ts";
import type { Layer } from "../segmentation.ts";
import type { Device } from "./session.ts";

export interface Order {
  readonly files: readonly ScanFile[];
  /** Address of the folder with model.json, model.onnx and the runtime. */
  readonly base: string;
  readonly device: Device;
}

export interface Finished {
  /** The CT as a NIfTI file. */
  readonly ct: Uint8Array<ArrayBuffer>;
  readonly grid: { readonly shape: [number, number, number]; readonly affine: [number[], number[], number[], number[]] };
  readonly layers: Layer[];
  readonly layerOf: number[];
  readonly segNrrd: Uint8Array<ArrayBuffer>;
  readonly measurements: Measurements;
  readonly device: Device;
  readonly threads: number;
  readonly seconds: number;
}

/** To the page. A question is answered by an `Answer`. */
export type Message =
  | { readonly kind: "progress"; readonly stage: string; readonly done: number | null; readonly total: number | null }
  | { readonly kind: "which series"; readonly series: readonly string[] }
  | { readonly kind: "finished"; readonly result: Finished }
  | { readonly kind: "refused"; readonly reason: string; readonly remedy: string | null; readonly file: string | null }
  | { readonly kind: "failed"; readonly reason: string };

/** To the worker. */
export type Command = { readonly kind: "segment"; readonly order: Order } | { readonly kind: "series"; readonly number: number };
