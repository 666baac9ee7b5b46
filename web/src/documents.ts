/** The parts of Omentum's JSON documents that the page shows (`src/omentum/schemas`). */
import type { Vec3 } from "./geometry.ts";

export type Trust = "reliable" | "unknown" | "weak" | "not found";

export interface StructureMeasure {
  readonly key: string;
  readonly display: string;
  readonly found: boolean;
  readonly voxels: number;
  readonly volume_ml: number;
  readonly mean_hu: number | null;
  readonly sd_hu: number | null;
  readonly centroid_mm: Vec3 | null;
  readonly touches_border: boolean;
  readonly trust: Trust;
  readonly score: number | null;
}

export interface Diameter {
  readonly mm: number;
  readonly ends_mm: readonly [Vec3, Vec3];
}

export interface Lesion {
  readonly number: number;
  readonly key: string;
  readonly display: string;
  /** Keys of other types whose mask contains most of it. */
  readonly also: readonly string[];
  readonly host: string | null;
  readonly side: string | null;
  readonly volume_ml: number;
  readonly centroid_mm: Vec3;
  readonly mean_hu: number | null;
  readonly mean_probability: number | null;
  readonly touches_border: boolean;
  readonly trust: Trust;
  /** Why it is only a candidate; "" for a lesion. */
  readonly candidate_reason: string;
  readonly longest_axial: Diameter;
  readonly perpendicular: Diameter;
  readonly longest_3d: Diameter;
}

export interface Flag {
  readonly severity: "error" | "warning" | "info";
  /** Structure key; "" for the case as a whole. */
  readonly structure: string;
  readonly code: string;
  readonly text: string;
}

/** `measurements.json` */
export interface Measurements {
  readonly case: string;
  readonly software: string;
  readonly notice: string;
  readonly structures: Readonly<Record<string, StructureMeasure>>;
  readonly lesions: readonly Lesion[];
  readonly candidates: readonly Lesion[];
  readonly quality: { readonly score: number | null; readonly flags: readonly Flag[] };
}

export interface FollowUpLesion {
  readonly status: string;
  readonly key: string;
  readonly display: string;
  readonly host: string | null;
  readonly side: string | null;
  readonly is_target: boolean;
  readonly is_candidate: boolean;
  readonly before: readonly Lesion[];
  readonly after: readonly Lesion[];
  readonly volume_before_ml: number | null;
  readonly volume_after_ml: number | null;
  readonly volume_change_percent: number | null;
  readonly longest_before_mm: number | null;
  readonly longest_after_mm: number | null;
  readonly longest_change_percent: number | null;
  readonly remarks: readonly string[];
  readonly reason: string;
}

/** What `omentum lesions compare --json` prints. */
export interface FollowUp {
  readonly before: string;
  readonly after: string;
  readonly recist: {
    readonly category: string;
    readonly reason: string;
    readonly sum_before_mm: number;
    readonly sum_after_mm: number | null;
    readonly change_percent: number | null;
    readonly new_tumours: number;
  };
  readonly alignment: {
    readonly fits: boolean;
    readonly mismatches: readonly string[];
    /** Map of positions (RAS+ mm) from the later to the earlier scan: linear x + shift. */
    readonly linear: readonly (readonly number[])[];
    readonly shift_mm: Vec3;
  };
  readonly lesions: readonly FollowUpLesion[];
}
