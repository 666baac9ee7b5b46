/** Which components of a structure stay, and the cavities they enclose; mirrors `omentum.postprocess.components`. */
import type { Vec3, VoxelBox } from "../geometry.ts";
import { type Component, components } from "./components.ts";
import type { Rule } from "./model.ts";
import type { PackedMasks } from "./packed_masks.ts";

/** Of the least volume, for a component at the edge of the image. */
const EDGE_SHARE = 0.1;
/** Places are compared to a micrometre. */
const POSITION_DECIMALS = 3;

/**
 * The components that exceed the number to keep or are too small.
 *
 * Components at the same face of the image may be connected outside it, so they count as one.
 */
export function unwanted(found: readonly Component[], rule: Rule, masks: PackedMasks): Component[] {
  if (rule.keep === null && rule.minimum_ml === 0) return [];
  const faces = touching(found, masks.grid.shape);
  const atFace = new Set(faces.flat());
  const stays = found.map((one, n) => one.voxels * masks.voxelMl >= rule.minimum_ml * (atFace.has(n) ? EDGE_SHARE : 1));
  if (rule.keep !== null && stays.filter(Boolean).length > rule.keep) keepLargest(found, faces, stays, rule.keep, masks);
  return found.filter((_, n) => !stays[n]);
}

/** Cavities of a mask in its box: 6-connected background that does not reach the faces of the box. */
export function cavities(masks: PackedMasks, key: string, limitMl: number): Component[] {
  const bit = masks.bitsOf([key]);
  const box = masks.boxOf(bit);
  if (box === null) return [];
  const limit = limitMl / masks.voxelMl;
  const found = components(masks.grid.shape, box, (n) => ((masks.bits[n] as number) & bit) === 0, 0);
  return found.filter((one) => one.voxels <= limit && !reaches(one.box, box));
}

function reaches(inner: VoxelBox, outer: VoxelBox): boolean {
  return [0, 1, 2].some((axis) => (inner.start[axis] as number) === (outer.start[axis] as number) || (inner.stop[axis] as number) === (outer.stop[axis] as number));
}

/** For each face of the image, the components that touch it. */
function touching(found: readonly Component[], shape: Vec3): number[][] {
  const numbers = found.map((_, n) => n);
  return [0, 1, 2].flatMap((axis) => [
    numbers.filter((n) => (((found[n] as Component).box.start)[axis] as number) === 0),
    numbers.filter((n) => (((found[n] as Component).box.stop)[axis] as number) === (shape[axis] as number)),
  ]);
}

function keepLargest(found: readonly Component[], faces: readonly number[][], stays: boolean[], keep: number, masks: PackedMasks): void {
  const group = found.map((_, n) => n);
  for (const face of faces) {
    const joined = new Set(face.filter((n) => stays[n]).map((n) => (group[n] as number)));
    const least = Math.min(...joined);
    group.forEach((number, n) => joined.has(number) && (group[n] = least));
  }
  const groups = new Set(group.filter((_, n) => stays[n]));
  const ranks = new Map([...groups].map((number) => [number, rank(found.filter((_, n) => stays[n] && group[n] === number), masks)]));
  const sorted = [...ranks.values()].sort((a, b) => compare(b, a));
  const last = sorted[Math.min(keep, sorted.length) - 1] as Vec3;
  // Components of equal size and position are kept or removed together.
  stays.forEach((stay, n) => (stays[n] = stay && compare(ranks.get((group[n] as number)) as Vec3, last) >= 0));
}

/** Larger first, then the more superior, then the more anterior. */
function rank(members: readonly Component[], masks: PackedMasks): Vec3 {
  const voxels = members.reduce((sum, one) => sum + one.voxels, 0);
  const centre = [0, 1, 2].map((axis) => members.reduce((sum, one) => sum + (one.sums[axis] as number), 0) / voxels) as Vec3;
  const [, y, z] = masks.world(centre);
  const round = (value: number) => Math.round(value * 10 ** POSITION_DECIMALS);
  return [voxels, round(z), round(y)];
}

function compare(a: Vec3, b: Vec3): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
