/** A file that is read when it is needed: one that the user gave, or an entry of an archive. */
export interface Source {
  /** Path in what was given. */
  readonly path: string;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

export function sourceOf(path: string, file: Blob): Source {
  return { path, bytes: async () => new Uint8Array(await file.arrayBuffer()) };
}
