/** Series with several images at each position, told apart by one attribute; mirrors `omentum.io.dicom.phases`. */
import tables from "../../tables/dicom.json";
import type { Slice } from "./slices.ts";

export interface Phase {
  /** Such as "cardiac phase 40 %". */
  readonly words: string;
  readonly slices: readonly Slice[];
}

/** Phases by the first attribute that leaves one image at each position; none if no position repeats, or nothing explains it. */
export function phasesOf(slices: readonly Slice[]): Phase[] {
  if (!repeats(slices)) return [];
  for (const [number, kind] of tables.phases.entries()) {
    const values = [...new Set(slices.map(({ kinds }) => kinds[number] as string))].sort(byNumber);
    if (values.length < 2) continue;
    const split = values.map((value) => slices.filter(({ kinds }) => kinds[number] === value));
    if (split.some(repeats)) continue;
    return values.map((value, n) => {
      const shown = !kind.is_shown ? `${n + 1} of ${values.length}` : value === "" ? "not stated" : `${value}${kind.unit}`;
      return { words: `${kind.words} ${shown}`, slices: split[n] as Slice[] };
    });
  }
  return [];
}

/** Whether two images that are no copies of each other lie at one position. */
function repeats(slices: readonly Slice[]): boolean {
  const places = new Map<string, string>();
  return slices.some(({ position, identity, frame }) => {
    if (position === null) return false;
    const [place, image] = [position.map((mm) => Math.round(100 * mm)).join(), `${identity.uid} ${frame}`];
    const before = places.get(place);
    if (before === undefined) places.set(place, image);
    return before !== undefined && before !== image;
  });
}

function byNumber(a: string, b: string): number {
  const [x, y] = [a, b].map((value) => (value === "" || Number.isNaN(Number(value)) ? Infinity : Number(value))) as [number, number];
  return x === y ? (a < b ? -1 : 1) : x - y;
}
