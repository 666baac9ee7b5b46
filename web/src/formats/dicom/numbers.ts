/** Numbers of DICOM geometry: vectors in mm (LPS), and how numbers are told. */
import type { Vec3 } from "../../geometry.ts";

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, n) => sum + value * (b[n] as number), 0);
}

/** Cross product of row and column direction. */
export function crossOf(directions: readonly number[]): Vec3 {
  const [a, b, c, d, e, f] = directions as [number, number, number, number, number, number];
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

/** How far a position lies along the normal of slices. */
export function along(position: Vec3, directions: readonly number[]): number {
  return dot(position, crossOf(directions));
}

export function difference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, n) => Math.abs(value - (b[n] as number))));
}

/** As Python writes `{:.{digits}g}`. */
export function significant(value: number, digits = 6): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
}
