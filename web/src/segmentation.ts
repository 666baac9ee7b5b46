/** Overlapping masks: layers of label values, and the layer and value of each segment. */
import { type Grid, type Shape, toWorld, unravel, type Vec3, type VoxelBox, voxelCount } from "./geometry.ts";

export type Colour = [number, number, number];
export type Layer = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

export interface Segment {
  readonly key: string;
  readonly name: string;
  /** Red, green, blue; 0 to 255. */
  readonly colour: Colour;
  readonly layer: number;
  readonly value: number;
}

export interface Segmentation {
  readonly grid: Grid;
  /** One array per layer, first axis fastest. Segments of one layer do not overlap. */
  readonly layers: readonly Layer[];
  readonly segments: readonly Segment[];
}

/** The mask of one segment: 1 inside, 0 outside. */
export function maskOf(segmentation: Segmentation, segment: Segment): Uint8Array<ArrayBuffer> {
  const layer = segmentation.layers[segment.layer];
  const mask = new Uint8Array(voxelCount(segmentation.grid.shape));
  if (layer === undefined) return mask;
  for (let k = 0; k < mask.length; k++) mask[k] = layer[k] === segment.value ? 1 : 0;
  return mask;
}

/**
 * Replace one segment's mask. The other segments keep theirs: where the new mask would cover one of the same layer, the
 * segment moves to a layer of its own.
 */
export function withMask(segmentation: Segmentation, key: string, mask: Uint8Array): Segmentation {
  const old = segmentation.segments.find((segment) => segment.key === key);
  if (old === undefined) throw new RangeError(`no segment ${key}`);
  const shared = segmentation.layers[old.layer];
  if (shared === undefined) throw new RangeError(`no layer ${old.layer}`);
  const changed = shared.slice() as Layer;
  let collides = false;
  for (let k = 0; k < changed.length; k++) {
    if (changed[k] === old.value) changed[k] = 0;
    if (mask[k] && changed[k] !== 0) collides = true;
  }
  const layers = [...segmentation.layers];
  layers[old.layer] = changed;
  let target = changed;
  let layer = old.layer;
  if (collides) {
    target = new Uint8Array(mask.length);
    layer = layers.push(target) - 1;
  }
  const value = collides ? 1 : old.value;
  for (let k = 0; k < target.length; k++) if (mask[k]) target[k] = value;
  const segments = segmentation.segments.map((segment) => (segment.key === key ? { ...segment, layer, value } : segment));
  return { grid: segmentation.grid, layers, segments };
}

/** Number of voxels of every segment, by key. */
export function voxelsBySegment(segmentation: Segmentation): Map<string, number> {
  const counts = segmentation.layers.map((layer) => {
    const count = new Uint32Array(65_536);
    for (const value of layer) count[value] = (count[value] ?? 0) + 1;
    return count;
  });
  return new Map(segmentation.segments.map(({ key, layer, value }) => [key, counts[layer]?.[value] ?? 0]));
}

/** Boxes around the voxels of all values of a layer but 0. */
export function boxesByValue(layer: Layer, shape: Shape): Map<number, VoxelBox> {
  const boxes = new Map<number, VoxelBox>();
  for (let z = 0, k = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[0]; x++, k++) {
        const value = layer[k] as number;
        if (value === 0) continue;
        const box = boxes.get(value);
        if (box === undefined) boxes.set(value, { start: [x, y, z], stop: [x + 1, y + 1, z + 1] });
        else {
          if (x < box.start[0]) box.start[0] = x;
          if (x >= box.stop[0]) box.stop[0] = x + 1;
          if (y < box.start[1]) box.start[1] = y;
          if (y >= box.stop[1]) box.stop[1] = y + 1;
          box.stop[2] = z + 1;
        }
      }
    }
  }
  return boxes;
}

/** World position of the voxel of a segment that is nearest to its centre of gravity; null if it has no voxel. */
export function middleOf(segmentation: Segmentation, segment: Segment): Vec3 | null {
  const layer = segmentation.layers[segment.layer] ?? new Uint8Array(0);
  const place = (k: number): Vec3 => unravel(k, segmentation.grid.shape);
  const sum: Vec3 = [0, 0, 0];
  let count = 0;
  for (let k = 0; k < layer.length; k++) {
    if (layer[k] !== segment.value) continue;
    place(k).forEach((at, axis) => (sum[axis] = (sum[axis] as number) + at));
    count += 1;
  }
  let [nearest, least] = [-1, Infinity];
  for (let k = 0; k < layer.length; k++) {
    if (layer[k] !== segment.value) continue;
    const away = place(k).reduce((total, at, axis) => total + (at - (sum[axis] as number) / count) ** 2, 0);
    if (away < least) [nearest, least] = [k, away];
  }
  return nearest < 0 ? null : toWorld(segmentation.grid.affine, place(nearest));
}
