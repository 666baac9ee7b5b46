/** The document beside an exported network: `model.json` of `omentum export onnx`. */
import type { Trust } from "../documents.ts";
import type { Vec3 } from "../geometry.ts";
import type { Colour } from "../segmentation.ts";

export interface Preprocess {
  readonly spacing_mm: Vec3;
  readonly window_hu: readonly [number, number];
  readonly patch: Vec3;
  readonly orientation: string;
  readonly antialias: boolean;
}

/** How one structure is cleaned; see `omentum/postprocess/rules.toml`. */
export interface Rule {
  readonly keep: number | null;
  readonly minimum_ml: number;
  readonly holes_ml: number;
  readonly inside_mm: number | null;
  readonly near_mm: number | null;
  readonly sides: boolean;
  readonly trunk: boolean;
}

export interface ModelClass {
  readonly key: string;
  readonly threshold: number;
  readonly trust: Trust;
  readonly rule: Rule | null;
  readonly display: string;
  readonly index: number;
  readonly kind: "organ" | "vessel" | "tumour" | "cyst";
  readonly colour: Colour;
  readonly hosts: readonly string[];
  readonly side: "left" | "right" | null;
  readonly pair: string | null;
  readonly terminology: string;
}

export interface Model {
  readonly schema: "omentum.onnx-model";
  readonly schema_version: 1;
  readonly name: string;
  readonly software: string;
  readonly graph: { readonly file: string; readonly bytes: number; readonly sha256: string };
  readonly weights: { readonly sha256: string; readonly licence: string; readonly citation: string };
  readonly preprocess: Preprocess;
  readonly windows: { readonly overlap: number; readonly sigma_scale: number; readonly min_importance: number };
  readonly classes: readonly ModelClass[];
}
