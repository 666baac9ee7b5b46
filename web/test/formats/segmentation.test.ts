import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { gzip } from "../../src/formats/gzip.ts";
import { encodeNifti, readMask } from "../../src/formats/nifti_write.ts";
import { readSegNrrd, SegNrrdError } from "../../src/formats/seg_nrrd.ts";
import { distance, inverse, sameGrid, spacing, toWorld, type Grid, type Vec3 } from "../../src/geometry.ts";
import { maskOf, middleOf, type Segment, voxelsBySegment, withMask } from "../../src/segmentation.ts";

const OBLIQUE: Grid = { shape: [2, 2, 1], affine: [[-0.8, 0.3, 0, 10], [0.6, 0.4, 0, -5], [0, 0, 6, 7], [0, 0, 0, 1]] };

/** Two layers on a grid of 2 x 2 x 1: the liver everywhere, a tumour in one voxel of it. */
function file(changes: Record<string, string> = {}, data: number[] = [6, 27, 6, 0, 6, 0, 6, 0], encoding = "gzip"): Uint8Array<ArrayBuffer> {
  const fields: Record<string, string> = {
    type: "unsigned char",
    dimension: "4",
    space: "left-posterior-superior",
    sizes: "2 2 2 1",
    "space directions": "none (0.8,-0.6,0) (-0.3,-0.4,0) (0,0,6)",
    endian: "little",
    encoding,
    "space origin": "(-10,5,7)",
    ...changes,
  };
  const pairs = [
    "Segment0_ID:=liver", "Segment0_Name:=Liver: all\\nof it", "Segment0_Color:=1 0.5 0", "Segment0_Layer:=0", "Segment0_LabelValue:=6",
    "Segment1_ID:=liver_tumour", "Segment1_Color:=0 0 1", "Segment1_Layer:=1", "Segment1_LabelValue:=27",
  ];
  const header = ["NRRD0004", "# made by hand", ...Object.entries(fields).map(([k, v]) => `${k}: ${v}`), ...pairs, "", ""].join("\n");
  const body = encoding === "gzip" ? gzipSync(Uint8Array.from(data)) : Uint8Array.from(data);
  return Uint8Array.from([...new TextEncoder().encode(header), ...body]);
}

test("overlapping segments come out with names, colours and masks, in RAS+", async () => {
  const seg = await readSegNrrd(file());
  expect(sameGrid(seg.grid, OBLIQUE)).toBe(true);
  expect(seg.segments.map(({ key, name, colour }) => [key, name, colour])).toEqual([
    ["liver", "Liver: all\nof it", [255, 128, 0]],
    ["liver_tumour", "liver_tumour", [0, 0, 255]],
  ]);
  expect(seg.segments.map((segment) => [...maskOf(seg, segment)])).toEqual([[1, 1, 1, 1], [1, 0, 0, 0]]);
  expect([...voxelsBySegment(seg)]).toEqual([["liver", 4], ["liver_tumour", 1]]);
});

test("raw, 16-bit and one-layer files are read", async () => {
  const words = await readSegNrrd(file({ type: "uint16", endian: "big", sizes: "1 2 2 1" }, [1, 44, 0, 6, 0, 0, 0, 6], "raw"));
  expect([...(words.layers[0] ?? [])]).toEqual([300, 6, 0, 6]);
  const flat = await readSegNrrd(file({ dimension: "3", sizes: "2 2 1", "space directions": "(1,0,0) (0,1,0) (0,0,1)" }, [6, 6, 0, 0]));
  expect(flat.layers).toHaveLength(1);
});

test.each([
  ["damaged", file().subarray(0, -20)],
  ["larger than the header says", file({ sizes: "2 2 1 1" })],
  ["8 bytes expected, 4 found", file({}, [1, 2, 3, 4])],
  ["another file", file({ "data file": "x.raw" })],
  ["labels of type float", file({ type: "float" })],
  ["space scanner-xyz is not supported", file({ space: "scanner-xyz" })],
  ["not those of a volume", file({ sizes: "2 2 2 0" })],
  ["no NRRD file", new TextEncoder().encode("P6\n\nx")],
  ["no end", new TextEncoder().encode("NRRD0004\ntype: uchar")],
])("a file that is %s is refused", async (words, bytes) => {
  await expect(readSegNrrd(bytes as Uint8Array<ArrayBuffer>)).rejects.toThrow(SegNrrdError);
  await expect(readSegNrrd(bytes as Uint8Array<ArrayBuffer>)).rejects.toThrow(words);
});

