/** Properties of a CT, independent of the masks; mirrors `omentum.quality.ct_facts`, without noise. */
import { spacing, toWorld, type Vec3, voxelMl } from "../../geometry.ts";
import tables from "../../tables/quality.json";
import { rint, type Volume } from "../../volume.ts";
import { axisDirections } from "../orientation.ts";

export interface CtFacts {
  /** World x of the body's centroid in mm; null without a body. */
  readonly middleMm: number | null;
  /** Share of body voxels at the left, right, front and back borders of the image. */
  readonly cutShare: number;
  /** Mode of the HU of air; null with too little of it. */
  readonly airHu: number | null;
  readonly metalMl: number;
  readonly sliceMm: number;
}

export function ctFacts({ grid, voxels }: Volume): CtFacts {
  const axial = axisDirections(grid.affine).findIndex(({ world }) => world === 2);
  const { shape } = grid;
  const { body_hu: bodyHu, metal_hu: metalHu } = tables.ct;
  const [low, high] = tables.air_search_hu as [number, number];
  const step = Math.ceil((shape[axial] as number) / tables.looked_at);
  const air = new Uint32Array(high - low + 1);
  const sums: Vec3 = [0, 0, 0];
  let [body, metal, atFaces, looked, airs] = [0, 0, 0, 0, 0];
  for (let k = 0, n = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++, n++) {
        const hu = voxels[n] as number;
        const level = axial === 0 ? i : axial === 1 ? j : k;
        if (level % step === 0) {
          looked++;
          if (hu > low && hu < high) {
            airs++;
            const bin = rint(hu) - low;
            air[bin] = (air[bin] as number) + 1;
          }
        }
        if (!(hu > bodyHu)) continue;
        body++;
        sums[0] += i;
        sums[1] += j;
        sums[2] += k;
        if (hu > metalHu) metal++;
        // A voxel at an edge lies in two faces.
        if (axial !== 0) atFaces += Number(i === 0) + Number(i === shape[0] - 1);
        if (axial !== 1) atFaces += Number(j === 0) + Number(j === shape[1] - 1);
        if (axial !== 2) atFaces += Number(k === 0) + Number(k === shape[2] - 1);
      }
    }
  }
  const faces = [0, 1, 2].filter((axis) => axis !== axial).reduce((sum, axis) => sum + (2 * voxels.length) / (shape[axis] as number), 0);
  return {
    middleMm: body === 0 ? null : toWorld(grid.affine, sums.map((sum) => sum / body) as Vec3)[0],
    cutShare: atFaces / faces,
    airHu: airs > tables.least_air * looked ? low + air.indexOf(air.reduce((a, b) => Math.max(a, b))) : null,
    metalMl: metal * voxelMl(grid.affine),
    sliceMm: spacing(grid.affine)[axial] as number,
  };
}
