/** Individual lesions, connected components of tumour and cyst masks; mirrors `omentum.measure.lesions`. */
import type { Lesion } from "../../documents.ts";
import { distance, type Vec3, type VoxelBox } from "../../geometry.ts";
import tables from "../../tables/lesions.json";
import type { Volume } from "../../volume.ts";
import { type Component, eachVoxel } from "../components.ts";
import type { ModelClass } from "../model.ts";
import type { PackedMasks } from "../packed_masks.ts";
import { axialDiameters, type BoxMask, faceMiddles, longest3d } from "./diameters.ts";
import { type Measured, touchesBorder } from "./structures.ts";

const DOUBTS: Readonly<Record<string, string>> = tables.doubts;

export function isLesion({ kind }: ModelClass): boolean {
  return kind === "tumour" || kind === "cyst";
}

/** Every lesion of all types: by type in the order of the masks, largest first. Without probabilities, which are not kept. */
export function findLesions(ct: Volume, masks: PackedMasks, measures: readonly Measured[]): Lesion[] {
  const boxes = new Map(measures.flatMap(({ key, box }) => (box === null ? [] : [[key, box] as const])));
  const found: Lesion[] = [];
  for (const about of masks.classes.filter((one) => isLesion(one) && boxes.has(one.key))) {
    const components = masks.components(about.key).sort((a, b) => b.voxels - a.voxels || firstOf(a, masks) - firstOf(b, masks));
    for (const component of components) found.push(lesionOf(found.length + 1, about, component, ct, masks, boxes));
  }
  return found;
}

function lesionOf(number: number, about: ModelClass, component: Component, ct: Volume, masks: PackedMasks, boxes: ReadonlyMap<string, VoxelBox>): Lesion {
  const mask = maskOf(component, masks);
  const shared = new Uint32Array(masks.classes.length);
  let sum = 0;
  eachVoxel(component, masks.grid.shape[0], (n) => {
    sum += ct.voxels[n] as number;
    for (let bits = masks.bits[n] as number; bits !== 0; bits &= bits - 1) {
      const k = 31 - Math.clz32(bits & -bits);
      shared[k] = (shared[k] as number) + 1;
    }
  });
  const hosts = about.hosts.filter((key) => boxes.has(key));
  const host = hostOf(hosts, hosts.map((key) => shared[masks.number(key)] as number), mask, masks, boxes);
  const { longest, perpendicular } = axialDiameters(mask, masks.grid);
  return {
    number,
    key: about.key,
    display: about.display,
    also: masks.classes.flatMap((other, k) => (isLesion(other) && other.key !== about.key && (shared[k] as number) > tables.same_lesion * component.voxels ? [other.key] : [])),
    host,
    side: masks.classes.find(({ key }) => key === host)?.side ?? null,
    volume_ml: component.voxels * masks.voxelMl,
    centroid_mm: masks.world(component.sums.map((one) => one / component.voxels) as Vec3),
    mean_hu: sum / component.voxels,
    mean_probability: null,
    touches_border: touchesBorder(component.box, masks.grid.shape),
    trust: about.trust,
    candidate_reason: DOUBTS[about.trust] ?? "",
    longest_axial: longest,
    perpendicular,
    longest_3d: longest3d(mask, masks.grid),
  };
}

/** Place of its first voxel with the last axis fastest: lesions of equal size are numbered in this order, as by Python. */
function firstOf({ runs }: Component, { grid: { shape } }: PackedMasks): number {
  let first = Infinity;
  for (let n = 0; n < runs.length; n += 3) {
    const [i, row] = [runs[n] as number, runs[n + 2] as number];
    first = Math.min(first, Math.floor(row / shape[1]) + shape[2] * ((row % shape[1]) + shape[1] * i));
  }
  return first;
}

function maskOf(component: Component, masks: PackedMasks): BoxMask {
  const { start, stop } = component.box;
  const shape = start.map((from, axis) => (stop[axis] as number) - from) as Vec3;
  const inside = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (let n = 0; n < component.runs.length; n += 3) {
    const [from, to, row] = [component.runs[n] as number, component.runs[n + 1] as number, component.runs[n + 2] as number];
    const [j, k] = [row % masks.grid.shape[1], Math.floor(row / masks.grid.shape[1])];
    const base = shape[0] * (j - start[1] + shape[1] * (k - start[2])) - start[0];
    inside.fill(1, base + from, base + to);
  }
  return { box: component.box, shape, inside };
}

/** The organ that contains most of the lesion; if none does, the nearest within reach. */
function hostOf(hosts: readonly string[], shared: readonly number[], mask: BoxMask, masks: PackedMasks, boxes: ReadonlyMap<string, VoxelBox>): string | null {
  const most = Math.max(0, ...shared);
  if (most > 0) return hosts[shared.indexOf(most)] as string;
  const points = hosts.length === 0 ? [] : faceMiddles(mask, [0, 1, 2]).map((point) => masks.world(point));
  let [nearest, least]: [string | null, number] = [null, tables.host_reach_mm];
  for (const key of hosts) {
    const away = awayFrom(key, points, mask.box, masks, boxes.get(key) as VoxelBox);
    if (away < least || (away === least && nearest === null)) [nearest, least] = [key, away];
  }
  return nearest;
}

/** Least distance of points to the surface of an organ near them; infinite if none of it is within reach. */
function awayFrom(key: string, points: readonly Vec3[], around: VoxelBox, masks: PackedMasks, organ: VoxelBox): number {
  const reach = masks.mm.map((mm) => Math.ceil(tables.host_reach_mm / mm) + 1) as Vec3;
  const start = around.start.map((from, n) => Math.max(from - (reach[n] as number), organ.start[n] as number)) as Vec3;
  const stop = around.stop.map((to, n) => Math.min(to + (reach[n] as number), organ.stop[n] as number)) as Vec3;
  if (start.some((from, n) => from >= (stop[n] as number))) return Infinity;
  const surface = surfaceIn(key, { start, stop }, masks);
  let least = Infinity;
  for (const one of surface) for (const point of points) least = Math.min(least, distance(one, point));
  return least;
}

/** Centres of an organ's voxel faces in a box, without those at the border of the image. */
function surfaceIn(key: string, { start, stop }: VoxelBox, masks: PackedMasks): Vec3[] {
  const bit = masks.bitsOf([key]);
  const { shape } = masks.grid;
  const steps: Vec3 = [1, shape[0], shape[0] * shape[1]];
  const found: Vec3[] = [];
  for (let k = start[2]; k < stop[2]; k++) {
    for (let j = start[1]; j < stop[1]; j++) {
      for (let i = start[0]; i < stop[0]; i++) {
        const n = i + shape[0] * (j + shape[1] * k);
        if (((masks.bits[n] as number) & bit) === 0) continue;
        const voxel: Vec3 = [i, j, k];
        for (let axis = 0; axis < 3; axis++) {
          for (const side of [-1, 1]) {
            const next = (voxel[axis] as number) + side;
            if (next < 0 || next >= (shape[axis] as number) || ((masks.bits[n + side * (steps[axis] as number)] as number) & bit) !== 0) continue;
            found.push(masks.world(voxel.map((at, one) => (one === axis ? at + side / 2 : at)) as Vec3));
          }
        }
      }
    }
  }
  return found;
}
