/**
 * Reads one CT series as a volume, sorted by slice position; mirrors `omentum.io.dicom.series`. File names and instance
 * numbers are never used for sorting. A gap, a tilted gantry or two images at one position is refused; nothing is interpolated.
 */
import tables from "../../tables/dicom.json";
import { ImageError, type Volume } from "../../volume.ts";
import type { Source } from "../source.ts";
import { type Choose, theSeries } from "./choice.ts";
import { checkSameGeometry, normalOf, seriesAffine, tiltDegrees } from "./geometry.ts";
import { slicesOrOther } from "./images.ts";
import { difference, dot } from "./numbers.ts";
import { checkDecodable, checkRescale, PixelReader } from "./pixels.ts";
import type { Other, Slice } from "./slices.ts";
import { nameOf } from "./subseries.ts";

export interface Series {
  /** HU; axes column, row, slice, slices ascending along the cross product of row and column direction. */
  readonly volume: Volume & { readonly voxels: Int16Array | Float32Array };
  readonly warnings: readonly string[];
}

/**
 * Read the CT series among files. Throws an ImageError for what cannot be used, with the reason and a remedy.
 *
 * @param isFolder whether they are all files of a folder or an archive: a single image may then be a whole series
 */
export async function readSeries(files: readonly Source[], isFolder: boolean, choose: Choose | null, onFile: (done: number) => void): Promise<Series> {
  const [found, others] = await readHeaders(files, onFile);
  const { slices, warnings: told } = await theSeries(found, others, choose);
  if (slices.length === 1 && !isFolder) throw new ImageError("is a single DICOM image", "give the folder that holds its whole series", slices[0]?.file.path ?? null);
  const warnings = [...told];
  checkRescale(slices);
  const ordered = await sortedByPosition(slices, warnings);
  const affine = seriesAffine(ordered, warnings);
  const tilt = tiltDegrees(affine);
  if (tilt > tables.tilt_degrees) throw tilted(tilt);
  warnings.push(...oddities(ordered));
  const { columns, rows } = (ordered[0] as Slice).encoding;
  const voxels = await stacked(ordered);
  return { volume: { grid: { shape: [columns, rows, ordered.length], affine }, voxels }, warnings };
}

async function readHeaders(files: readonly Source[], onFile: (done: number) => void): Promise<[Slice[], Other[]]> {
  const [slices, others]: [Slice[], Other[]] = [[], []];
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const [number, file] of sorted.entries()) {
    const found = await slicesOrOther(file);
    if (Array.isArray(found)) slices.push(...found);
    else others.push(found);
    onFile(number + 1);
  }
  return [slices, others];
}

async function sortedByPosition(slices: readonly Slice[], warnings: string[]): Promise<Slice[]> {
  checkSameGeometry(slices);
  checkDecodable(slices);
  const normal = normalOf(slices[0] as Slice);
  const level = (one: Slice): number => dot(one.position as number[], normal);
  const order = (a: Slice, b: Slice): number => level(a) - level(b) || (a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : (a.frame ?? 0) - (b.frame ?? 0));
  return withoutCopies([...slices].sort(order), warnings);
}

/** Drop exact copies of a slice; different images at one position are refused. */
async function withoutCopies(ordered: readonly Slice[], warnings: string[]): Promise<Slice[]> {
  const kept = ordered.slice(0, 1);
  const reader = new PixelReader();
  for (const one of ordered.slice(1)) {
    const last = kept.at(-1) as Slice;
    if (difference(one.position as number[], last.position as number[]) > tables.spacing_tolerance_mm) kept.push(one);
    else if (!(await isSameImage(one, last, reader)))
      throw new ImageError(`two different images at one position, ${nameOf(last)} and ${nameOf(one)}`, "keep one time point or phase in the folder");
  }
  if (kept.length < ordered.length) warnings.push(`${ordered.length - kept.length} copies of slices left out`);
  return kept;
}

async function isSameImage(one: Slice, other: Slice, reader: PixelReader): Promise<boolean> {
  if (one.rescale.slope !== other.rescale.slope || one.rescale.intercept !== other.rescale.intercept) return false;
  const [a, b] = [await reader.stored(one), await reader.stored(other)];
  return a.length === b.length && a.every((value, n) => value === b[n]);
}

function tilted(degrees: number): ImageError {
  const reason = `its gantry is tilted by ${degrees.toFixed(1)} degrees`;
  if (degrees > tables.most_tilt_degrees) return new ImageError(`${reason}, more than any gantry tilts: its positions are wrong`);
  return new ImageError(reason, "omentum segment --allow-tilt resamples it to an upright grid");
}

/** Irregularities that affect no voxel but suggest that the series was modified by other software. */
function oddities(slices: readonly Slice[]): string[] {
  const told = [];
  const images = new Set(slices.flatMap(({ identity, frame }) => (identity.uid === "" ? [] : [`${identity.uid} ${frame}`])));
  if (images.size > 0 && images.size < slices.length) told.push(`its ${slices.length} slices share ${images.size} SOP instance UID(s); told apart by position`);
  const frames = new Set(slices.map(({ identity }) => identity.frameOfReference).filter((uid) => uid !== ""));
  if (frames.size > 1) told.push(`its slices state ${frames.size} frames of reference; taken as one, as they form one stack`);
  if (slices.some(({ isInverted }) => isInverted)) told.push("is stored to be shown inverted (MONOCHROME1); HU are taken as stored, not inverted");
  const unstated = slices.filter(({ rescale }) => !rescale.isStated);
  if (unstated.length > 0) told.push(`${unstated.length} slice(s), e.g. ${nameOf(unstated[0] as Slice)}, state no rescale intercept; stored numbers taken as HU`);
  return told;
}

async function stacked(slices: readonly Slice[]): Promise<Int16Array | Float32Array> {
  const { columns, rows } = (slices[0] as Slice).encoding;
  const size = columns * rows;
  const reader = new PixelReader();
  let out: Int16Array | Float32Array = new Int16Array(size * slices.length);
  for (const [k, one] of slices.entries()) {
    const hu = await reader.hu(one);
    if (hu instanceof Float32Array && out instanceof Int16Array) out = Float32Array.from(out);
    out.set(hu, k * size);
  }
  return out;
}
