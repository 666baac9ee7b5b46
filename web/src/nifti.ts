/** NIfTI-1 files of masks. */
import { type Affine, type Grid, sameGrid, type Shape, spacing, voxelCount } from "./geometry.ts";
import { gunzip, isGzip } from "./gzip.ts";

const HEADER_BYTES = 348;
const DATA_OFFSET = 352;
const UINT8 = 2;
const SCANNER = 1;
const MILLIMETRES = 2;

/** A `.nii` file of a mask or label array (uint8, first axis fastest) with the grid's affine as its sform. */
export function encodeNifti(grid: Grid, data: Uint8Array): Uint8Array<ArrayBuffer> {
  if (data.length !== voxelCount(grid.shape)) throw new RangeError(`${data.length} voxels for a grid of ${grid.shape.join(" x ")}`);
  const file = new Uint8Array(DATA_OFFSET + data.length);
  const view = new DataView(file.buffer);
  view.setInt32(0, HEADER_BYTES, true);
  [3, ...grid.shape, 1, 1, 1, 1].forEach((size, k) => view.setInt16(40 + 2 * k, size, true));
  view.setInt16(70, UINT8, true);
  view.setInt16(72, 8, true);
  [1, ...spacing(grid.affine), 0, 0, 0, 0].forEach((size, k) => view.setFloat32(76 + 4 * k, size, true));
  view.setFloat32(108, DATA_OFFSET, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, MILLIMETRES);
  view.setInt16(254, SCANNER, true);
  grid.affine.slice(0, 3).forEach((row, r) => row.forEach((value, c) => view.setFloat32(280 + 16 * r + 4 * c, value, true)));
  file.set(new TextEncoder().encode("n+1\0"), 344);
  file.set(data, DATA_OFFSET);
  return file;
}

/** The mask (1 where the file is not 0) of a NIfTI-1 file of 8-bit values on `grid`, perhaps gzipped. Throws a RangeError for another one. */
export async function readMask(file: Uint8Array<ArrayBuffer>, grid: Grid): Promise<Uint8Array<ArrayBuffer>> {
  const count = voxelCount(grid.shape);
  const whole = isGzip(file) ? await gunzip(file, 2 * count + 65_536) : file;
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  if (whole.length < DATA_OFFSET || view.getInt32(0, true) !== HEADER_BYTES || view.getInt16(70, true) !== UINT8) throw new RangeError("no NIfTI file of 8-bit values");
  const shape = [42, 44, 46].map((at) => view.getInt16(at, true)) as Shape;
  const rows = [0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => view.getFloat32(280 + 16 * row + 4 * column, true)));
  const data = whole.subarray(view.getFloat32(108, true));
  if (!sameGrid({ shape, affine: [...rows, [0, 0, 0, 1]] as Affine }, grid) || data.length < count) throw new RangeError("the mask lies on another grid");
  return Uint8Array.from({ length: count }, (_, k) => (data[k] === 0 ? 0 : 1));
}
