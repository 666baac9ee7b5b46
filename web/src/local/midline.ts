/** The plane halfway between the flanks of the body; mirrors `omentum.midline.flanks`. */
import { spacing, toWorld, type Vec3 } from "../geometry.ts";
import { BODY_HU, rint, type Volume } from "../volume.ts";
import { axisDirections } from "./orientation.ts";

/** Least thickness from front to back; what is thinner is couch, blanket or the edge of an arm. */
const BODY_THICKNESS_MM = 40;
const ROW_STEP_MM = 5;
const DEPTH_STEP_MM = 2;
/** Least share of body rows that must show both flanks. */
const SEEN_ROWS = 0.25;

/** World x (RAS+ mm) of the midline; null if too few rows show both flanks with air beside them. */
export function findMidline(ct: Volume): number | null {
  const directions = axisDirections(ct.grid.affine);
  const [x, y, z] = [0, 1, 2].map((world) => directions.findIndex((one) => one.world === world)) as Vec3;
  const { shape } = ct.grid;
  const mm = spacing(ct.grid.affine);
  const plain: Vec3 = [1, shape[0], shape[0] * shape[1]];
  const depthStep = Math.max(1, rint(DEPTH_STEP_MM / (mm[y] as number)));
  const rowStep = Math.max(1, rint(ROW_STEP_MM / (mm[z] as number)));
  const [width, depth] = [(shape[x] as number), (shape[y] as number)];
  const found: number[] = [];
  let rows = 0;
  for (let row = 0; row < (shape[z] as number); row += rowStep) {
    const counts = new Uint32Array(width);
    let [total, weighted] = [0, 0];
    for (let d = 0, n = 0; d < depth; d += depthStep, n++) {
      for (let i = 0; i < width; i++) {
        if (!((ct.voxels[row * (plain[z] as number) + d * (plain[y] as number) + i * (plain[x] as number)] as number) > BODY_HU)) continue;
        counts[i] = (counts[i] as number) + 1;
        total++;
        weighted += n;
      }
    }
    const thick = (i: number) => (counts[i] as number) * (depthStep * (mm[y] as number)) >= BODY_THICKNESS_MM;
    let [first, last] = [0, width - 1];
    while (first < width && !thick(first)) first++;
    if (first === width) continue;
    rows++;
    while (!thick(last)) last--;
    if (first === 0 || last === width - 1) continue;
    const voxel: Vec3 = [0, 0, 0];
    voxel[x] = (first + last) / 2;
    voxel[y] = (weighted / total) * depthStep;
    voxel[z] = row;
    found.push(toWorld(ct.grid.affine, voxel)[0]);
  }
  return found.length <= SEEN_ROWS * rows ? null : median(found);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] as number : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
