/** The backend that asks `omentum serve`. */
import { type Backend, BackendError, type Capabilities, type CorrectedMask, type Download, type Progress, type Result, type ScanFile, type SegmentOptions } from "../backend.ts";
import type { FollowUp, Measurements } from "../documents.ts";
import { gzip } from "../formats/gzip.ts";
import { endOf } from "../formats/names.ts";
import { encodeNifti, readMask } from "../formats/nifti_write.ts";
import { readSegNrrd } from "../formats/seg_nrrd.ts";
import type { Segmentation } from "../segmentation.ts";
import { Api, faultOf, isFinal, type Job, PROTOCOL } from "./api.ts";

/** Files that are sent side by side. */
const SENDERS = 4;
const TRIES = 3;
const POLL_MS = 1500;
const DISCARD_TRIES = 20;
const MASKS = "segmentation.seg.nrrd";
const MEASUREMENTS = "measurements.json";
/** Where titles of scans are kept until the browser closes the page: file names are not sent to the service. */
const TITLES = "omentum-title-";

export class ServiceBackend implements Backend {
  readonly results = async (): Promise<readonly Result[]> => {
    const jobs = await this.api.jobs();
    return jobs.filter(({ state }) => state === "done").map((job) => new ServiceResult(this.api, job));
  };

  constructor(private readonly api: Api) {}

  async capabilities(): Promise<Capabilities> {
    const offered = await this.api.capabilities();
    if (offered.protocol !== PROTOCOL) throw new BackendError(`the service speaks protocol ${offered.protocol}, this page ${PROTOCOL}`, "Reload the page.", "protocol");
    const hours = offered.limits.retention_hours;
    const kept = hours >= 48 ? `${Math.round(hours / 24)} days` : `${hours} h`;
    return {
      version: offered.version,
      weights: offered.weights,
      profiles: offered.profiles,
      privacy: `Scans go to ${location.hostname === "localhost" || location.hostname.startsWith("127.") ? "this computer" : location.host} only, and are deleted after ${kept}.`,
      uploadBytes: offered.limits.upload_bytes,
      dicom: true,
    };
  }

  async login(token: string): Promise<void> {
    await this.api.login(token);
  }

