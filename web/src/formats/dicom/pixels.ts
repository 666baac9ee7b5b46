/** Pixels of uncompressed images, as stored and in HU; mirrors `omentum.io.dicom.pixels`. */
import tables from "../../tables/dicom.json";
import { PADDING_HU } from "../../volume.ts";
import type { Source } from "../source.ts";
import { readHeader, UNCOMPRESSED } from "./header.ts";
import { significant } from "./numbers.ts";
import { AGAIN, type Encoding, faultOf, frameWords, type Rescale, type Slice } from "./slices.ts";

const COMPRESSED: readonly (readonly [string, string])[] = [
  ["1.2.840.10008.1.2.4.5", "JPEG"],
  ["1.2.840.10008.1.2.4.70", "JPEG lossless"],
  ["1.2.840.10008.1.2.4.8", "JPEG-LS"],
  ["1.2.840.10008.1.2.4.9", "JPEG 2000"],
  ["1.2.840.10008.1.2.4.20", "High-throughput JPEG 2000"],
  ["1.2.840.10008.1.2.5", "RLE"],
];
const DECOMPRESS = "decompress the series, e.g. with gdcmconv --raw, or use omentum serve, which decodes it";

/** Throws an ImageError for the first image that is not there, cut short or compressed. */
export function checkDecodable(slices: readonly Slice[]): void {
  for (const { file, encoding } of slices) {
    if (encoding.at === null) throw faultOf(file, "its image is missing or damaged: it has no pixel data", AGAIN);
    if (!UNCOMPRESSED.includes(encoding.syntax)) {
      const name = COMPRESSED.find(([prefix]) => encoding.syntax.startsWith(prefix))?.[1] ?? "unknown transfer syntax";
      throw faultOf(file, `its image is compressed (${name}), which this page does not decode`, DECOMPRESS);
    }
    const needed = frameBytes(encoding) * encoding.frames;
    if (encoding.length === null) throw faultOf(file, "its image is missing or damaged: compressed pixel data where the header says uncompressed", AGAIN);
    if (encoding.length < needed) throw faultOf(file, `its image is missing or damaged: ${encoding.length} of ${needed} bytes`, AGAIN);
  }
}

/** Throws an ImageError for the first slope or intercept that cannot give HU. */
export function checkRescale(slices: readonly Slice[]): void {
  for (const one of slices) {
    const { slope, intercept } = one.rescale;
    if (slope > 0 && slope <= tables.most_rescale && Math.abs(intercept) <= tables.most_rescale) continue;
    const remedy = slope < 0 ? "a negative slope would invert the CT; export the series again" : AGAIN;
    throw faultOf(one.file, `${frameWords(one)}rescale slope ${significant(slope)} and intercept ${significant(intercept)} are impossible`, remedy);
  }
}

function frameBytes({ columns, rows, bitsAllocated }: Encoding): number {
  return (columns * rows * bitsAllocated) / 8;
}

/** Reads slices one after the other; keeps the last file for its next frame. */
export class PixelReader {
  private last: { file: Source; bytes: Uint8Array } | null = null;

  /** Stored values, columns fastest. */
  async stored(one: Slice): Promise<Float64Array> {
    const { encoding, file } = one;
    if (this.last?.file !== file) this.last = { file, bytes: await content(file, encoding) };
    const length = frameBytes(encoding);
    const at = (encoding.at as number) + ((one.frame ?? 1) - 1) * length;
    const { bytes } = this.last;
    if (bytes.length < at + length) throw faultOf(file, `its image is missing or damaged: ${Math.max(0, bytes.length - at)} of ${length} bytes`, AGAIN);
    return values(new DataView(bytes.buffer, bytes.byteOffset + at, length), encoding);
  }

  /** HU: int16 if slope and intercept are whole and the result fits, else float32. */
  async hu(one: Slice): Promise<Int16Array | Float32Array> {
    return inHu(await this.stored(one), one.rescale, one.encoding);
  }
}

async function content(file: Source, { at, length }: Encoding): Promise<Uint8Array> {
  const bytes = await file.bytes();
  return (await readHeader(bytes, (at as number) + (length as number))).bytes;
}

/** Only the stored bits count: others may hold overlays or garbage (PS3.5, 8.1.1). */
function values(view: DataView, { bitsAllocated, bitsStored, highBit, isSigned, isLittle }: Encoding): Float64Array {
  const size = bitsAllocated / 8;
  const [left, right] = [31 - highBit, 32 - bitsStored];
  const out = new Float64Array(view.byteLength / size);
  for (let n = 0; n < out.length; n++) {
    const raw = size === 1 ? view.getUint8(n) : size === 2 ? view.getUint16(2 * n, isLittle) : view.getUint32(4 * n, isLittle);
    out[n] = isSigned ? (raw << left) >> right : (raw << left) >>> right;
  }
  return out;
}

/** Stored values in HU; pixels outside the field of view become air. */
export function inHu(stored: Float64Array, { slope, intercept, padding }: Rescale, encoding: Encoding): Int16Array | Float32Array {
  const isPadding = paddingTest(stored, padding, encoding, slope, intercept);
  let [low, high] = [Infinity, -Infinity];
  for (const value of stored) {
    if (isPadding?.(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = [0, 0];
  const ends = [low * slope + intercept, high * slope + intercept];
  const fits = Number.isInteger(slope) && Number.isInteger(intercept) && Math.min(...ends) >= -32768 && Math.max(...ends) <= 32767;
  const out = fits ? new Int16Array(stored.length) : new Float32Array(stored.length);
  for (let n = 0; n < stored.length; n++) {
    const value = stored[n] as number;
    out[n] = isPadding?.(value) ? PADDING_HU : value * slope + intercept;
  }
  return out;
}

/** Which stored values are padding; null if none is. */
function paddingTest(stored: Float64Array, padding: Rescale["padding"], encoding: Encoding, slope: number, intercept: number): ((value: number) => boolean) | null {
  if (padding === null) return null;
  const [low, high] = padding.map((value) => asStored(value, encoding)).sort((a, b) => a - b) as [number, number];
  const found = stored.find((value) => value >= low && value <= high);
  if (found === undefined) return null;
  // Some headers declare a padding value that also occurs in tissue, e.g. 0 where that means 0 HU.
  const hu = found * slope + intercept;
  const [least, most] = tables.tissue_hu as [number, number];
  return hu > least && hu < most ? null : (value) => value >= low && value <= high;
}

/** The padding value may be stated with another signedness than the pixels have: the stored bits are compared. */
function asStored(value: number, { bitsAllocated, isSigned }: Encoding): number {
  const size = 2 ** bitsAllocated;
  const bits = ((value % size) + size) % size;
  return isSigned && bits >= size / 2 ? bits - size : bits;
}
