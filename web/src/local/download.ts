/** Files of the static page, fetched with progress and checked against their hash where browsers can: over https and at localhost. */

/** Called with bytes received. */
type Received = (bytes: number) => void;

export async function fetchFile(address: string, sha256: string | null, onProgress: Received): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(address);
  if (!answer.ok || answer.body === null) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
    parts.push(part);
    length += part.length;
    onProgress(length);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  if (sha256 !== null && isSecureContext && (await hash(whole)) !== sha256) throw new Error(`${address} is damaged: reload the page`);
  return whole;
}

async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
