/**
 * Cases that Python writes and judges (`tests/export/test_browser_measurements.py`): a folder for each with ct.nii.gz, model.json
 * and masks.bin (bit k of a voxel is class k), to which measurements.json is added.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readNifti } from "../../src/formats/nifti.ts";
import { checkCt } from "../../src/local/ct_check.ts";
import { measureCase } from "../../src/local/measure/measurements.ts";
import type { Model } from "../../src/local/model.ts";
import { PackedMasks } from "../../src/local/packed_masks.ts";

const [, , root = "."] = process.argv;
for (const name of readdirSync(root)) {
  const folder = join(root, name);
  const model = JSON.parse(readFileSync(join(folder, "model.json"), "utf8")) as Model;
  const ct = checkCt(await readNifti(new Uint8Array(readFileSync(join(folder, "ct.nii.gz")))));
  const bits = new Uint32Array(new Uint8Array(readFileSync(join(folder, "masks.bin"))).buffer);
  const found = measureCase(ct, new PackedMasks(ct.grid, model.classes, bits), ["a slice is odd"], model.software);
  writeFileSync(join(folder, "measurements.json"), JSON.stringify(found));
}
