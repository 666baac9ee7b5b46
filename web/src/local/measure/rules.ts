/** The quality rules of `omentum/quality/limits.toml` (see `web/tables.py`), and how flags are worded. */
import type { Flag } from "../../documents.ts";
import tables from "../../tables/quality.json";
import { rint } from "../../volume.ts";
import type { ModelClass } from "../model.ts";
import type { Measured } from "./structures.ts";

type Range = readonly [number, number];
type ByKey<T> = Readonly<Record<string, T>>;

export const RULES = {
  ...tables,
  volume_ml: tables.volume_ml as unknown as ByKey<Range>,
  hu: tables.hu as unknown as ByKey<Range>,
  right_to_left: tables.right_to_left as unknown as ByKey<Range>,
  expected_with: tables.expected_with as ByKey<readonly string[]>,
  order: tables.order as unknown as readonly (readonly [key: string, direction: "right" | "above" | "front", axis: number, other: string])[],
  phase: tables.phase as unknown as ByKey<readonly Range[]>,
};

/** What is known of a case when it is checked. */
export interface Case {
  readonly classes: ReadonlyMap<string, ModelClass>;
  /** Structures that were found. */
  readonly found: ReadonlyMap<string, Measured>;
}

export function flag(severity: Flag["severity"], structure: string, code: string, text: string): Flag {
  return { severity, structure, code, text };
}

/** As Python writes `{:g}`. */
export function g(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits)));
}

/** A number with some decimals; halves to even, as Python writes them. */
export function fixed(value: number, digits = 0): string {
  return (rint(value * 10 ** digits) / 10 ** digits).toFixed(digits);
}

/** A volume with three significant digits. */
export function volumeText(ml: number): string {
  const digits = ml >= 100 ? 0 : ml >= 1 ? 1 : 2;
  return `${Number(fixed(ml, digits)).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ml`;
}

/** Whether two masks may overlap: one structure hosts the other, or both have the same host. */
export function mayShare(one: ModelClass, other: ModelClass): boolean {
  const hosts = new Set([other.key, ...other.hosts]);
  return [one.key, ...one.hosts].some((key) => hosts.has(key)) || tables.overlaps.some((pair) => pair.includes(one.key) && pair.includes(other.key));
}
