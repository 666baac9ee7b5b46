/** The backend of the static page: everything is computed in this browser, and nothing is sent anywhere. */
import { type Backend, BackendError, type Capabilities, type Progress, type Result, type ScanFile, type SegmentOptions } from "../backend.ts";
import { LocalResult } from "./local_result.ts";
import type { Command, Finished, Message } from "./messages.ts";
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
    return { version, weights: [{ name: model.name, structures }], profiles: [], privacy: PRIVACY, uploadBytes: MOST_BYTES, formats: "NIfTI, or a zip file", dicom: true };
  }

  async segment(files: readonly ScanFile[], options: SegmentOptions, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Result> {
    const model = await this.model();
    const finished = await this.run(files, options, onProgress, signal);
    const title = options.title ?? files[0]?.file.name.replace(/\.nii(\.gz)?$/i, "") ?? "CT";
    return new LocalResult(title, finished, model);
  }

  private async model(): Promise<Model> {
    this.#model ??= fetch(`${this.base}model.json`).then((answer) => {
      if (!answer.ok) throw new BackendError("the model is missing beside the page", "Build it with make web-static.", "no_model");
      return answer.json() as Promise<Model>;
    });
    return this.#model;
  }

  private run(files: readonly ScanFile[], { chooseSeries }: SegmentOptions, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Finished> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    return new Promise<Finished>((resolve, reject) => {
      const stop = () => reject(new DOMException("cancelled", "AbortError"));
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      worker.addEventListener("error", ({ message }) => reject(new BackendError(`the computation failed: ${message || "out of memory?"}`, "Close other tabs, or use omentum segment.")));
      worker.addEventListener("message", ({ data }: MessageEvent<Message>) => {
        if (data.kind === "progress") onProgress(data);
        else if (data.kind === "finished") resolve(data.result);
        else if (data.kind === "refused") reject(new BackendError(data.reason, data.remedy, "refused", data.file));
        else if (data.kind === "which series") void this.ask(data.series, chooseSeries).then((number) => (number === null ? stop() : worker.postMessage({ kind: "series", number } satisfies Command)), reject);
        else reject(new BackendError(`the computation failed: ${data.reason}`, "Close other tabs and try again, or use omentum segment."));
      });
      worker.postMessage({ kind: "segment", order: { files, base: this.base, device: this.device } } satisfies Command);
    }).finally(() => worker.terminate());
  }

  private async ask(series: readonly string[], choose: SegmentOptions["chooseSeries"]): Promise<number | null> {
    const choices = series.map((text, number) => ({ id: String(number), text: text.charAt(0).toUpperCase() + text.slice(1) }));
    const chosen = (await choose?.(choices)) ?? null;
    return chosen === null ? null : Number(chosen);
  }
}
