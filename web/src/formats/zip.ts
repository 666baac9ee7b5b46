/** Zip files, whose entries are inflated when they are read; mirrors `omentum.io.archive.unpack`: nothing they say of themselves is believed. */
import tables from "../tables/zip.json";
import { ImageError } from "../volume.ts";
import { inflateRaw } from "./gzip.ts";
import type { Source } from "./source.ts";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** Bytes of the record at the end, without and with the longest comment. */
const END_BYTES = 22;
const LONGEST_END = END_BYTES + 0xffff;
/** Sizes and positions that need zip64, which no scan of a size for a browser does. */
const BEYOND = 0xffffffff;
const IGNORED = /(^|\/)(__MACOSX\/|\.)|\/$/;
const AGAIN = "copy or download the file again";

export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && [3, 5, 7].includes(head[2] ?? 0);
}

/** The files of an archive, without folders and what file managers add. Throws an ImageError for a damaged or encrypted one. */
export async function zipEntries(archive: Blob): Promise<Source[]> {
  const tail = await viewOf(archive, Math.max(0, archive.size - LONGEST_END), archive.size);
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw damaged();
  const count = tail.getUint16(end + 10, true);
  if (count > tables.max_entries) throw new ImageError(`holds ${count} entries, the limit is ${tables.max_entries}`);
  const [size, start] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  if (start === BEYOND || start + size > archive.size) throw damaged();
  const directory = await viewOf(archive, start, start + size);
  const budget = { left: tables.slack_bytes + tables.max_ratio * archive.size };
  const found: Source[] = [];
  for (let n = 0, at = 0; n < count; n++) {
    if (at + 46 > directory.byteLength || directory.getUint32(at, true) !== ENTRY) throw damaged();
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => directory.getUint16(at + offset, true)) as [number, number, number];
    const [flags, method, bytes, local] = [directory.getUint16(at + 8, true), directory.getUint16(at + 10, true), directory.getUint32(at + 20, true), directory.getUint32(at + 42, true)];
    if (at + 46 + nameLength > directory.byteLength) throw damaged();
    const path = new TextDecoder(flags & 0x800 ? "utf-8" : "latin1").decode(new Uint8Array(directory.buffer, directory.byteOffset + at + 46, nameLength));
    at += 46 + nameLength + extra + comment;
    if (IGNORED.test(path)) continue;
    if (flags & 1) throw new ImageError("is encrypted", "unpack it with its password first");
    if (method !== 0 && method !== 8) throw new ImageError(`an entry is compressed by method ${method}`, "unpack it first");
    found.push({ path, bytes: () => content(archive, { local, bytes, isDeflated: method === 8 }, budget) });
  }
  return found;
}

interface Place {
  readonly local: number;
  readonly bytes: number;
  readonly isDeflated: boolean;
}

async function content(archive: Blob, { local, bytes, isDeflated }: Place, budget: { left: number }): Promise<Uint8Array<ArrayBuffer>> {
  const head = await viewOf(archive, local, local + 30);
  if (head.byteLength < 30 || head.getUint32(0, true) !== LOCAL) throw damaged();
  const start = local + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  if (bytes === BEYOND || start + bytes > archive.size) throw damaged();
  const stored = new Uint8Array(await archive.slice(start, start + bytes).arrayBuffer());
  if (!isDeflated) return stored;
  try {
    return await inflateRaw(stored, budget.left);
  } catch (fault) {
    if (fault instanceof RangeError) throw new ImageError("unpacks to far more than a CT can", "unpack it yourself if you trust it");
    throw damaged();
  }
}

function damaged(): ImageError {
  return new ImageError("is a damaged zip file", AGAIN);
}

async function viewOf(archive: Blob, from: number, to: number): Promise<DataView> {
  return new DataView(await archive.slice(from, to).arrayBuffer());
}
