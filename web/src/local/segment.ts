/** From a CT to its masks: the order of the stages; mirrors `omentum.pipeline` for the profile "exact" and all classes. */
import type { Volume } from "../volume.ts";
import { Blend } from "./blend.ts";
import { clean } from "./clean.ts";
import type { Model } from "./model.ts";
import { PackedMasks } from "./packed_masks.ts";
import { prepare } from "./prepare.ts";
import { cutWindow, planWindows, windowCount } from "./sliding_windows.ts";
import { MaskWriter } from "./stream.ts";
import { isOblique, nearest, upright } from "./upright.ts";

/** From a window to its logits [K][px][py][pz]; the array may be reused by the next call. */
export type Network = (window: Float32Array) => Promise<Float32Array>;

export type Stage = "preprocessing" | "inference" | "postprocessing";

export type OnProgress = (stage: Stage, done: number | null, total: number | null) => void;

/** PackedMasks of all classes on the grid of the CT. */
export async function segment(ct: Volume, model: Model, network: Network, onProgress: OnProgress): Promise<PackedMasks> {
  onProgress("preprocessing", null, null);
  const standing = upright(ct, model.preprocess);
  const bits = await infer(standing, model, network, onProgress);
  onProgress("postprocessing", null, null);
  const masks = new PackedMasks(standing.grid, model.classes, bits);
  clean(masks, standing);
  if (!isOblique(ct.grid)) return masks;
  return new PackedMasks(ct.grid, model.classes, nearest(masks.bits, standing.grid, ct.grid));
}

/** What the network finds, before cleaning: bit k of a voxel is class k; first axis fastest. */
export async function infer(ct: Volume, model: Model, network: Network, onProgress: OnProgress): Promise<Uint32Array> {
  const prepared = prepare(ct, model.preprocess);
  const plan = planWindows(prepared.shape, model.preprocess.patch, model.windows.overlap);
  const bits = new Uint32Array(ct.voxels.length);
  const blend = new Blend(plan, model.classes.length, model.windows);
  const writer = new MaskWriter(prepared, ct.grid.shape, bits);
  const offsets = model.classes.map(({ threshold }) => Math.log(threshold / (1 - threshold)));
  const [starts, total] = [plan.starts[2], windowCount(plan)];
  let done = 0;
  onProgress("inference", 0, total);
  for (const [level, z] of starts.entries()) {
    for (const x of plan.starts[0]) {
      for (const y of plan.starts[1]) {
        blend.add([x, y, z], await network(cutWindow(prepared.image, plan, [x, y, z])), offsets);
        onProgress("inference", ++done, total);
      }
    }
    const next = level + 1 < starts.length ? starts[level + 1] as number : plan.padded[2];
    release(blend, writer, z, next);
  }
  return bits;
}

/** Use the planes that no later window touches, and forget all but the uppermost of them. */
function release(blend: Blend, writer: MaskWriter, from: number, to: number): void {
  const { before, shape } = blend.plan;
  const [start, stop] = [Math.max(from - before[2], 0), Math.min(to - before[2], shape[2])];
  if (start < stop) writer.write(blend, start, stop);
  blend.clear(Math.max(from - 1, 0), to - 1);
}
