/**
 * Reads CTs from NIfTI-1 and NIfTI-2 files, gzipped or not (https://nifti.nimh.nih.gov/nifti-1); mirrors
 * `omentum.io.nifti`: sform before qform, scaled voxels as float32, unusable files refused with a reason.
 */
import { type Affine, determinant, type Shape, spacing, voxelCount } from "../geometry.ts";
import { ImageError, type Volume, type Voxels } from "../volume.ts";
import { gunzip, isGzip } from "./gzip.ts";

/** More cannot be processed within the memory of a browser tab. */
const MOST_VOXELS = 512 * 512 * 1200;
const MOST_BYTES = 4 * MOST_VOXELS;
const EXTENT_MM = [5, 3000] as const;
const LEAST_MM = 1e-9;
const MOST_MM = 1e9;

type Reader = (view: DataView, offset: number, little: boolean) => number;
interface Kind {
  readonly bytes: number;
  readonly make: (size: number) => Voxels;
  readonly read: Reader;
}

const KINDS: Readonly<Record<number, Kind>> = {
  2: { bytes: 1, make: (n) => new Uint8Array(n), read: (v, o) => v.getUint8(o) },
  4: { bytes: 2, make: (n) => new Int16Array(n), read: (v, o, l) => v.getInt16(o, l) },
  8: { bytes: 4, make: (n) => new Int32Array(n), read: (v, o, l) => v.getInt32(o, l) },
  16: { bytes: 4, make: (n) => new Float32Array(n), read: (v, o, l) => v.getFloat32(o, l) },
  64: { bytes: 8, make: (n) => new Float64Array(n), read: (v, o, l) => v.getFloat64(o, l) },
  256: { bytes: 1, make: (n) => new Int8Array(n), read: (v, o) => v.getInt8(o) },
  512: { bytes: 2, make: (n) => new Uint16Array(n), read: (v, o, l) => v.getUint16(o, l) },
  768: { bytes: 4, make: (n) => new Uint32Array(n), read: (v, o, l) => v.getUint32(o, l) },
};

interface Header {
  readonly view: DataView;
  readonly little: boolean;
  readonly version: 1 | 2;
}

export async function readNifti(file: Uint8Array<ArrayBuffer>): Promise<Volume> {
  const bytes = isGzip(file) ? await inflated(file) : file;
  const header = parse(bytes);
  const shape = dimensions(header);
  const kind = KINDS[code(header)];
  if (kind === undefined) throw new ImageError(`the voxels are of NIfTI type ${code(header)}, expected one real number each`);
  const affine = readAffine(header);
  checkExtent(shape, affine);
  const offset = voxelOffset(header);
  const count = voxelCount(shape);
  if (bytes.length < offset + count * kind.bytes) throw new ImageError("the file is cut short", "copy or download it again");
  return { grid: { shape, affine }, voxels: scaled(stored(bytes, offset, count, kind, header.little), scaling(header)) };
}

async function inflated(file: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await gunzip(file, MOST_BYTES);
  } catch (fault) {
    if (fault instanceof RangeError) throw new ImageError("the CT is too large for a browser", "use omentum segment");
    throw new ImageError("the compressed file is damaged", "copy or download it again");
  }
}

function parse(bytes: Uint8Array<ArrayBuffer>): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const little of [true, false]) {
    for (const [size, version] of [[348, 1], [540, 2]] as const) {
      if (bytes.length > size && view.getInt32(0, little) === size) return { view, little, version };
    }
  }
  throw new ImageError("not a NIfTI file", "this page reads CTs as .nii and .nii.gz");
}

function code({ view, little, version }: Header): number {
  return version === 1 ? view.getInt16(70, little) : view.getInt16(12, little);
}

function dimensions({ view, little, version }: Header): Shape {
  const size = (n: number) => (version === 1 ? view.getInt16(40 + 2 * n, little) : Number(view.getBigInt64(16 + 8 * n, little)));
  const axes = size(0);
  if (axes < 3 || axes > 7) throw new ImageError(`the image is ${axes}D, expected a 3D CT`);
  const sizes = Array.from({ length: axes }, (_, n) => size(n + 1));
  if (Math.min(...sizes) < 1) throw new ImageError(`impossible dimensions ${sizes.join(" x ")}`);
  if (sizes.slice(3).some((n) => n > 1)) throw new ImageError(`the file holds several volumes (${sizes.join(" x ")})`, "give one 3D CT");
  const shape = sizes.slice(0, 3) as Shape;
  if (voxelCount(shape) > MOST_VOXELS) throw new ImageError("the CT is too large for a browser", "use omentum segment");
  return shape;
}