test("a corrected mask leaves all other segments as they are", async () => {
  const seg = await readSegNrrd(file());
  const grown = withMask(seg, "liver_tumour", Uint8Array.from([1, 1, 0, 0]));
  expect(grown.segments.map((segment) => [...maskOf(grown, segment)])).toEqual([[1, 1, 1, 1], [1, 1, 0, 0]]);
  const both = { ...seg, layers: [Uint8Array.from([6, 27, 0, 0])], segments: seg.segments.map((segment) => ({ ...segment, layer: 0 })) };
  const moved = withMask(both, "liver", Uint8Array.from([1, 1, 1, 0]));
  expect(moved.layers).toHaveLength(2);
  expect(moved.segments.map((segment) => [...maskOf(moved, segment)])).toEqual([[1, 1, 1, 0], [0, 1, 0, 0]]);
  expect([...(both.layers[0] ?? [])]).toEqual([6, 27, 0, 0]);
});

test("affines: inverse, spacing, positions", () => {
  const there = toWorld(OBLIQUE.affine, [3, -2, 5]);
  const back = toWorld(inverse(OBLIQUE.affine), there);
  expect(distance(back, [3, -2, 5])).toBeLessThan(1e-9);
  expect(spacing(OBLIQUE.affine)).toEqual([1, 0.5, 6]);
  expect(() => inverse([[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])).toThrow(RangeError);
});

test("a NIfTI file has the grid's affine and the voxels", () => {
  const bytes = encodeNifti(OBLIQUE, Uint8Array.from([1, 0, 0, 1]));
  const view = new DataView(bytes.buffer);
  expect([40, 42, 44, 46].map((at) => view.getInt16(at, true))).toEqual([3, 2, 2, 1]);
  const rows = [0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => view.getFloat32(280 + 16 * r + 4 * c, true)));
  expect(sameGrid({ shape: OBLIQUE.shape, affine: [...rows, [0, 0, 0, 1]] as Grid["affine"] }, OBLIQUE)).toBe(true);
  expect([...bytes.subarray(352)]).toEqual([1, 0, 0, 1]);
  expect(() => encodeNifti(OBLIQUE, new Uint8Array(3))).toThrow(RangeError);
});

test("the middle of a hollow mask is a voxel of it", async () => {
  const ring = { ...(await readSegNrrd(file())), grid: { shape: [3, 3, 1] as [number, number, number], affine: OBLIQUE.affine }, layers: [Uint8Array.from([6, 6, 6, 6, 0, 6, 6, 6, 6])] };
  const middle = middleOf(ring, ring.segments[0] as Segment) as Vec3;
  const voxel = toWorld(inverse(OBLIQUE.affine), middle).map(Math.round);
  expect(ring.layers[0]?.[(voxel[0] as number) + 3 * (voxel[1] as number)]).toBe(6);
  expect(middleOf({ ...ring, layers: [new Uint8Array(9)] }, ring.segments[0] as Segment)).toBeNull();
});

test("a mask goes through a NIfTI file and back, on the same grid only", async () => {
  const mask = Uint8Array.from([1, 0, 0, 1]);
  const packed = await gzip(encodeNifti(OBLIQUE, mask));
  expect([...(await readMask(packed, OBLIQUE))]).toEqual([...mask]);
  const moved: Grid = { ...OBLIQUE, affine: [[-0.8, 0.3, 0, 12], [0.6, 0.4, 0, -5], [0, 0, 6, 7], [0, 0, 0, 1]] };
  await expect(readMask(packed, moved)).rejects.toThrow("another grid");
  await expect(readMask(new Uint8Array(400), OBLIQUE)).rejects.toThrow("not a NIfTI");
});
