/** Paired organs on their own side of the body; mirrors `omentum.postprocess.anatomy_rules.repair_sides`. */
import { unravel, type Vec3 } from "../geometry.ts";
import { type Component, eachVoxel } from "./components.ts";
import type { ModelClass } from "./model.ts";
import type { PackedMasks } from "./packed_masks.ts";

/** A voxel this far beyond the middle is on the other side even if the middle was found some millimetres off. */
const CLEARLY_MM = 10;
/** A component with more than this share clearly on the other side is cut at the middle. */
const CROSSES = 0.25;
/** With more than this, all of it goes over. */
const WRONG = 0.75;
/** Voxels nearer to the midline than this are neither left nor right. */
export const ON_THE_LINE_MM = 1e-3;

/** Distance in mm of a voxel beyond the midline, on the wrong side of a structure. */
export function beyondMm(masks: PackedMasks, { side }: ModelClass, voxel: Vec3, midline: number): number {
  const right = Math.fround(masks.world(voxel)[0] - midline);
  return side === "left" ? right : -right;
}

/** Move voxels on the wrong side of the body to the paired structure; without such a class they are removed. */
export function repairSides(masks: PackedMasks, pair: readonly (ModelClass | string)[], midline: number): void {
  const known = pair.filter((one): one is ModelClass => typeof one !== "string");
  if (known.length === 2) partOverlap(masks, known, midline);
  const moves = known.map((about) => ({ about, voxels: onOtherSide(masks, about, midline) }));
  for (const { about, voxels } of moves) {
    const kept = ~masks.bitsOf([about.key]);
    for (const n of voxels) masks.bits[n] = (masks.bits[n] as number) & kept;
  }
  for (const { about, voxels } of moves) {
    const partner = masks.bitsOf([about.pair ?? ""]);
    for (const n of voxels) masks.bits[n] = (masks.bits[n] as number) | partner;
  }
}

/** Resolve voxels that are both left and right. */
function partOverlap(masks: PackedMasks, pair: readonly ModelClass[], midline: number): void {
  const bits = pair.map(({ key }) => masks.bitsOf([key]));
  const both = (bits[0] as number) | (bits[1] as number);
  for (let n = 0; n < masks.bits.length; n++) {
    if (((masks.bits[n] as number) & both) >>> 0 !== both >>> 0) continue;
    const voxel = unravel(n, masks.grid.shape);
    pair.forEach((about, p) => {
      if (beyondMm(masks, about, voxel, midline) > ON_THE_LINE_MM) masks.bits[n] = (masks.bits[n] as number) & ~(bits[p] as number);
    });
  }
}

/** Voxels of a structure that belong to its partner. */
function onOtherSide(masks: PackedMasks, about: ModelClass, midline: number): number[] {
  const found: number[] = [];
  for (const component of masks.components(about.key)) {
    const share = shareBeyond(masks, about, component, midline);
    if (share <= CROSSES) continue;
    eachVoxel(component, masks.grid.shape[0], (n) => {
      if (share > WRONG || beyondMm(masks, about, unravel(n, masks.grid.shape), midline) > ON_THE_LINE_MM) found.push(n);
    });
  }
  return found;
}

/** Share of a component clearly on the other side, of its voxels on either side. */
function shareBeyond(masks: PackedMasks, about: ModelClass, component: Component, midline: number): number {
  let [clearly, onASide] = [0, 0];
  eachVoxel(component, masks.grid.shape[0], (n) => {
    const beyond = beyondMm(masks, about, unravel(n, masks.grid.shape), midline);
    if (beyond > CLEARLY_MM + ON_THE_LINE_MM) clearly++;
    if (Math.abs(beyond) > ON_THE_LINE_MM) onASide++;
  });
  return clearly / Math.max(onASide, 1);
}
