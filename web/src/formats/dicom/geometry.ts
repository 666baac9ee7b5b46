/** Geometry of a series: slices have to be parallel and evenly spaced; mirrors `omentum.io.dicom.geometry`. */
import { type Affine, spacing, type Vec3 } from "../../geometry.ts";
import tables from "../../tables/dicom.json";
import { ImageError, rint } from "../../volume.ts";
import { crossOf, difference, dot, significant } from "./numbers.ts";
import { faultOf, frameWords, type Slice } from "./slices.ts";

const CONVERT = "convert it with dcm2niix -z y, which says what it resamples";

/** Throws an ImageError unless all slices state their position and are parallel, with equal matrix and pixel spacing. */
export function checkSameGeometry(slices: readonly Slice[]): void {
  slices.forEach(checkStated);
  checkSameMatrix(slices);
  const usual = mostCommon(slices);
  for (const one of slices) {
    if (difference(one.directions as number[], usual.directions as number[]) > tables.direction_tolerance)
      throw faultOf(one.file, `${frameWords(one)}is turned against the other slices of its series`);
    if (!(one.spacing as readonly number[]).every((mm, n) => Math.abs(mm - (usual.spacing?.[n] ?? NaN)) <= 1e-8 + 1e-3 * Math.abs(usual.spacing?.[n] ?? NaN)))
      throw faultOf(one.file, `${frameWords(one)}has another pixel spacing than the other slices of its series`);
  }
}

function checkStated(one: Slice): void {
  for (const [what, value] of [["position", one.position], ["orientation", one.directions], ["pixel spacing", one.spacing]] as const) {
    if (value === null) throw faultOf(one.file, `${frameWords(one)}states no ${what}, or an impossible one`, "without it nobody can say where the slice is");
  }
  const mm = one.spacing as readonly [number, number];
  if (Math.min(...mm) < tables.least_mm) throw faultOf(one.file, `${frameWords(one)}states an impossible pixel spacing ${mm.map((one) => significant(one)).join(" x ")} mm`);
}

function checkSameMatrix(slices: readonly Slice[]): void {
  const size = ({ encoding }: Slice): string => `${encoding.columns} x ${encoding.rows}`;
  const usual = commonest(slices.map(size));
  const odd = slices.find((one) => size(one) !== usual);
  if (odd !== undefined) throw faultOf(odd.file, `is ${size(odd)} pixels, others of its series ${usual}`);
}

/** The first slice of the most frequent orientation and pixel spacing. */
function mostCommon(slices: readonly Slice[]): Slice {
  const kind = ({ directions, spacing: mm }: Slice): string => [...(directions ?? []), ...(mm ?? [])].map((value) => rint(100 * value) + 0).join();
  const usual = commonest(slices.map(kind));
  return slices.find((one) => kind(one) === usual) as Slice;
}

