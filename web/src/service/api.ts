/** Typed calls of the service's protocol (`docs/how-to/serve.md`), version 1. */
import { BackendError } from "../backend.ts";
import type { FollowUp } from "../documents.ts";

export const PROTOCOL = 1;

export interface ServiceCapabilities {
  readonly protocol: number;
  readonly version: string;
  readonly weights: readonly {
    readonly name: string;
    readonly structures: readonly { readonly key: string; readonly name: string; readonly colour: string; readonly group: string; readonly lesion: boolean }[];
  }[];
  readonly profiles: readonly string[];
  readonly limits: { readonly upload_bytes: number; readonly files: number; readonly retention_hours: number };
}

export interface Job {
  readonly id: string;
  readonly state: "queued" | "running" | "done" | "failed" | "cancelled";
  readonly position: number | null;
  readonly progress: { readonly stage: string; readonly done: number | null; readonly total: number | null } | null;
  readonly created: string;
  readonly error: Fault | null;
  readonly expires: string | null;
}

export interface Fault {
  readonly error: string;
  readonly file: string | null;
  readonly reason: string;
  readonly remedy: string | null;
}

export interface ServiceCorrection {
  readonly version: number;
  readonly structure: string;
  readonly voxels_changed: number;
}

export interface Series {
  readonly number: number | null;
  readonly modality: string;
  readonly kind: string;
  readonly images: number;
}

export interface JobRequest {
  readonly upload: string;
  readonly weights?: string;
  readonly classes?: readonly string[];
  readonly profile?: string;
  readonly series?: string;
}

/** A job has ended. */
export function isFinal({ state }: Job): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

export class Api {
  /** @param root address of the service, with a slash at the end */
  constructor(readonly root: string) {}

  capabilities(): Promise<ServiceCapabilities> {
    return this.json("GET", "capabilities");
  }

  async login(token: string): Promise<void> {
    await this.call("POST", "login", JSON.stringify({ token }));
  }

  createUpload(): Promise<{ readonly id: string }> {
    return this.json("POST", "uploads");
  }

  /** Send a file; `onBytes` receives the bytes sent so far. */
  sendFile(upload: string, name: string, file: Blob, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      // fetch reports no progress of a request body.
      const request = new XMLHttpRequest();
      request.open("PUT", `${this.root}uploads/${upload}/files/${encodeURIComponent(name)}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      const stop = (): void => request.abort();
      signal.addEventListener("abort", stop, { once: true });
      request.upload.addEventListener("progress", (event) => onBytes(event.loaded));
      request.addEventListener("loadend", () => {
        signal.removeEventListener("abort", stop);
        if (signal.aborted) reject(new DOMException("cancelled", "AbortError"));
        else if (request.status >= 200 && request.status < 300) resolve();
        else reject(request.status === 0 ? unreachable() : faultOf(request.responseText, request.status));
      });
      request.send(file);
    });
  }

  async deleteUpload(upload: string): Promise<void> {
    await this.call("DELETE", `uploads/${upload}`);
  }

  /** DICOM series of an upload. */
  async series(upload: string): Promise<readonly Series[]> {
    const report = await this.json<{ inputs?: readonly { series?: readonly Series[] }[] }>("GET", `uploads/${upload}/doctor`);
    return report.inputs?.flatMap((input) => input.series ?? []) ?? [];
  }

  createJob(request: JobRequest): Promise<Job> {
    return this.json("POST", "jobs", JSON.stringify(request));
  }

  jobs(): Promise<readonly Job[]> {
    return this.json("GET", "jobs");
  }

  job(id: string): Promise<Job> {
    return this.json("GET", `jobs/${id}`);
  }

  events(id: string): EventSource {
    return new EventSource(`${this.root}jobs/${id}/events`);
  }

  cancel(id: string): Promise<Job> {
    return this.json("POST", `jobs/${id}/cancel`);
  }

  deleteJob(id: string): Promise<{ readonly deleted: readonly string[]; readonly bytes: number }> {
    return this.json("DELETE", `jobs/${id}`);
  }

  results(id: string): Promise<readonly { readonly name: string; readonly media_type: string; readonly bytes: number }[]> {
    return this.json("GET", `jobs/${id}/results`);
  }

  async file(path: string): Promise<Blob> {
    return (await this.call("GET", path)).blob();
  }

  correct(job: string, structure: string, mask: Uint8Array<ArrayBuffer>): Promise<ServiceCorrection> {
    return this.json("PUT", `jobs/${job}/corrections/${structure}`, new Blob([mask], { type: "application/octet-stream" }));
  }

  corrections(job: string): Promise<{ readonly corrections: readonly ServiceCorrection[] }> {
    return this.json("GET", `jobs/${job}/corrections`);
  }

  compare(before: string, after: string): Promise<FollowUp> {
    return this.json("POST", "comparisons", JSON.stringify({ before, after }));
  }

  private async json<T>(method: string, path: string, body: BodyInit | null = null): Promise<T> {
    return (await (await this.call(method, path, body)).json()) as T;
  }

  private async call(method: string, path: string, body: BodyInit | null = null): Promise<Response> {
    const headers: Record<string, string> = typeof body === "string" ? { "Content-Type": "application/json" } : {};
    let answer: Response;
    try {
      answer = await fetch(this.root + path, { method, headers, body });
    } catch {
      throw unreachable();
    }
    if (!answer.ok) throw faultOf(await answer.text(), answer.status);
    return answer;
  }
}

function unreachable(): BackendError {
  return new BackendError("the service does not answer", "Is omentum serve still running?", "unreachable");
}

/** The service's own words, or the status if an answer came from elsewhere, such as a proxy. */
export function faultOf(body: string, status: number): BackendError {
  try {
    const { error, file, reason, remedy } = JSON.parse(body) as Partial<Fault>;
    if (typeof reason === "string") return new BackendError(reason, remedy ?? null, error ?? String(status), file ?? null);
  } catch {
    // Not JSON.
  }
  return new BackendError(`the service answered ${status}`, "Try again; the log of omentum serve says more.", String(status));
}
