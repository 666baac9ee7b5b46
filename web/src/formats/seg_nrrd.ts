/**
 * Reads `.seg.nrrd`, 3D Slicer's format for overlapping segments (teem.sourceforge.net/nrrd/format.html with key/value
 * pairs that describe segments). Gzip or raw data in the same file, 8 or 16 bits, any number of layers.
 */
import { type Affine, type Grid, type Shape, voxelCount } from "../geometry.ts";
import type { Colour, Layer, Segment, Segmentation } from "../segmentation.ts";
import { gunzip } from "./gzip.ts";

const MAGIC = /^NRRD000[1-5]$/;
const HEADER_LIMIT = 4 << 20;
const GREY: Colour = [200, 200, 200];
/** Bytes of a value by NRRD type. Signed types are read as unsigned ones: labels are not negative. */
const TYPE_BYTES: Readonly<Record<string, number>> = {
  "unsigned char": 1, uchar: 1, uint8: 1, uint8_t: 1, "signed char": 1, int8: 1, int8_t: 1,
  "unsigned short": 2, ushort: 2, uint16: 2, uint16_t: 2, "unsigned short int": 2, short: 2, int16: 2, int16_t: 2,
};

/** The file is not a segmentation that can be shown; the message says why. */
export class SegNrrdError extends Error {}

interface Header {
  readonly fields: ReadonlyMap<string, string>;
  readonly pairs: ReadonlyMap<string, string>;
  /** Where the data begin. */
  readonly end: number;
}

export async function readSegNrrd(file: Uint8Array<ArrayBuffer>): Promise<Segmentation> {
  const header = parseHeader(file);
  const { grid, layers } = geometry(header.fields);
  const type = field(header.fields, "type");
  const bytes = TYPE_BYTES[type];
  if (bytes === undefined) throw new SegNrrdError(`labels of type ${type} are not supported`);
  const size = voxelCount(grid.shape) * layers * bytes;
  const data = await inflate(file.subarray(header.end), field(header.fields, "encoding"), size);
  const values = bytes === 1 ? data : words(data, header.fields.get("endian") === "big");
  return { grid, layers: separate(values, layers), segments: parseSegments(header.pairs) };
}

function parseHeader(file: Uint8Array): Header {
  const text = new TextDecoder().decode(file.subarray(0, headerEnd(file)));
  const [magic = "", ...lines] = text.split(/\r?\n/);
  if (!MAGIC.test(magic)) throw new SegNrrdError("no NRRD file");
  const fields = new Map<string, string>();
  const pairs = new Map<string, string>();
  for (const line of lines) {
    if (line === "" || line.startsWith("#")) continue;
    const pair = line.indexOf(":=");
    const colon = line.indexOf(": ");
    if (pair >= 0 && (colon < 0 || pair < colon)) pairs.set(line.slice(0, pair), unescaped(line.slice(pair + 2)));
    else if (colon >= 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 2).trim());
  }
  if (fields.has("data file") || fields.has("datafile")) throw new SegNrrdError("the data are in another file");
  return { fields, pairs, end: headerEnd(file) };
}

/** Segments in file order; a segment without a layer or value has those of older files: layer 0, value its number + 1. */
function parseSegments(pairs: ReadonlyMap<string, string>): Segment[] {
  const segments: Segment[] = [];
  for (let n = 0; pairs.has(`Segment${n}_ID`); n++) {
    const value = (name: string): string | undefined => pairs.get(`Segment${n}_${name}`);
    const key = value("ID") ?? "";
    segments.push({
      key,
      name: value("Name") ?? key,
      colour: colour(value("Color")),
      layer: Number(value("Layer") ?? 0),
      value: Number(value("LabelValue") ?? n + 1),
    });
  }
  return segments;
}