function voxelOffset({ view, little, version }: Header): number {
  const least = version === 1 ? 352 : 544;
  const offset = (version === 1 ? view.getFloat32(108, little) : Number(view.getBigInt64(168, little))) || least;
  if (!Number.isInteger(offset) || offset < least) throw new ImageError(`voxels are said to start at byte ${offset}, impossible`);
  return offset;
}

function scaling({ view, little, version }: Header): [number, number] {
  const read = (one: number, two: number) => (version === 1 ? view.getFloat32(one, little) : view.getFloat64(two, little));
  const [slope, intercept] = [read(112, 176), read(116, 184)];
  if (slope === 0 || Number.isNaN(slope)) return [1, 0];
  if (!Number.isFinite(slope) || !Number.isFinite(intercept)) throw new ImageError("the intensity scaling is not finite");
  return [slope, intercept];
}

function readAffine(header: Header): Affine {
  const { view, little, version } = header;
  const [qformCode, sformCode] = version === 1 ? [view.getInt16(252, little), view.getInt16(254, little)] : [view.getInt32(344, little), view.getInt32(348, little)];
  if (sformCode > 0) {
    const affine = sform(header);
    if (isPossible(affine)) return affine;
  }
  if (qformCode > 0) {
    const affine = qform(header);
    if (isPossible(affine)) return affine;
    throw new ImageError("the voxel spacing or rotation is impossible");
  }
  if (sformCode > 0) throw new ImageError("the affine is impossible");
  throw new ImageError("the file states no orientation (sform and qform codes are 0)", "convert the CT from DICOM again");
}

function sform({ view, little, version }: Header): Affine {
  const value = (r: number, c: number) =>
    version === 1 ? view.getFloat32(280 + 16 * r + 4 * c, little) : view.getFloat64(400 + 32 * r + 8 * c, little);
  return [...[0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => value(r, c))), [0, 0, 0, 1]] as Affine;
}

function qform({ view, little, version }: Header): Affine {
  const value = (one: number, two: number, n: number) =>
    version === 1 ? view.getFloat32(one + 4 * n, little) : view.getFloat64(two + 8 * n, little);
  const [b, c, d] = [0, 1, 2].map((n) => value(256, 352, n)) as [number, number, number];
  const offsets = [0, 1, 2].map((n) => value(268, 376, n));
  const mm = [1, 2, 3].map((n) => value(76, 104, n));
  const handedness = value(76, 104, 0) === -1 ? -1 : 1;
  const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d));
  const rotation = [
    [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
    [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
    [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
  ];
  const rows = rotation.map(([x = 0, y = 0, z = 0], r) => [x * (mm[0] as number), y * (mm[1] as number), z * (mm[2] as number) * handedness, (offsets[r] as number)]);
  return [...rows, [0, 0, 0, 1]] as Affine;
}

function isPossible(affine: Affine): boolean {
  const mm = spacing(affine);
  const volume = Math.abs(determinant(affine)) / (mm[0] * mm[1] * mm[2]);
  const finite = affine.every((row) => row.every((value) => Math.abs(value) <= MOST_MM));
  return finite && Math.min(...mm) >= LEAST_MM && volume >= 1e-6;
}

function checkExtent(shape: Shape, affine: Affine): void {
  const mm = spacing(affine);
  const extent = Math.max(...shape.map((n, axis) => n * (mm[axis] as number)));
  if (extent < EXTENT_MM[0] || extent > EXTENT_MM[1]) {
    throw new ImageError(`the scan would be ${extent.toPrecision(4)} mm long`, "store the affine in millimetres");
  }
}

function stored(bytes: Uint8Array<ArrayBuffer>, offset: number, count: number, kind: Kind, little: boolean): Voxels {
  const voxels = kind.make(count);
  if (little) {
    new Uint8Array(voxels.buffer).set(bytes.subarray(offset, offset + count * kind.bytes));
    return voxels;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, count * kind.bytes);
  for (let n = 0; n < count; n++) voxels[n] = kind.read(view, n * kind.bytes, false);
  return voxels;
}

function scaled(voxels: Voxels, [slope, intercept]: [number, number]): Voxels {
  if (slope === 1 && intercept === 0) return voxels;
  const out = new Float32Array(voxels.length);
  for (let n = 0; n < out.length; n++) out[n] = (voxels[n] as number) * slope + intercept;
  return out;
}
