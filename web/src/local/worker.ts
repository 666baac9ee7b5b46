/** Segments one CT away from the page's thread. Its end, by `terminate`, is how work is cancelled. */
import { BackendError } from "../backend.ts";
import { encodeSegNrrd } from "../formats/seg_nrrd_write.ts";
import { ImageError } from "../volume.ts";
import { checkCt } from "./ct_check.ts";
import { fetchFile } from "./download.ts";
import { readInput } from "./input.ts";
import { asSegmentation } from "./layers.ts";
import { measureCase } from "./measure/measurements.ts";
import type { Command, Message, Order } from "./messages.ts";
import type { Model } from "./model.ts";
import { segment } from "./segment.ts";
import { allowedThreads, type Device, openSession, type Runtime, type Session } from "./session.ts";

declare function postMessage(message: Message, transfer?: Transferable[]): void;

let answer: (series: number) => void = () => {};

addEventListener("message", ({ data }: MessageEvent<Command>) => {
  if (data.kind === "series") {
    answer(data.number);
    return;
  }
  work(data.order).catch((fault: unknown) => {
    if (fault instanceof ImageError) postMessage({ kind: "refused", reason: fault.message, remedy: fault.remedy, file: fault.file });
    else postMessage({ kind: "failed", reason: fault instanceof Error ? fault.message : String(fault) });
  });
});

/** The page ends this worker if the user does not answer. */
function ask(series: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    answer = resolve;
    postMessage({ kind: "which series", series });
  });
}

async function work({ files, base, device }: Order): Promise<void> {
  const started = performance.now();
  tell("reading");
  const input = await readInput(files, ask, (done, total) => tell("reading", done, total));
  const ct = checkCt(input.ct);
  const { model, session } = await load(base, device);
  const masks = await segment(ct, model, session.run, tell);
  await session.release();
  tell("measuring");
  const measurements = measureCase(ct, masks, input.warnings, model.software);
  tell("writing");
  const segmentation = asSegmentation(masks);
  const segNrrd = await encodeSegNrrd(segmentation, model.classes.map(({ terminology }) => terminology), model.software);
  const layers = [...segmentation.layers];
  const layerOf = segmentation.segments.map(({ layer }) => layer);
  const seconds = (performance.now() - started) / 1000;
  const file = input.file();
  const result = { ct: file, grid: masks.grid, layers, layerOf, segNrrd, measurements, device: session.device, threads: session.threads, seconds };
  postMessage({ kind: "finished", result }, [...layers.map(({ buffer }) => buffer), segNrrd.buffer, file.buffer]);
}

async function load(base: string, device: Device): Promise<{ model: Model; session: Session }> {
  const model = JSON.parse(new TextDecoder().decode(await fetchFile(`${base}model.json`, null, () => {}))) as Model;
  if (model.schema !== "omentum.onnx-model" || model.schema_version !== 1) throw new BackendError("the model beside the page is of another version");
  const { file, sha256, bytes } = model.graph;
  const graph = await fetchFile(base + file, sha256, (received) => tell("loading the model", received, bytes));
  if (device === "webgpu") {
    const runtime = (await import("onnxruntime-web/jspi")) as unknown as Runtime;
    return { model, session: await openSession(runtime, graph, model, device, 1) };
  }
  return { model, session: await openSession(await import("onnxruntime-web/wasm"), graph, model, device, allowedThreads()) };
}

function tell(stage: string, done: number | null = null, total: number | null = null): void {
  postMessage({ kind: "progress", stage, done, total });
}
