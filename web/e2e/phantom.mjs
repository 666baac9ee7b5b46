/** The scans that the tests show to the page. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { writeSeries } from "./dicom.mjs";

/** Axial slices of the phantom that are kept, from and to, as shares: fewer windows for the network. */
const UPPER_ABDOMEN = [0.42, 0.74];

/** The same scan as a NIfTI file and as a folder with two DICOM series, the second of fewer slices; `remove` deletes all. */
export function makeScans() {
  const folder = mkdtempSync(join(tmpdir(), "omentum-phantom-"));
  execFileSync("omentum", ["phantom", "-n", "1", "--seed", "7", "--spacing", "5", "-o", folder], { stdio: "ignore" });
  const ct = join(folder, "abdomen.nii.gz");
  const abdomen = slices(gunzipSync(readFileSync(join(folder, "case_0000", "ct.nii.gz"))), ...UPPER_ABDOMEN);
  writeFileSync(ct, gzipSync(abdomen));
  const whole = writeSeries(join(folder, "study", "1"), abdomen, { number: 1, description: "Abdomen venous" });
  const part = writeSeries(join(folder, "study", "2"), abdomen, { number: 2, description: "Abdomen native", from: 4 });
  writeFileSync(join(folder, "study", "notes.txt"), "no image");
  return { ct, study: join(folder, "study"), slices: whole.length + part.length, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Some slices of a NIfTI file (the third axis), in place in the world. */
function slices(file, from, to) {
  const [width, height, depth] = [42, 44, 46].map((at) => file.readInt16LE(at));
  const [first, last] = [Math.floor(from * depth), Math.floor(to * depth)];
  const [start, slice] = [file.readFloatLE(108), (width * height * file.readInt16LE(72)) / 8];
  const head = Buffer.from(file.subarray(0, start));
  head.writeInt16LE(last - first, 46);
  [280, 296, 312].forEach((row, axis) => {
    const shifted = head.readFloatLE(row + 12) + first * head.readFloatLE(row + 8);
    head.writeFloatLE(shifted, row + 12);
    head.writeFloatLE(shifted, 268 + 4 * axis);
  });
  return Buffer.concat([head, file.subarray(start + first * slice, start + last * slice)]);
}
