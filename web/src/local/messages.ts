/** Messages between the page and its worker. */
import type { Layer } from "../segmentation.ts";
import type { Device } from "./session.ts";

export interface Order {
  readonly file: Uint8Array<ArrayBuffer>;
  /** Address of the folder with model.json, model.onnx and the runtime. */
  readonly base: string;
  readonly device: Device;
}

export interface Finished {
  readonly grid: { readonly shape: [number, number, number]; readonly affine: [number[], number[], number[], number[]] };
  readonly layers: Layer[];
  readonly layerOf: number[];
  readonly segNrrd: Uint8Array<ArrayBuffer>;
  readonly device: Device;
  readonly threads: number;
  readonly seconds: number;
}

export type Message =
  | { readonly kind: "progress"; readonly stage: string; readonly done: number | null; readonly total: number | null }
  | { readonly kind: "finished"; readonly result: Finished }
  | { readonly kind: "refused"; readonly reason: string; readonly remedy: string | null }
  | { readonly kind: "failed"; readonly reason: string };
