/** Compression with the browser's own streams. */

export async function gzip(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return collected(new Blob([data]).stream().pipeThrough(new CompressionStream("gzip")));
}

/** Inflate at most `limit` bytes. Throws a RangeError above that, a TypeError if the data are damaged. */
export async function gunzip(data: Uint8Array<ArrayBuffer>, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  return collected(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip")), limit);
}

/** Inflate a raw deflate stream, as in zip and DICOM files; see `gunzip`. */
export async function inflateRaw(data: Uint8Array<ArrayBuffer>, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  return collected(new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")), limit);
}

export function isGzip(data: Uint8Array): boolean {
  return data[0] === 0x1f && data[1] === 0x8b;
}

async function collected(stream: ReadableStream<Uint8Array>, limit = Infinity): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) {
      await reader.cancel();
      throw new RangeError(`more than ${limit} bytes`);
    }
    parts.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