  async segment(scan: readonly ScanFile[], options: SegmentOptions, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Result> {
    const files = scan.map(({ file }) => file);
    const { id: upload } = await this.api.createUpload();
    let job: Job | null = null;
    try {
      await this.send(upload, files, onProgress, signal);
      const series = options.series ?? (await this.chosenSeries(upload, files.length, options));
      job = await this.api.createJob(request(upload, options, series));
      if (options.title !== undefined) sessionStorage.setItem(TITLES + job.id, options.title);
      const ended = await this.follow(job, onProgress, signal);
      return new ServiceResult(this.api, ended);
    } catch (error) {
      await this.discard(upload, job);
      throw error;
    }
  }

  /** Nothing stays behind of what was cancelled or refused. What is still being read or computed is asked for again until it is free. */
  private async discard(upload: string, job: Job | null): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await (job === null ? this.api.deleteUpload(upload) : this.deleteEnded(job.id));
        return;
      } catch (error) {
        if (attempt < DISCARD_TRIES) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        else throw new BackendError(`what was sent could not be deleted: ${(error as Error).message}`, "It is deleted after the hours that the service keeps scans.", "kept");
      }
    }
  }

  private async deleteEnded(id: string): Promise<void> {
    const job = await this.api.job(id);
    if (isFinal(job)) await this.api.deleteJob(id);
    else throw new Error(`the job is ${job.state}`);
  }

  readonly compare = (before: Result, after: Result): Promise<FollowUp> => this.api.compare(before.id, after.id);

  private async chosenSeries(upload: string, count: number, options: SegmentOptions): Promise<string | undefined> {
    if (count === 1 || options.chooseSeries === undefined) return undefined;
    const series = (await this.api.series(upload)).filter(({ number }) => number !== null);
    if (series.length < 2) return undefined;
    const named = series.map(({ number, kind, modality, images }) => ({ id: String(number), text: `Series ${number}: ${[modality, kind].filter((word) => word !== "").join(", ")}, ${images} images` }));
    const chosen = await options.chooseSeries(named);
    if (chosen === null) throw new DOMException("no series chosen", "AbortError");
    return chosen;
  }

  private async send(upload: string, files: readonly File[], onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<void> {
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const sent = files.map(() => 0);
    const tell = (): void => onProgress({ stage: "upload", done: sent.reduce((a, b) => a + b, 0), total });
    tell();
    let next = 0;
    const sender = async (): Promise<void> => {
      while (next < files.length) {
        const number = next++;
        const file = files[number] as File;
        await retried(() => this.api.sendFile(upload, neutralName(file, number, files.length), file, (bytes) => {
          sent[number] = Math.min(bytes, file.size);
          tell();
        }, signal));
      }
    };
    await Promise.all(Array.from({ length: Math.min(SENDERS, files.length) }, sender));
  }

  /** Wait for the end of a job; aborting cancels it. */
  private async follow(job: Job, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Job> {
    const ended = await new Promise<Job>((resolve, reject) => {
      const events = this.api.events(job.id);
      const finish = (settle: () => void): void => {
        events.close();
        signal.removeEventListener("abort", stop);
        settle();
      };
      const stop = (): void => {
        this.api.cancel(job.id).catch(() => {});
        finish(() => reject(new DOMException("cancelled", "AbortError")));
      };
      const take = (now: Job): void => {
        if (isFinal(now)) finish(() => resolve(now));
        else onProgress(progressOf(now));
      };
      for (const kind of ["state", "progress"]) events.addEventListener(kind, (event) => take(JSON.parse((event as MessageEvent<string>).data) as Job));
      events.addEventListener("error", () => {
        // The browser connects again by itself; what happened meanwhile is asked for.
        setTimeout(() => {
          if (events.readyState !== EventSource.OPEN && !signal.aborted) this.api.job(job.id).then(take, (error: unknown) => finish(() => reject(error as Error)));
        }, POLL_MS);
      });
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
    });
    if (ended.state === "cancelled") throw new DOMException("cancelled", "AbortError");
    if (ended.state === "failed") throw faultOf(JSON.stringify(ended.error ?? {}), 500);
    return ended;
  }
}

class ServiceResult implements Result {
  readonly id: string;
  readonly title: string;

  constructor(
    private readonly api: Api,
    job: Job,
  ) {
    this.id = job.id;
    const when = new Date(job.created).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    this.title = sessionStorage.getItem(TITLES + job.id) ?? `Scan of ${when}`;
  }

  async ct(): Promise<Uint8Array<ArrayBuffer>> {
    return bytesOf(await this.api.file(`jobs/${this.id}/ct.nii.gz`));
  }

  async segmentation(): Promise<Segmentation> {
    return readSegNrrd(await bytesOf(await this.open(MASKS)));
  }

  async measurements(): Promise<Measurements | null> {
    const names = (await this.api.results(this.id)).map(({ name }) => name);
    return names.includes(MEASUREMENTS) ? (JSON.parse(await (await this.open(MEASUREMENTS)).text()) as Measurements) : null;
  }

  async downloads(): Promise<readonly Download[]> {
    const files = await this.api.results(this.id);
    return files.map(({ name, media_type, bytes }) => ({ name, mediaType: media_type, bytes, open: () => this.open(name) }));
  }

  readonly correct = async (structure: string, mask: Uint8Array, segmentation: Segmentation) => {
    const stored = await this.api.correct(this.id, structure, await gzip(encodeNifti(segmentation.grid, mask)));
    return { version: stored.version, structure: stored.structure, voxelsChanged: stored.voxels_changed };
  };

  readonly corrected = async (segmentation: Segmentation): Promise<readonly CorrectedMask[]> => {
    const { corrections } = await this.api.corrections(this.id);
    const newest = new Map(corrections.map((correction) => [correction.structure, correction]));
    return Promise.all([...newest.values()].map(async ({ structure, version, voxels_changed }) => {
      const file = await bytesOf(await this.api.file(`jobs/${this.id}/corrections/${version}.nii.gz`));
      return { structure, version, voxelsChanged: voxels_changed, mask: await readMask(file, segmentation.grid) };
    }));
  };

  async remove(): Promise<{ names: readonly string[]; bytes: number }> {
    const { deleted, bytes } = await this.api.deleteJob(this.id);
    sessionStorage.removeItem(TITLES + this.id);
    return { names: deleted, bytes };
  }

  private open(name: string): Promise<Blob> {
    return this.api.file(`jobs/${this.id}/results/${name.split("/").map(encodeURIComponent).join("/")}`);
  }
}

function request(upload: string, { weights, classes, profile }: SegmentOptions, series: string | undefined): Parameters<Api["createJob"]>[0] {
  return {
    upload,
    ...(weights === undefined ? {} : { weights }),
    ...(classes === undefined ? {} : { classes }),
    ...(profile === undefined ? {} : { profile }),
    ...(series === undefined ? {} : { series }),
  };
}

function progressOf(job: Job): Progress {
  if (job.state === "queued") return { stage: "queued", done: null, total: null, ...(job.position === null ? {} : { position: job.position }) };
  return { stage: job.progress?.stage ?? "starting", done: job.progress?.done ?? null, total: job.progress?.total ?? null };
}

/** A name without anything of the patient's: file names often hold theirs. */
function neutralName(file: File, number: number, count: number): string {
  const end = endOf(file.name);
  return count === 1 && end !== null ? `scan${end}` : `${String(number + 1).padStart(6, "0")}.dcm`;
}

async function retried(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const passing = error instanceof BackendError && (error.code === "unreachable" || error.code === "busy");
      if (!passing || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
    }
  }
}

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}
