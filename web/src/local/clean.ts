/** Cleans masks by anatomical rules; mirrors `omentum.postprocess.clean`. The order of the rules matters. */
import { unravel, type Vec3 } from "../geometry.ts";
import type { Volume } from "../volume.ts";
import { type Component, components, eachVoxel } from "./components.ts";
import { keepNearHosts, cutToHosts, hostsToGoBy } from "./hosts.ts";
import { cavities, unwanted } from "./keep.ts";
import { findMidline } from "./midline.ts";
import type { ModelClass, Rule } from "./model.ts";
import type { PackedMasks } from "./packed_masks.ts";
import { beyondMm, ON_THE_LINE_MM, repairSides } from "./sides.ts";
import { findTrunk, type OutsideTrunk } from "./trunk.ts";

/** A component with more than this share outside the trunk is no organ. */
const OUTSIDE = 0.5;

interface Ruled {
  readonly about: ModelClass;
  readonly rule: Rule;
}

/** Apply the rules of the classes to masks on the grid of the CT, in place. */
export function clean(masks: PackedMasks, ct: Volume): void {
  const ruled = masks.classes.flatMap((about) => (about.rule === null ? [] : [{ about, rule: about.rule }]));
  const inTrunk = ruled.filter(({ rule }) => rule.trunk);
  const trunk = inTrunk.length > 0 ? findTrunk(ct) : null;
  if (trunk !== null) for (const { about } of inTrunk) keepInTrunk(masks, about.key, trunk);
  const midline = ruled.some(({ rule }) => rule.sides) ? findMidline(ct) : null;
  if (midline !== null) for (const pair of pairs(ruled)) repairSides(masks, pair, midline);
  const free = ruled.filter(({ about }) => about.hosts.length === 0);
  const hosted = ruled.filter(({ about }) => about.hosts.length > 0);
  for (const { about, rule } of free) removeUnwanted(masks, about.key, rule);
  for (const { about, rule } of hosted) {
    if (rule.inside_mm !== null) cutToHosts(masks, about, rule.inside_mm);
    if (rule.near_mm !== null) keepNearHosts(masks, about, rule.near_mm);
    removeUnwanted(masks, about.key, rule);
  }
  for (const some of [free, hosted]) fill(masks, some, midline);
}

function keepInTrunk(masks: PackedMasks, key: string, outside: OutsideTrunk): void {
  const { shape } = masks.grid;
  for (const component of masks.components(key)) {
    let count = 0;
    eachVoxel(component, shape[0], (n) => {
      if (outside(unravel(n, shape))) count++;
    });
    if (count / component.voxels > OUTSIDE) masks.remove(key, component);
  }
}

/** (right, left), each pair once; a pair may be incomplete. */
function pairs(ruled: readonly Ruled[]): [ModelClass | string, ModelClass | string][] {
  const sided = ruled.filter(({ rule, about }) => rule.sides && about.pair !== null && about.side !== null);
  const found = new Map<string, [ModelClass | string, ModelClass | string]>();
  for (const { about } of sided) {
    const partner = ruled.find((one) => one.about.key === about.pair)?.about ?? (about.pair as string);
    const key = about.side === "right" ? about.key : (about.pair as string);
    found.set(key, about.side === "right" ? [about, partner] : [partner, about]);
  }
  return [...found.values()];
}

function removeUnwanted(masks: PackedMasks, key: string, rule: Rule): void {
  if (rule.keep === null && rule.minimum_ml === 0) return;
  for (const component of unwanted(masks.components(key), rule, masks)) masks.remove(key, component);
}

/** Fill the cavities of several structures; all are found before any is filled. */
function fill(masks: PackedMasks, ruled: readonly Ruled[], midline: number | null): void {
  const found = ruled.map(({ about, rule }) => allowedParts(masks, about, rule, midline));
  ruled.forEach(({ about }, n) => {
    for (const part of found[n] as Component[]) masks.add(about.key, part, () => true);
  });
}

/** Voxels of cavities into which a structure may grow: not into another one, outside its host, or across the midline. */
function allowedParts(masks: PackedMasks, about: ModelClass, rule: Rule, midline: number | null): Component[] {
  if (rule.holes_ml === 0) return [];
  const holes = cavities(masks, about.key, rule.holes_ml);
  if (holes.length === 0) return [];
  const guests = masks.classes.filter(({ hosts }) => hosts.includes(about.key)).map(({ key }) => key);
  const others = ~masks.bitsOf([about.key, ...about.hosts, ...guests]);
  const hosts = masks.bitsOf(hostsToGoBy(masks, about));
  const { shape } = masks.grid;
  const allowed = (n: number) => {
    const bits = masks.bits[n] as number;
    if ((bits & others) !== 0 || (about.hosts.length > 0 && (bits & hosts) === 0)) return false;
    return !rule.sides || midline === null || beyondMm(masks, about, unravel(n, shape), midline) < -ON_THE_LINE_MM;
  };
  return holes.flatMap((hole) => {
    const within = new Set<number>();
    eachVoxel(hole, shape[0], (n) => allowed(n) && within.add(n));
    const box = { start: [...hole.box.start] as Vec3, stop: [...hole.box.stop] as Vec3 };
    return components(shape, box, (n) => within.has(n), 1);
  });
}
