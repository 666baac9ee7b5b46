/** Writes CTs as DICOM series, as far as tests need it (explicit value representations, little endian). */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2";
const EXPLICIT = "1.2.840.10008.1.2.1";
const AIR_HU = -1024;

/**
 * Write slices of a NIfTI file of int16 HU as one series.
 *
 * @param nifti the file, not compressed
 * @param series its number, its description, and which slices are written: from and to
 * @returns paths of the files
 */
export function writeSeries(folder, nifti, { number, description, from = 0, to = Infinity }) {
  const [columns, rows, depth] = [42, 44, 46].map((at) => nifti.readInt16LE(at));
  const start = nifti.readFloatLE(108);
  const lps = [0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => (row < 2 ? -1 : 1) * nifti.readFloatLE(280 + 16 * row + 4 * column)));
  const axis = (column) => lps.map((row) => row[column]);
  const [across, down] = [axis(0), axis(1)];
  const mm = [across, down].map((direction) => Math.hypot(...direction));
  const uid = (text) => `1.2.826.0.1.3680043.9999.${number}.${text}`;
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: Math.min(to, depth) - from }, (_, n) => {
    const k = from + n;
    const pixels = nifti.subarray(start + 2 * k * columns * rows, start + 2 * (k + 1) * columns * rows);
    const stored = Buffer.from(pixels);
    for (let at = 0; at < stored.length; at += 2) stored.writeInt16LE(pixels.readInt16LE(at) - AIR_HU, at);
    const elements = [
      text(0x0008, 0x0016, "UI", CT_IMAGE), text(0x0008, 0x0018, "UI", uid(k + 1)), text(0x0008, 0x0060, "CS", "CT"), text(0x0008, 0x103e, "LO", description),
      text(0x0018, 0x0050, "DS", 5), text(0x0020, 0x000e, "UI", uid(0)), text(0x0020, 0x0011, "IS", number), text(0x0020, 0x0013, "IS", k + 1),
      text(0x0020, 0x0032, "DS", lps.map((row) => decimal(row[3] + k * row[2])).join("\\")),
      text(0x0020, 0x0037, "DS", [across.map((value) => decimal(value / mm[0])), down.map((value) => decimal(value / mm[1]))].flat().join("\\")),
      text(0x0020, 0x0052, "UI", uid("9")), short(0x0028, 0x0002, 1), text(0x0028, 0x0004, "CS", "MONOCHROME2"), short(0x0028, 0x0010, rows), short(0x0028, 0x0011, columns),
      text(0x0028, 0x0030, "DS", [mm[1], mm[0]].map(decimal).join("\\")), short(0x0028, 0x0100, 16), short(0x0028, 0x0101, 16), short(0x0028, 0x0102, 15), short(0x0028, 0x0103, 1),
      text(0x0028, 0x1052, "DS", AIR_HU), text(0x0028, 0x1053, "DS", 1), element(0x7fe0, 0x0010, "OW", stored),
    ];
    const meta = [text(0x0002, 0x0002, "UI", CT_IMAGE), text(0x0002, 0x0003, "UI", uid(k + 1)), text(0x0002, 0x0010, "UI", EXPLICIT)];
    const path = join(folder, `IM${String(k + 1).padStart(4, "0")}`);
    writeFileSync(path, Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), ...meta, ...elements]));
    return path;
  });
}

function decimal(value) {
  return String(Number(value.toPrecision(10)));
}

function text(group, number, vr, value) {
  const bytes = Buffer.from(String(value), "latin1");
  return element(group, number, vr, bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(vr === "UI" ? "\0" : " ")]));
}

function short(group, number, value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return element(group, number, "US", bytes);
}

function element(group, number, vr, bytes) {
  const head = Buffer.alloc(vr === "OW" ? 12 : 8);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(number, 2);
  head.write(vr, 4, "latin1");
  if (vr === "OW") head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}