function headerEnd(file: Uint8Array): number {
  const limit = Math.min(file.length, HEADER_LIMIT);
  for (let at = 0; at < limit; at++) {
    if (file[at] !== 10) continue;
    if (file[at + 1] === 10) return at + 2;
    if (file[at + 1] === 13 && file[at + 2] === 10) return at + 3;
  }
  throw new SegNrrdError("the header has no end");
}

function geometry(fields: ReadonlyMap<string, string>): { grid: Grid; layers: number } {
  const sizes = field(fields, "sizes").split(/\s+/).map(Number);
  const directions = field(fields, "space directions").match(/none|\([^)]*\)/g) ?? [];
  const several = sizes.length === 4;
  if ((sizes.length !== 3 && !several) || directions.length !== sizes.length || sizes.some((size) => !(Number.isInteger(size) && size > 0)))
    throw new SegNrrdError("the sizes or directions are not those of a volume");
  if (several && directions[0] !== "none") throw new SegNrrdError("layers are expected along the first axis");
  const flip = flips(field(fields, "space"));
  const columns = directions.slice(several ? 1 : 0).map(vector);
  const origin = vector(field(fields, "space origin"));
  const affine = [0, 1, 2].map((row) => [...columns, origin].map((column) => (column[row] ?? NaN) * (flip[row] ?? 1)));
  if (affine.flat().some((value) => !Number.isFinite(value))) throw new SegNrrdError("the directions are not numbers");
  const shape = sizes.slice(several ? 1 : 0) as Shape;
  return { grid: { shape, affine: [...affine, [0, 0, 0, 1]] as Affine }, layers: several ? (sizes[0] ?? 1) : 1 };
}

/** Signs that take the file's world coordinates to RAS+. */
function flips(space: string): number[] {
  const known: Record<string, number[]> = {
    "left-posterior-superior": [-1, -1, 1], lps: [-1, -1, 1],
    "right-anterior-superior": [1, 1, 1], ras: [1, 1, 1],
    "left-anterior-superior": [-1, 1, 1], las: [-1, 1, 1],
  };
  const found = known[space.toLowerCase()];
  if (found === undefined) throw new SegNrrdError(`the space ${space} is not supported`);
  return found;
}

async function inflate(data: Uint8Array<ArrayBuffer>, encoding: string, size: number): Promise<Uint8Array<ArrayBuffer>> {
  let whole = data;
  if (encoding === "gzip" || encoding === "gz") {
    whole = await gunzip(data, size).catch(() => {
      throw new SegNrrdError("the compressed data are damaged or larger than the header says");
    });
  } else if (encoding !== "raw") throw new SegNrrdError(`the encoding ${encoding} is not supported`);
  if (whole.length < size) throw new SegNrrdError(`${size} bytes expected, ${whole.length} found`);
  return whole.subarray(0, size);
}

function words(data: Uint8Array<ArrayBuffer>, big: boolean): Uint16Array<ArrayBuffer> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Uint16Array.from({ length: data.length / 2 }, (_, k) => view.getUint16(2 * k, !big));
}

function separate(values: Layer, layers: number): Layer[] {
  if (layers === 1) return [values];
  const length = values.length / layers;
  return Array.from({ length: layers }, (_, layer) => {
    const one = (values instanceof Uint8Array ? new Uint8Array(length) : new Uint16Array(length)) as Layer;
    for (let k = 0, at = layer; k < length; k++, at += layers) one[k] = values[at] ?? 0;
    return one;
  });
}

function colour(text: string | undefined): Colour {
  const channels = (text ?? "").trim().split(/\s+/).map((channel) => Math.round(255 * Number(channel)));
  return channels.length === 3 && channels.every((channel) => channel >= 0 && channel <= 255) ? (channels as Colour) : GREY;
}

function vector(text: string): number[] {
  return text.replace(/[()]/g, "").split(",").map(Number);
}

function field(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw new SegNrrdError(`the header has no "${name}"`);
  return value;
}

function unescaped(value: string): string {
  return value.replace(/\\(\\|n)/g, (_, letter: string) => (letter === "n" ? "\n" : "\\"));
}
