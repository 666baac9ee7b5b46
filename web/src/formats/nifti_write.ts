/** NIfTI-1 files of CTs and masks, written; `nifti.ts` reads them. */
import { type Grid, sameGrid, spacing, voxelCount } from "../geometry.ts";
import { readNifti } from "./nifti.ts";

const HEADER_BYTES = 348;
const DATA_OFFSET = 352;
const SCANNER = 1;
const MILLIMETRES = 2;

/** A `.nii` file (first axis fastest) with the grid's affine as its sform. */
export function encodeNifti(grid: Grid, data: Uint8Array | Int16Array | Float32Array): Uint8Array<ArrayBuffer> {
  if (data.length !== voxelCount(grid.shape)) throw new RangeError(`${data.length} voxels for a grid of ${grid.shape.join(" x ")}`);
  const type = data instanceof Uint8Array ? 2 : data instanceof Int16Array ? 4 : 16;
  const file = new Uint8Array(DATA_OFFSET + data.byteLength);
  const view = new DataView(file.buffer);
  view.setInt32(0, HEADER_BYTES, true);
  [3, ...grid.shape, 1, 1, 1, 1].forEach((size, k) => view.setInt16(40 + 2 * k, size, true));
  view.setInt16(70, type, true);
  view.setInt16(72, 8 * data.BYTES_PER_ELEMENT, true);
  [1, ...spacing(grid.affine), 0, 0, 0, 0].forEach((size, k) => view.setFloat32(76 + 4 * k, size, true));
  view.setFloat32(108, DATA_OFFSET, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, MILLIMETRES);
  view.setInt16(254, SCANNER, true);
  grid.affine.slice(0, 3).forEach((row, r) => row.forEach((value, c) => view.setFloat32(280 + 16 * r + 4 * c, value, true)));
  file.set(new TextEncoder().encode("n+1\0"), 344);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), DATA_OFFSET);
  return file;
}

/** The mask (1 where the file is not 0) of a NIfTI file on `grid`. Throws an ImageError for a damaged file, a RangeError for another grid. */
export async function readMask(file: Uint8Array<ArrayBuffer>, grid: Grid): Promise<Uint8Array<ArrayBuffer>> {
  const { grid: stored, voxels } = await readNifti(file);
  if (!sameGrid(stored, grid)) throw new RangeError("the mask lies on another grid");
  return Uint8Array.from(voxels, (value) => (value === 0 ? 0 : 1));
}
