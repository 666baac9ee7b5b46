import { deflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { isZip, zipEntries } from "../../src/formats/zip.ts";

interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
}

function record(size: number, ...fields: readonly (readonly [at: number, bytes: 2 | 4, value: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(size));
  for (const [at, bytes, value] of fields) bytes === 2 ? view.setUint16(at, value, true) : view.setUint32(at, value, true);
  return new Uint8Array(view.buffer);
}

/** Local headers with data, then the directory, then its end (APPNOTE.TXT, 4.3). */
function zip(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const [parts, directory]: [Uint8Array[], Uint8Array[]] = [[], []];
  let at = 0;
  for (const { name, data, method = 8, flags = 0x800 } of entries) {
    const [path, stored] = [new TextEncoder().encode(name), method === 8 ? deflateRawSync(data) : data];
    const local = record(30, [0, 4, 0x04034b50], [8, 2, method], [26, 2, path.length]);
    directory.push(record(46, [0, 4, 0x02014b50], [8, 2, flags], [10, 2, method], [20, 4, stored.length], [24, 4, data.length], [28, 2, path.length], [42, 4, at]), path);
    parts.push(local, path, stored);
    at += local.length + path.length + stored.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = record(22, [0, 4, 0x06054b50], [8, 2, entries.length], [10, 2, entries.length], [12, 4, size], [16, 4, at]);
  return Uint8Array.from([...parts, ...directory, end].flatMap((part) => [...part]));
}

const TEXT = new TextEncoder().encode("a slice ".repeat(40));

test("entries are inflated or taken as they are, without folders and what file managers add", async () => {
  const file = zip([{ name: "a/1", data: TEXT }, { name: "a/ü", data: TEXT, method: 0 }, { name: "a/", data: new Uint8Array(0), method: 0 }, { name: "__MACOSX/a", data: TEXT }, { name: "a/.DS_Store", data: TEXT }]);
  expect(isZip(file)).toBe(true);
  const found = await zipEntries(new Blob([file]));
  expect(found.map(({ path }) => path)).toEqual(["a/1", "a/ü"]);
  for (const one of found) expect(await one.bytes()).toEqual(TEXT);
});

test.each([
  ["encrypted", zip([{ name: "1", data: TEXT, flags: 1 }])],
  ["method 12", zip([{ name: "1", data: TEXT, method: 12 }])],
  ["damaged", zip([{ name: "1", data: TEXT }]).slice(0, -30)],
  ["damaged", Uint8Array.from([0x50, 0x4b, 3, 4])],
])("an archive is refused: %s", async (words, file) => {
  await expect(zipEntries(new Blob([file]))).rejects.toThrow(words);
});

test("an entry is inflated no further than a CT could be", async () => {
  const bomb = zip([{ name: "1", data: new Uint8Array(80 << 20) }]);
  const [entry] = await zipEntries(new Blob([bomb]));
  await expect(entry?.bytes()).rejects.toThrow("far more than a CT");
}, 30_000);

test("an entry whose data are damaged is refused when it is read", async () => {
  const file = zip([{ name: "1", data: TEXT }]);
  file.fill(0xff, 31, 40);
  const [entry] = await zipEntries(new Blob([file]));
  await expect(entry?.bytes()).rejects.toThrow("damaged");
});
