/** Where structures lie relative to each other and to the body; mirrors `omentum.quality.placement`. */
import { type Case, RULES } from "./rules.ts";

export interface Placement {
  /** Violated rules, each with the violation in mm. */
  readonly broken: readonly (readonly [rule: (typeof RULES.order)[number], missedMm: number])[];
  /** Paired structures in the wrong half of the body, with the distance from the middle in mm. */
  readonly wrongHalf: ReadonlyMap<string, number>;
}

export function place({ classes, found }: Case, middleMm: number | null): Placement {
  const broken = RULES.order.flatMap((rule) => {
    const [key, , axis, other] = rule;
    const [one, two] = [found.get(key)?.centroid_mm, found.get(other)?.centroid_mm];
    const missed = one == null || two == null ? 0 : (two[axis] as number) - (one[axis] as number);
    return missed > RULES.margin_mm ? [[rule, missed] as const] : [];
  });
  const wrongHalf = new Map<string, number>();
  for (const [key, { centroid_mm: centre }] of found) {
    const side = classes.get(key)?.side ?? null;
    if (middleMm === null || side === null || centre === null) continue;
    const beyond = (side === "right" ? 1 : -1) * (middleMm - centre[0]);
    if (beyond > RULES.margin_mm) wrongHalf.set(key, beyond);
  }
  return { broken, wrongHalf };
}
