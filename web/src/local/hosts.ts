/** Lesions and vessels inside or near the organs that hold them; mirrors `omentum.postprocess.anatomy_rules`. */
import { unravel, type Vec3, type VoxelBox } from "../geometry.ts";
import { eachVoxel } from "./components.ts";
import { squaredDistances } from "./distance.ts";
import type { ModelClass } from "./model.ts";
import type { PackedMasks } from "./packed_masks.ts";

const ROUNDING_MM = 1e-3;

/** Hosts of a structure if all of them were segmented and found, else none. */
export function hostsToGoBy(masks: PackedMasks, { hosts }: ModelClass): readonly string[] {
  return hosts.every((host) => masks.number(host) >= 0 && masks.has(host)) ? hosts : [];
}

/** Remove whole components farther than a limit from every host. */
export function keepNearHosts(masks: PackedMasks, about: ModelClass, limitMm: number): void {
  const hosts = masks.bitsOf(hostsToGoBy(masks, about));
  if (hosts === 0) return;
  const far = masks.components(about.key).filter((component) => {
    const near = nearTest(masks, hosts, component.box, limitMm);
    let isNear = false;
    eachVoxel(component, masks.grid.shape[0], (n) => (isNear ||= near(n)));
    return !isNear;
  });
  for (const component of far) masks.remove(about.key, component);
}

/** Remove voxels farther than a limit from every host. */
export function cutToHosts(masks: PackedMasks, about: ModelClass, limitMm: number): void {
  const hosts = masks.bitsOf(hostsToGoBy(masks, about));
  if (hosts === 0) return;
  const kept = ~masks.bitsOf([about.key]);
  for (const component of masks.components(about.key)) {
    const near = nearTest(masks, hosts, component.box, limitMm);
    eachVoxel(component, masks.grid.shape[0], (n) => {
      if (!near(n)) masks.bits[n] = (masks.bits[n] as number) & kept;
    });
  }
}

/** Whether a voxel of a box is within a limit of a host. */
function nearTest(masks: PackedMasks, hosts: number, box: VoxelBox, limitMm: number): (index: number) => boolean {
  const { shape } = masks.grid;
  const start = box.start.map((n, axis) => Math.max(0, n - margin(limitMm, (masks.mm[axis] as number)))) as Vec3;
  const stop = box.stop.map((n, axis) => Math.min((shape[axis] as number), n + margin(limitMm, (masks.mm[axis] as number)))) as Vec3;
  const size = [0, 1, 2].map((axis) => (stop[axis] as number) - (start[axis] as number)) as Vec3;
  const marked = new Uint8Array(size[0] * size[1] * size[2]);
  for (let k = 0, n = 0; k < size[2]; k++) {
    for (let j = 0; j < size[1]; j++) {
      const row = start[0] + shape[0] * (start[1] + j + shape[1] * (start[2] + k));
      for (let i = 0; i < size[0]; i++, n++) marked[n] = ((masks.bits[row + i] as number) & hosts) === 0 ? 0 : 1;
    }
  }
  const squared = squaredDistances(marked, size, masks.mm);
  const limit = (limitMm + ROUNDING_MM) ** 2;
  return (index) => {
    const [i, j, k] = unravel(index, shape);
    return (squared[i - start[0] + size[0] * (j - start[1] + size[1] * (k - start[2]))] as number) <= limit;
  };
}

function margin(limitMm: number, mm: number): number {
  return Math.ceil(limitMm / mm) + 1;
}
