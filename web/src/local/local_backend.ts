/** The backend of the static page: everything is computed in this browser, and nothing is sent anywhere. */
import { type Backend, BackendError, type Capabilities, type Deleted, type Download, type Progress, type Result, type SegmentOptions } from "../backend.ts";
import type { Segmentation } from "../segmentation.ts";
import type { Finished, Message } from "./messages.ts";
import type { Model } from "./model.ts";
import type { Device } from "./session.ts";

const GROUPS = { organ: "Organs", vessel: "Vessels", tumour: "Tumours", cyst: "Cysts" } as const;
/** Compressed bytes of a CT beyond which a tab would not have the memory. */
const MOST_BYTES = 1 << 30;
const PRIVACY = "The scan is segmented in this browser and never leaves this computer. Nothing is kept when the page is closed.";

export class LocalBackend implements Backend {
  readonly results = null;
  readonly compare = null;
  #model: Promise<Model> | null = null;

  /**
   * @param base address of the folder with the model and the runtime, ending in "/"
   * @param device what runs the network
   */
  constructor(
    private readonly base: string,
    private readonly device: Device,
  ) {}

  async capabilities(): Promise<Capabilities> {
    const model = await this.model();
    const structures = model.classes.map(({ key, display, colour, kind }) => ({
      key,
      name: display,
      colour: `#${colour.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`,
      group: GROUPS[kind],
      lesion: kind === "tumour" || kind === "cyst",
    }));
    const version = model.software.replace(/^omentum /, "");
    return { version, weights: [{ name: model.name, structures }], profiles: [], privacy: PRIVACY, uploadBytes: MOST_BYTES, formats: "NIfTI (.nii or .nii.gz)", dicom: false };
  }

  async segment(files: readonly File[], options: SegmentOptions, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Result> {
    const [file] = files;
    if (file === undefined || files.length > 1) throw new BackendError("this page reads one NIfTI file", "Convert DICOM files to NIfTI first, or use omentum serve.", "several");
    const [model, content] = await Promise.all([this.model(), file.arrayBuffer()]);
    const scan = new Uint8Array(content);
    const finished = await this.run(scan.slice(), onProgress, signal);
    return new LocalResult(titleOf(file.name, options), new Uint8Array(content), finished, model);
  }

  private async model(): Promise<Model> {
    this.#model ??= fetch(`${this.base}model.json`).then((answer) => {
      if (!answer.ok) throw new BackendError("the model is missing beside the page", "Build it with make web-static.", "no_model");
      return answer.json() as Promise<Model>;
    });
    return this.#model;
  }

  private run(file: Uint8Array<ArrayBuffer>, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Finished> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    return new Promise<Finished>((resolve, reject) => {
      const stop = () => reject(new DOMException("cancelled", "AbortError"));
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      worker.addEventListener("error", ({ message }) => reject(new BackendError(`the computation failed: ${message || "out of memory?"}`, "Close other tabs, or use omentum segment.")));
      worker.addEventListener("message", ({ data }: MessageEvent<Message>) => {
        if (data.kind === "progress") onProgress(data);
        else if (data.kind === "finished") resolve(data.result);
        else if (data.kind === "refused") reject(new BackendError(data.reason, data.remedy, "refused"));
        else reject(new BackendError(`the computation failed: ${data.reason}`, "Close other tabs and try again, or use omentum segment."));
      });
      worker.postMessage({ file, base: this.base, device: this.device }, [file.buffer]);
    }).finally(() => worker.terminate());
  }
}

class LocalResult implements Result {
  readonly id = crypto.randomUUID();
  readonly correct = null;
  readonly corrected = null;

  constructor(
    readonly title: string,
    private readonly scan: Uint8Array<ArrayBuffer>,
    private readonly finished: Finished,
    private readonly model: Model,
  ) {}

  async ct(): Promise<Uint8Array<ArrayBuffer>> {
    return this.scan.slice();
  }

  async segmentation(): Promise<Segmentation> {
    const { grid, layers, layerOf } = this.finished;
    const segments = this.model.classes.map(({ key, display, colour, index }, k) => ({ key, name: display, colour, layer: layerOf[k] ?? 0, value: index }));
    return { grid, layers, segments };
  }

  async measurements(): Promise<null> {
    return null;
  }

  async downloads(): Promise<readonly Download[]> {
    const { segNrrd } = this.finished;
    const mediaType = "application/octet-stream";
    return [{ name: "segmentation.seg.nrrd", mediaType, bytes: segNrrd.length, open: async () => new Blob([segNrrd], { type: mediaType }) }];
  }

  async remove(): Promise<Deleted> {
    return { names: [], bytes: 0 };
  }
}

function titleOf(name: string, { title }: SegmentOptions): string {
  return title ?? name.replace(/\.nii(\.gz)?$/i, "");
}
