/**
 * The interface of everything that can segment a CT for the page. `ServiceBackend` asks `omentum serve`; the static page computes in the
 * browser. The page offers only what a backend and its results can do.
 */
import type { FollowUp, Measurements } from "./documents.ts";
import type { Segmentation } from "./segmentation.ts";

/** A structure that the weights know. */
export interface Structure {
  readonly key: string;
  readonly name: string;
  /** "#rrggbb" */
  readonly colour: string;
  /** Heading it is listed under, such as "vessels". */
  readonly group: string;
  readonly lesion: boolean;
}

export interface Weights {
  readonly name: string;
  readonly structures: readonly Structure[];
}

export interface Capabilities {
  readonly version: string;
  readonly weights: readonly Weights[];
  /** Trade-offs of time and quality, such as "fast"; empty if there is nothing to choose. */
  readonly profiles: readonly string[];
  /** One sentence on where the CT goes and how long it is kept. */
  readonly privacy: string;
  /** Most bytes of one scan; null if the backend has no limit. */
  readonly uploadBytes: number | null;
  /** What one file may be, in words; all that `omentum serve` reads if not given. */
  readonly formats?: string;
  /** Whether several DICOM files are read as one series. */
  readonly dicom: boolean;
}

/** A file of a scan. */
export interface ScanFile {
  readonly file: File;
  /** Path in what was dropped or picked. */
  readonly path: string;
}

export interface SegmentOptions {
  readonly weights?: string;
  /** Structure keys; all if not given. */
  readonly classes?: readonly string[];
  readonly profile?: string;
  readonly series?: string;
  /** What the user knows the scan by; it stays on the page. */
  readonly title?: string;
  /** Asked which of several DICOM series is meant; null cancels. */
  readonly chooseSeries?: (series: readonly SeriesChoice[]) => Promise<string | null>;
}

export interface SeriesChoice {
  readonly id: string;
  readonly text: string;
}

export interface Progress {
  /** One of: "upload", "queued", or a stage of the computation such as "inference". */
  readonly stage: string;
  /** Shares of `total`; null where there is nothing to count. */
  readonly done: number | null;
  readonly total: number | null;
  /** Place in the queue, from 1. */
  readonly position?: number;
}

export interface Download {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  open(): Promise<Blob>;
}

export interface Deleted {
  readonly names: readonly string[];
  readonly bytes: number;
}

export interface Correction {
  readonly version: number;
  readonly structure: string;
  readonly voxelsChanged: number;
}

export interface CorrectedMask extends Correction {
  /** On the grid of the segmentation; 1 inside. */
  readonly mask: Uint8Array;
}

/** A segmented scan. */
export interface Result {
  readonly id: string;
  /** What the page calls it; never a patient's name. */
  readonly title: string;
  /** The CT in HU: a NIfTI file, perhaps gzipped. */
  ct(): Promise<Uint8Array<ArrayBuffer>>;
  segmentation(): Promise<Segmentation>;
  measurements(): Promise<Measurements | null>;
  downloads(): Promise<readonly Download[]>;
  /** Keep a corrected mask (on the grid of the segmentation) as a new version beside the prediction; null where that is not offered. */
  readonly correct: ((structure: string, mask: Uint8Array, segmentation: Segmentation) => Promise<Correction>) | null;
  /** The newest corrected mask of each structure; null where corrections are not kept. */
  readonly corrected: ((segmentation: Segmentation) => Promise<readonly CorrectedMask[]>) | null;
  /** Remove the scan and all that came of it. */
  remove(): Promise<Deleted>;
}

export interface Backend {
  capabilities(): Promise<Capabilities>;
  /** Segment one scan: one file, or the files of one DICOM series. Aborting `signal` cancels the work. */
  segment(files: readonly ScanFile[], options: SegmentOptions, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Result>;
  /** Results that are still kept; null if none are. */
  readonly results: (() => Promise<readonly Result[]>) | null;
  /** Compare the lesions of two results; null where that is not offered. */
  readonly compare: ((before: Result, after: Result) => Promise<FollowUp>) | null;
}

/** A failure with what to do about it; anything else that is thrown is a defect. */
export class BackendError extends Error {
  constructor(
    reason: string,
    readonly remedy: string | null = null,
    readonly code: string = "failed",
    readonly file: string | null = null,
  ) {
    super(reason);
    this.name = "BackendError";
  }
}
