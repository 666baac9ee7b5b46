/** Flags about the CT: scale, coverage, slices, metal, contrast phase, orientation; mirrors `omentum.quality.ct_flags`. */
import type { Flag } from "../../documents.ts";
import type { CtFacts } from "./ct_facts.ts";
import type { Placement } from "./placement.ts";
import { type Case, fixed, flag, g, RULES } from "./rules.ts";

export function ctFlags(facts: CtFacts, known: Case): Flag[] {
  const { ct } = RULES;
  const flags: Flag[] = [];
  const [low, high] = ct.air_hu as [number, number];
  if (facts.airHu !== null && !(low <= facts.airHu && facts.airHu <= high))
    flags.push(flag("warning", "", "scale", `air reads ${fixed(facts.airHu)} HU, expected ${g(low)} to ${g(high)}; check rescale slope and intercept`));
  if (facts.middleMm === null) flags.push(flag("error", "", "no_body", `no voxel above ${g(ct.body_hu)} HU: nothing of a body in the image`));
  if (facts.cutShare > ct.cut_share)
    flags.push(flag("warning", "", "cut", `${fixed(100 * facts.cutShare)} % of the image's sides, front and back are body: the field of view cuts it; organs there are only partly imaged`));
  if (facts.sliceMm > ct.thick_mm) flags.push(flag("info", "", "thick_slices", `axial slices are ${g(facts.sliceMm, 3)} mm apart; small lesions, adrenals and vessels may be missed`));
  if (facts.metalMl > ct.metal_ml)
    flags.push(flag("warning", "", "metal", `${fixed(facts.metalMl, 1)} ml above ${g(ct.metal_hu)} HU: metal or dense contrast; check what lies in its streaks`));
  return [...flags, ...phase(known)];
}

/** Whether left and right are swapped, by the positions of structures without a side. */
export function mirroredFlags({ classes, found }: Case, { broken }: Placement): Flag[] {
  const isUnsided = (key: string): boolean => found.has(key) && (classes.get(key)?.side ?? null) === null;
  const sided = RULES.order.filter(([key, direction, , other]) => direction === "right" && isUnsided(key) && isUnsided(other));
  const wrong = sided.filter((rule) => broken.some(([one]) => one === rule));
  if (wrong.length < RULES.mirror_rules || 2 * wrong.length < sided.length) return [];
  const told = wrong.map(([key, , , other]) => `${key} lies left of ${other}`).join(", ");
  return [flag("error", "", "mirrored", `${told}: mirrored image or situs inversus; check the orientation, left and right may be wrong`)];
}

function phase({ found }: Case): Flag[] {
  const medians = [...found.values()].filter(({ key, median_hu: hu }) => key in RULES.phase && hu !== null);
  if (medians.length < RULES.least_evidence) return [];
  const ranked = RULES.phase_names
    .map((name, n) => {
      const losses = medians.map(({ key, median_hu: hu }) => {
        const [mean, sd] = RULES.phase[key]?.[n] as readonly [number, number];
        return Math.min(Math.abs((hu as number) - mean) / sd, RULES.farthest_sds) ** 2 / 2 + Math.log(sd);
      });
      return [losses.reduce((a, b) => a + b, 0) / losses.length, name] as const;
    })
    .sort(([a, one], [b, other]) => a - b || (one < other ? -1 : 1));
  const [[best, name], [second, other]] = ranked as unknown as [readonly [number, string], readonly [number, string]];
  const seen = medians.map(({ display, median_hu: hu }) => `${display.toLowerCase()} ${fixed(hu as number)}`).join(", ");
  return [flag("info", "", "phase", `contrast phase looks like ${name}${second > best + RULES.clear_distance ? "" : ` (or ${other})`}: ${seen} HU`)];
}
