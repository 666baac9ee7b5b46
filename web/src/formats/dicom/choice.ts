/**
 * The CT series among the images of a folder; mirrors `omentum.io.dicom.choice`.
 *
 * The only series; else the only one with images at several positions; else the only one of these whose images are all
 * original (not reformatted from others). If several are left, the user is asked. A file that belongs to the series but cannot
 * be used as a slice is refused, because without it there might be a gap, or the volume cut short.
 */
import { ImageError } from "../../volume.ts";
import { pattern } from "../names.ts";
import { NO_DICOM, QUIET } from "./images.ts";
import type { Other, Slice } from "./slices.ts";
import { type Subseries, subseriesOf } from "./subseries.ts";

const OF_ANOTHER = "image of another series";
const MOST_LISTED = 12;

const RULES: readonly (readonly [(one: Subseries) => boolean, string])[] = [
  [(one) => one.isVolume, "the only one with images at several positions"],
  [(one) => one.isVolume && one.isOriginal, "the only one of original images, not reformatted ones"],
];

/** Asked which of several series is meant, with a description of each; null cancels. Without it, several are refused. */
export type Choose = (series: readonly string[]) => Promise<number | null>;

export interface Chosen {
  readonly slices: readonly Slice[];
  readonly warnings: readonly string[];
}

export async function theSeries(slices: readonly Slice[], others: readonly Other[], choose: Choose | null): Promise<Chosen> {
  if (slices.length === 0) throw nothing(others);
  const candidates = subseriesOf(slices);
  const { one, rule, isAsked } = await chosen(candidates, choose);
  refuseSeveralPatients([one]);
  const passed = passedOver(one.slices, others).map(({ what, file }) => [what, file.path] as const);
  const beside = candidates.filter((other) => other !== one).flatMap((other) => other.slices.map(({ file }) => [OF_ANOTHER, file.path] as const));
  const left = [...passed, ...(isAsked ? [] : beside)];
  const used = rule === "" ? "" : `${one.name} is used, ${rule}; `;
  return { slices: one.slices, warnings: left.length === 0 ? [] : [`${used}not part of the CT series and left out: ${counted(left)}`] };
}

function nothing(others: readonly Other[]): ImageError {
  const worth = others.find(({ what }) => (!QUIET.has(what) && what !== NO_DICOM) || others.length === 1);
  if (worth !== undefined && worth.what !== NO_DICOM && !QUIET.has(worth.what)) return worth.fault;
  const told = others.filter(({ what }) => what !== NO_DICOM).map(({ what, file }) => [what, file.path] as const);
  return new ImageError(`no DICOM images found${told.length === 0 ? "" : `; only ${counted(told)}`}`, "give the folder that holds one CT series");
}

async function chosen(candidates: readonly Subseries[], choose: Choose | null): Promise<{ one: Subseries; rule: string; isAsked: boolean }> {
  const [only] = candidates;
  if (candidates.length === 1 && only !== undefined) return { one: only, rule: "", isAsked: false };
  refuseSeveralPatients(candidates);
  for (const [isWanted, rule] of RULES) {
    const wanted = candidates.filter(isWanted);
    if (wanted.length === 1) return { one: wanted[0] as Subseries, rule, isAsked: false };
  }
  const volumes = candidates.some(({ isVolume }) => isVolume) ? candidates.filter(({ isVolume }) => isVolume) : candidates;
  if (choose !== null) {
    const number = await choose(volumes.map(({ words }) => words));
    if (number === null) throw new DOMException("no series chosen", "AbortError");
    return { one: volumes[number] as Subseries, rule: "", isAsked: true };
  }
  const isPhased = volumes.every(({ phase, uid }) => phase !== null && uid === volumes[0]?.uid);
  throw new ImageError(`${isPhased ? "holds different images at one position" : `holds ${volumes.length} series`}: ${listed(volumes)}`, "give one of them");
}

function refuseSeveralPatients(candidates: readonly Subseries[]): void {
  const patients = new Set(candidates.flatMap(({ slices }) => slices.map(({ identity }) => identity.patient)));
  if (patients.size < 2) return;
  const remedy = candidates.length > 1 ? "one folder for each patient" : "one folder for each patient; they share one series UID";
  throw new ImageError(`holds images of ${patients.size} patients: ${listed(candidates)}`, remedy);
}

function listed(candidates: readonly Subseries[]): string {
  const more = candidates.length > MOST_LISTED ? `, and ${candidates.length - MOST_LISTED} more` : "";
  return candidates.slice(0, MOST_LISTED).map(({ words }) => words).join(", ") + more;
}

/** Skipped files that are worth a word. Throws what is at fault with one that should have been a slice. */
function passedOver(members: readonly Slice[], others: readonly Other[]): Other[] {
  const series = members[0]?.identity.series;
  const patterns = new Set(members.map(({ file }) => pattern(file.path)));
  return others.filter((other) => {
    const mine = other.series === null ? patterns.has(pattern(other.file.path)) : other.series === series;
    if (mine && !QUIET.has(other.what) && (other.isPlaced || other.series === null)) throw other.fault;
    return other.what !== NO_DICOM && ((mine && other.series !== null && other.series !== "") || !QUIET.has(other.what));
  });
}

function counted(left: readonly (readonly [what: string, path: string])[]): string {
  const kinds = new Map<string, string[]>();
  for (const [what, path] of left) kinds.set(what, [...(kinds.get(what) ?? []), path]);
  return [...kinds].map(([what, paths]) => `${paths.length} x ${what} (e.g. ${paths[0]})`).join(", ");
}
