/**
 * Cases that Python writes and judges (`tests/export/test_browser_parity.py`): a folder for each with ct.nii.gz, model.json
 * and bands.json, to which the input of the network and the masks found here are added.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readNifti } from "../../src/formats/nifti.ts";
import { encodeSegNrrd } from "../../src/formats/seg_nrrd_write.ts";
import { checkCt } from "../../src/local/ct_check.ts";
import { asSegmentation } from "../../src/local/layers.ts";
import type { Model } from "../../src/local/model.ts";
import { prepare } from "../../src/local/prepare.ts";
import { type Network, segment } from "../../src/local/segment.ts";
import { upright } from "../../src/local/upright.ts";

/** A "network" whose classes are bands of HU. */
function bandNetwork(model: Model, bands: readonly [number, number][]): Network {
  const [low, high] = model.preprocess.window_hu;
  return async (window) => {
    const logits = new Float32Array(bands.length * window.length);
    for (const [k, [from, to]] of bands.entries()) {
      const [middle, half] = [(from + to) / 2, (to - from) / 2];
      for (let n = 0, o = k * window.length; n < window.length; n++, o++) {
        const hu = Math.fround((window[n] as number) * (high - low) + low);
        logits[o] = Math.max(half - Math.abs(hu - middle), -half);
      }
    }
    return logits;
  };
}

async function run(folder: string): Promise<void> {
  const model = JSON.parse(readFileSync(join(folder, "model.json"), "utf8")) as Model;
  const bands = JSON.parse(readFileSync(join(folder, "bands.json"), "utf8")) as [number, number][];
  const ct = checkCt(await readNifti(new Uint8Array(readFileSync(join(folder, "ct.nii.gz")))));
  const { image } = prepare(upright(ct, model.preprocess), model.preprocess);
  const masks = await segment(ct, model, bandNetwork(model, bands), () => {});
  writeFileSync(join(folder, "image.bin"), new Uint8Array(image.buffer));
  writeFileSync(join(folder, "bits.bin"), new Uint8Array(masks.bits.buffer));
  writeFileSync(join(folder, "browser.seg.nrrd"), await encodeSegNrrd(asSegmentation(masks), model.classes.map(({ terminology }) => terminology), model.software));
}

const [, , root = "."] = process.argv;
for (const name of readdirSync(root)) await run(join(root, name));
