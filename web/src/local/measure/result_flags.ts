/** Flags about the masks; mirrors `omentum.quality.result_flags`, without what needs the network's probabilities. */
import type { Flag, Lesion } from "../../documents.ts";
import type { PackedMasks } from "../packed_masks.ts";
import { isLesion } from "./lesions.ts";
import type { Placement } from "./placement.ts";
import { type Case, fixed, flag, g, mayShare, RULES, volumeText } from "./rules.ts";
import type { Measured } from "./structures.ts";

const WORDS: Readonly<Record<string, string>> = RULES.order_words;

export function resultFlags(known: Case, placement: Placement, lesions: readonly Lesion[], masks: PackedMasks): Flag[] {
  const shared = sharedVoxels(masks);
  const ofStructures = [...known.found.values()].flatMap((one) => [...volumeFlags(one), ...huFlags(one), ...shapeFlags(one, masks, (shared[masks.number(one.key)] as number) / one.voxels)]);
  return [...sideFlags(known, placement), ...orderFlags(known, placement), ...ofStructures, ...pairFlags(known), ...lesionFlags(known, lesions), ...missingFlags(known)];
}

function sideFlags({ classes }: Case, { broken, wrongHalf }: Placement): Flag[] {
  const told = new Set<string>();
  const swapped = broken.flatMap(([[key, direction, , other], missed]) => {
    if (direction !== "right" || classes.get(key)?.pair !== other) return [];
    told.add(key).add(other);
    const text = (word: string, than: string): string => `its centre lies ${fixed(missed)} mm ${word} of that of ${than}: sides swapped; swap the labels`;
    return [flag("error", key, "side", text("left", other)), flag("error", other, "side", text("right", key))];
  });
  const beyond = [...wrongHalf].flatMap(([key, mm]) => {
    const half = classes.get(key)?.side === "right" ? "left" : "right";
    return told.has(key) ? [] : [flag("error", key, "side", `its centre lies ${fixed(mm)} mm in the ${half} half of the body; check the side`)];
  });
  return [...swapped, ...beyond];
}

function orderFlags({ classes }: Case, { broken }: Placement): Flag[] {
  return broken.flatMap(([[key, direction, , other], missed]) =>
    classes.get(key)?.pair === other ? [] : [flag("warning", key, "order", `its centre lies ${fixed(missed)} mm ${WORDS[direction]} that of ${other}; one is misplaced`)],
  );
}

function volumeFlags({ key, volume_ml: ml, touches_border: isCut }: Measured): Flag[] {
  const [low, high] = RULES.volume_ml[key] as readonly [number, number];
  const plausible = `plausible ${g(low)} to ${g(high)}`;
  if (ml > high) return [flag("warning", key, "large", `${fixed(ml, 1)} ml, ${plausible}; look for leakage`)];
  if (ml < low && !isCut) return [flag("warning", key, "small", `${volumeText(ml)} although wholly imaged, ${plausible}; look for missing parts`)];
  return [];
}

function huFlags({ key, median_hu: hu }: Measured): Flag[] {
  const limits = RULES.hu[key];
  if (hu === null || limits === undefined || (limits[0] <= hu && hu <= limits[1])) return [];
  return [flag("warning", key, "hu", `median ${fixed(hu)} HU, plausible ${g(limits[0])} to ${g(limits[1])}; wrong organ, or not in HU`)];
}

function shapeFlags(one: Measured, masks: PackedMasks, shared: number): Flag[] {
  const flags: Flag[] = [];
  // Components may be connected outside a truncating image.
  if (RULES.single.includes(one.key) && !one.touches_border) {
    const sizes = masks.components(one.key).map(({ voxels }) => voxels);
    const count = sizes.filter((voxels) => voxels >= RULES.fragment_share * one.voxels).length;
    const outside = 100 * (1 - Math.max(...sizes) / one.voxels);
    if (count > 1) flags.push(flag("warning", one.key, "fragments", `${count} connected components, ${fixed(outside)} % outside the largest; remove fragments or join`));
  }
  if (shared > RULES.overlap_share)
    flags.push(flag("warning", one.key, "overlap", `${fixed(100 * shared)} % of it also belongs to another structure that is no host; redraw the border`));
  return flags;
}

function pairFlags({ classes, found }: Case): Flag[] {
  return Object.entries(RULES.right_to_left).flatMap(([key, [low, high]]) => {
    const pair = classes.get(key)?.pair ?? "";
    const [right, left] = [found.get(key), found.get(pair)];
    if (right === undefined || left === undefined || right.touches_border || left.touches_border) return [];
    const ratio = right.volume_ml / left.volume_ml;
    if (low <= ratio && ratio <= high) return [];
    return [flag("warning", ratio < low ? key : pair, "ratio", `right to left is ${fixed(ratio, 2)} by volume, plausible ${g(low)} to ${g(high)}; compare both sides`)];
  });
}

function lesionFlags({ classes, found }: Case, lesions: readonly Lesion[]): Flag[] {
  const homeless = lesions.flatMap(({ host, key, number, volume_ml: ml }) =>
    host === null ? [flag("warning", key, "no_host", `lesion ${number} (${volumeText(ml)}) lies in no organ it may live in; likely false`)] : [],
  );
  const large = [...found.values()].flatMap(({ key, volume_ml: ml }) => {
    const about = classes.get(key);
    if (about === undefined || !isLesion(about)) return [];
    const hosts = about.hosts.reduce((sum, host) => sum + (found.get(host)?.volume_ml ?? 0), 0);
    if (hosts === 0 || ml <= RULES.host_share * hosts) return [];
    return [flag("warning", key, "large", `${fixed(ml)} ml, ${fixed((100 * ml) / hosts)} % of its host, plausible up to ${g(100 * RULES.host_share)} %; look for leakage`)];
  });
  return [...homeless, ...large];
}

/** Structures that were not found although their surroundings are fully in the image. */
function missingFlags({ classes, found }: Case): Flag[] {
  return Object.entries(RULES.expected_with).flatMap(([key, others]) => {
    const whole = others.every((other) => found.get(other)?.touches_border === false);
    if (!classes.has(key) || found.has(key) || !whole) return [];
    const near = others.map((other) => (classes.get(other)?.display ?? other).toLowerCase()).join(" and ");
    const seen = `not found although ${near} ${others.length === 1 ? "is" : "are"} wholly in the image`;
    if (RULES.removable.includes(key)) return [flag("info", key, "missing", `${seen}; removed by surgery, or overlooked`)];
    return [flag("warning", key, "missing", `${seen}; draw it by hand or try other weights`)];
  });
}

/** For each class its voxels that also belong to a class with which it should share none. */
function sharedVoxels({ classes, bits }: PackedMasks): Uint32Array {
  const foreign = classes.map((one) => classes.reduce((mask, other, k) => (mayShare(one, other) ? mask : mask | (1 << k)), 0));
  const counts = new Uint32Array(classes.length);
  for (let n = 0; n < bits.length; n++) {
    const here = bits[n] as number;
    if ((here & (here - 1)) === 0) continue;
    for (let left = here; left !== 0; left &= left - 1) {
      const k = 31 - Math.clz32(left & -left);
      if ((here & (foreign[k] as number)) !== 0) counts[k] = (counts[k] as number) + 1;
    }
  }
  return counts;
}
