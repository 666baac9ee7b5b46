/** The network in ONNX Runtime Web: WebGPU where asked for and there, else WebAssembly with threads where allowed. */
import type { Model } from "./model.ts";
import type { Network } from "./segment.ts";

/** The part of onnxruntime-web that is used; `onnxruntime-web/wasm` and `onnxruntime-web/jspi` both have it. */
export type Runtime = typeof import("onnxruntime-web/wasm");
export type Device = "wasm" | "webgpu";

export interface Session {
  readonly device: Device;
  readonly threads: number;
  readonly run: Network;
  release(): Promise<void>;
}

const ERRORS = 3;
/** More threads gain little and make browsers on small machines unresponsive. */
const MOST_THREADS = 8;

/** Threads that WebAssembly may use: one, unless the page is served with COOP and COEP. */
export function allowedThreads(): number {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
  return isolated ? Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency)) : 1;
}

/** Load a network. */
export async function openSession(runtime: Runtime, graph: Uint8Array, model: Model, device: Device, threads: number): Promise<Session> {
  runtime.env.wasm.numThreads = threads;
  runtime.env.logLevel = "error";
  const session = await runtime.InferenceSession.create(graph, { executionProviders: [device], graphOptimizationLevel: "all", logSeverityLevel: ERRORS });
  const dimensions = [1, 1, ...model.preprocess.patch];
  const run = async (window: Float32Array): Promise<Float32Array> => {
    const { logits } = await session.run({ window: new runtime.Tensor("float32", window, dimensions) });
    if (logits === undefined) throw new Error("the network has no logits");
    return (await logits.getData(true)) as Float32Array;
  };
  return { device, threads, run, release: () => session.release() };
}
