/** One DICOM file up to its pixels, with or without the preamble and "DICM", deflated or not; mirrors `omentum.io.dicom.open`. */
import { inflateRaw } from "../gzip.ts";
import { DamagedHeaderError, DataSet, type Syntax } from "./dataset.ts";

const PREAMBLE = 128;
const MAGIC = "DICM";
/** Bytes of a file by which it is known. */
export const HEAD = 256;
const META_GROUP = 0x0002;
const FIRST_GROUPS = [META_GROUP, 0x0008];
/** Bytes of the value of the first element of a data set whose lengths have no type beside them. */
const LONGEST_FIRST = 1024;
const TRANSFER_SYNTAX = 0x00020010;
const VALUE_TYPES = /^(AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|O[BDFLVW]|PN|SH|SL|SQ|SS|ST|SV|TM|U[CILNRSTV])$/;

export const IMPLICIT = "1.2.840.10008.1.2";
export const EXPLICIT = "1.2.840.10008.1.2.1";
export const BIG_ENDIAN = "1.2.840.10008.1.2.2";
export const DEFLATED = "1.2.840.10008.1.2.1.99";
export const UNCOMPRESSED: readonly string[] = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED];

export interface Header {
  readonly dataset: DataSet;
  /** File meta information; null without any. */
  readonly meta: DataSet | null;
  /** UID of the transfer syntax, as stated or as it looks. */
  readonly syntax: string;
  /** The file, a deflated one inflated: positions are in it. */
  readonly bytes: Uint8Array;
}

/** Whether a file that starts so may be DICOM. */
export function looksLikeDicom(head: Uint8Array): boolean {
  return isMagic(head, PREAMBLE) || firstSyntax(head.subarray(isMagic(head, 0) ? 4 : 0)) !== null;
}

/**
 * Parse a file up to its pixel data.
 *
 * @param limit bytes to which a deflated file may inflate
 */
export async function readHeader(file: Uint8Array<ArrayBuffer>, limit: number): Promise<Header> {
  const start = isMagic(file, PREAMBLE) ? PREAMBLE + 4 : isMagic(file, 0) ? 4 : 0;
  const guess = firstSyntax(file.subarray(start, start + HEAD)) ?? { explicit: true, little: true };
  const hasMeta = new DataView(file.buffer, file.byteOffset + start).getUint16(0, guess.little) === META_GROUP;
  if (!hasMeta) {
    const syntax = guess.explicit ? (guess.little ? EXPLICIT : BIG_ENDIAN) : IMPLICIT;
    return { dataset: DataSet.read(file, start, guess), meta: null, syntax, bytes: file };
  }
  const meta = DataSet.read(file, start, { explicit: true, little: true }, (tag) => tag >>> 16 === META_GROUP);
  const stated = meta.text(TRANSFER_SYNTAX);
  let bytes: Uint8Array = file;
  if (stated === DEFLATED) {
    const rest = await inflateRaw(file.slice(meta.end), limit);
    bytes = new Uint8Array(meta.end + rest.length);
    bytes.set(file.subarray(0, meta.end));
    bytes.set(rest, meta.end);
  }
  // What is stated is not always so: the first element shows how it is stored.
  const actual = stated === BIG_ENDIAN ? { explicit: true, little: false } : looksExplicit(bytes, meta.end);
  return { dataset: DataSet.read(bytes, meta.end, actual), meta, syntax: stated || (actual.explicit ? EXPLICIT : IMPLICIT), bytes };
}

function looksExplicit(bytes: Uint8Array, at: number): Syntax {
  if (at + 8 > bytes.length) throw new DamagedHeaderError("the header ends too early");
  return { explicit: VALUE_TYPES.test(String.fromCharCode(bytes[at + 4] as number, bytes[at + 5] as number)), little: true };
}

/** How a data set that starts here is stored; null if none does: first group, and a value representation or a plausible length. */
function firstSyntax(head: Uint8Array): Syntax | null {
  if (head.length < 8) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  for (const little of [true, false]) {
    const group = view.getUint16(0, little);
    if (!FIRST_GROUPS.includes(group)) continue;
    if (VALUE_TYPES.test(String.fromCharCode(head[4] as number, head[5] as number))) return { explicit: true, little };
    const length = view.getUint32(4, true);
    if (little && group === FIRST_GROUPS[1] && length <= LONGEST_FIRST && length % 2 === 0) return { explicit: false, little };
  }
  return null;
}

function isMagic(bytes: Uint8Array, at: number): boolean {
  return String.fromCharCode(...bytes.subarray(at, at + 4)) === MAGIC;
}
