/** The series between which one has to choose, told without anything that identifies the patient; mirrors `omentum.io.dicom.subseries`. */
import { along, significant } from "./numbers.ts";
import { type Phase, phasesOf } from "./phases.ts";
import { frameWords, type Slice } from "./slices.ts";

/** A series, or one phase of a series with several images at each position. */
export class Subseries {
  constructor(
    readonly slices: readonly Slice[],
    readonly phase: Phase | null,
  ) {}

  get uid(): string {
    return this.first.identity.series;
  }

  get number(): number | null {
    return this.first.seriesNumber;
  }

  /** Such as "series 3, cardiac phase 40 %". */
  get name(): string {
    return `series ${this.number ?? "?"}${this.phase === null ? "" : `, ${this.phase.words}`}`;
  }

  /** Name, description, number of images and spacing. */
  get words(): string {
    const { description } = this.first;
    const count = this.slices.length;
    const spacing = this.spacing.map((mm) => significant(mm, 3)).join(" x ");
    const parts = [description, `${count} image${count > 1 ? "s" : ""}`, spacing === "" ? "" : `${spacing} mm`];
    return `${this.name} (${parts.filter((part) => part !== "").join(", ")})`;
  }

  /** Whether slices lie at several positions: dose reports, single images and time series at one do not. */
  get isVolume(): boolean {
    return new Set(this.slices.flatMap(({ position }) => (position === null ? [] : [position.join()]))).size > 1;
  }

  /** Whether no image is derived from others. */
  get isOriginal(): boolean {
    return this.slices.every(({ isOriginal }) => isOriginal);
  }

  private get first(): Slice {
    return this.slices[0] as Slice;
  }

  /** Between columns, rows and slices, as far as it is stated. */
  private get spacing(): readonly number[] {
    const { spacing, directions } = this.first;
    const places = this.slices.flatMap(({ position }) => (position === null ? [] : [position]));
    if (spacing === null || directions === null || places.length < 2) return spacing ?? [];
    const levels = [...new Set(places.map((place) => Math.round(1000 * along(place, directions)) / 1000))].sort((a, b) => a - b);
    const gaps = levels.slice(1).map((level, n) => level - (levels[n] as number)).sort((a, b) => a - b);
    if (gaps.length === 0) return spacing;
    const middle = gaps.length >> 1;
    return [...spacing, gaps.length % 2 === 1 ? (gaps[middle] as number) : ((gaps[middle - 1] as number) + (gaps[middle] as number)) / 2];
  }
}

/** All series in the order of their numbers; a series of several phases as one candidate for each. */
export function subseriesOf(slices: readonly Slice[]): Subseries[] {
  const series = new Map<string, Slice[]>();
  for (const one of slices) series.set(one.identity.series, [...(series.get(one.identity.series) ?? []), one]);
  const found = [...series.values()].flatMap((members) => {
    const phases = phasesOf(members);
    return phases.length > 0 ? phases.map((phase) => new Subseries(phase.slices, phase)) : [new Subseries(members, null)];
  });
  return found.sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || 0);
}

/** File of a slice and its frame, for messages. */
export function nameOf(one: Slice): string {
  return one.frame === null ? one.file.path : `${frameWords(one)}of ${one.file.path}`;
}