/** The first of the most frequent values. */
function commonest<T>(values: readonly T[]): T {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

/** Unit normal of the slice, LPS. */
export function normalOf(one: Slice): Vec3 {
  const directions = one.directions as number[];
  const normal = crossOf(directions);
  const length = Math.hypot(...normal);
  if (Math.abs(length - 1) > 0.01 || Math.abs(dot(directions.slice(0, 3), directions.slice(3))) > tables.direction_tolerance)
    throw faultOf(one.file, "states directions of rows and columns that are no right angle");
  return normal.map((value) => value / length) as Vec3;
}

/** Affine of sorted slices: index (column, row, slice) to RAS+ mm. Warnings are added to a list. */
export function seriesAffine(slices: readonly Slice[], warnings: string[]): Affine {
  const first = slices[0] as Slice;
  const [directions, mm] = [first.directions as number[], first.spacing as readonly [number, number]];
  const step = stepOf(slices, warnings);
  const rows = [0, 1, 2].map((row) => [(directions[row] as number) * mm[0], (directions[row + 3] as number) * mm[1], step[row] as number, first.position?.[row] as number]);
  return [...rows.map((row, n) => (n < 2 ? row.map((value) => -value) : row)), [0, 0, 0, 1]] as Affine;
}

function stepOf(slices: readonly Slice[], warnings: string[]): Vec3 {
  const first = slices[0] as Slice;
  const normal = normalOf(first);
  if (slices.length === 1) {
    const thickness = first.thickness ?? 0;
    // A negative one would mirror the axis.
    if (!(thickness >= tables.least_mm && thickness <= tables.most_mm)) throw new ImageError("is a single slice that states no thickness above 0 mm");
    return normal.map((value) => value * thickness) as Vec3;
  }
  const positions = slices.map(({ position }) => position as Vec3);
  checkEven(positions.map((position) => dot(position, normal)), warnings);
  const [start, end] = [positions[0] as Vec3, positions.at(-1) as Vec3];
  const step = start.map((value, axis) => ((end[axis] as number) - value) / (slices.length - 1)) as Vec3;
  checkStraight(positions, step, normal, slices);
  return step;
}

function checkEven(alongMm: readonly number[], warnings: string[]): void {
  const gaps = alongMm.slice(1).map((mm, n) => mm - (alongMm[n] as number));
  const usual = usualOf(gaps);
  const limit = Math.max(tables.spacing_tolerance * usual, tables.spacing_tolerance_mm);
  const odd = gaps.flatMap((gap, n) => (Math.abs(gap - usual) > limit ? [n] : []));
  if (odd.length === 0) return;
  const off = offEven(alongMm);
  if (off < tables.rounded * usual) {
    const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
    warnings.push(`slice positions are rounded, up to ${significant(off, 2)} mm off an even spacing of ${significant(mean, 4)} mm; taken as even`);
    return;
  }
  const multiples = odd.map((n) => (gaps[n] as number) / usual);
  if (multiples.every((one) => Math.abs(one - rint(one)) < 0.1 && one > 1.5)) {
    const missing = multiples.map((one) => rint(one) - 1);
    const places = odd.map((n, k) => `${missing[k]} between ${alongMm[n]?.toFixed(1)} and ${alongMm[n + 1]?.toFixed(1)} mm`);
    const more = places.length > tables.most_gaps ? ` and in ${places.length - tables.most_gaps} more places` : "";
    const count = missing.reduce((a, b) => a + b, 0);
    throw new ImageError(`${count} slice(s) missing: ${places.slice(0, tables.most_gaps).join(", ")}${more} (spacing ${significant(usual, 4)} mm)`, "copy or download the whole series again");
  }
  throw new ImageError(`slices are unevenly spaced, ${significant(Math.min(...gaps), 3)} to ${significant(Math.max(...gaps), 3)} mm`, CONVERT);
}

/** The most frequent distance of slices, and the smaller of two; larger ones may be gaps. */
function usualOf(gaps: readonly number[]): number {
  const tenths = gaps.map((gap) => rint(10 * gap));
  const usual = commonest([...tenths].sort((a, b) => a - b));
  const members = gaps.filter((_, n) => tenths[n] === usual).sort((a, b) => a - b);
  const middle = members.length >> 1;
  return members.length % 2 === 1 ? (members[middle] as number) : ((members[middle - 1] as number) + (members[middle] as number)) / 2;
}

/** Maximum deviation in mm from the best evenly spaced positions; sensitive to drift and gaps, not to rounding. */
function offEven(alongMm: readonly number[]): number {
  const n = alongMm.length;
  const middle = (n - 1) / 2;
  const mean = alongMm.reduce((a, b) => a + b, 0) / n;
  const slope = alongMm.reduce((sum, mm, k) => sum + (k - middle) * (mm - mean), 0) / alongMm.reduce((sum, _, k) => sum + (k - middle) ** 2, 0);
  return Math.max(...alongMm.map((mm, k) => Math.abs(mm - mean - slope * (k - middle))));
}

/** Slices lie behind each other: on the line from the first to the last one, which may be tilted. */
function checkStraight(positions: readonly Vec3[], step: Vec3, normal: Vec3, slices: readonly Slice[]): void {
  const start = positions[0] as Vec3;
  const sideways = positions.map((position, k) => {
    const off = position.map((value, axis) => value - (start[axis] as number) - k * (step[axis] as number));
    const forward = dot(off, normal);
    return Math.hypot(...off.map((value, axis) => value - forward * (normal[axis] as number)));
  });
  const worst = sideways.indexOf(Math.max(...sideways));
  const mm = sideways[worst] as number;
  if (mm > tables.sideways_tolerance * Math.min(...(slices[0]?.spacing as readonly [number, number])))
    throw faultOf((slices[worst] as Slice).file, `lies ${significant(mm, 3)} mm beside the line of its series`, CONVERT);
}

/** Angle between the normal of the slices and the line through their positions. */
export function tiltDegrees(affine: Affine): number {
  const column = (axis: number): Vec3 => [0, 1, 2].map((row) => affine[row]?.[axis] as number) as Vec3;
  const normal = crossOf([...column(0), ...column(1)]);
  const cosine = dot(column(2), normal) / (spacing(affine)[2] * Math.hypot(...normal));
  return (Math.acos(Math.min(1, Math.abs(cosine))) * 180) / Math.PI;
}
