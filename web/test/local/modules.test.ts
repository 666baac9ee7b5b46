import { describe, expect, it } from "vitest";
import { readNifti } from "../../src/formats/nifti.ts";
import { encodeNifti } from "../../src/formats/nifti_write.ts";
import type { Affine } from "../../src/geometry.ts";
import { components } from "../../src/local/components.ts";
import { checkCt } from "../../src/local/ct_check.ts";
import { squaredDistances } from "../../src/local/distance.ts";
import { axisDirections, orderToRas, reordered } from "../../src/local/orientation.ts";
import { cutWindow, importance, planWindows, windowCount } from "../../src/local/sliding_windows.ts";
import { rint } from "../../src/volume.ts";

const LPS: Affine = [[-2, 0, 0, 10], [0, -3, 0, 20], [0, 0, 4, -5], [0, 0, 0, 1]];

describe("geometry", () => {
  it("brings a grid to RAS without moving a voxel", () => {
    const order = orderToRas(LPS);
    const { affine, shape } = reordered({ shape: [5, 6, 7], affine: LPS }, order);
    expect(axisDirections(affine)).toEqual([0, 1, 2].map((world) => ({ world, sign: 1 })));
    expect(shape).toEqual([5, 6, 7]);
    expect(affine.map((row) => row[3])).toEqual([10 - 2 * 4, 20 - 3 * 5, -5, 1]);
  });

  it("rounds halves to even numbers", () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4].map(rint).map((n) => n + 0)).toEqual([0, 2, 2, 0, -2, 2]);
  });
});

describe("windows", () => {
  it("cover a volume with the last one flush, and pad a small one on both sides", () => {
    const plan = planWindows([100, 7, 16], [16, 16, 16], 0.5);
    expect(plan.starts[0].slice(-2)).toEqual([80, 84]);
    expect(plan.starts.slice(1)).toEqual([[0], [0]]);
    expect(plan.before).toEqual([0, 4, 0]);
    expect(windowCount(plan)).toBe(12);
    const window = cutWindow(new Float32Array(100 * 7 * 16).fill(1), plan, [84, 0, 0]);
    expect(window.reduce((a, b) => a + b, 0)).toBe(16 * 7 * 16);
    expect([window[3 * 16], window[4 * 16]]).toEqual([0, 1]);
  });

  it("weigh the middle most and nothing less than the floor", () => {
    const weights = importance([8, 8, 8], 0.125, 1e-3);
    expect(Math.max(...weights)).toBe(weights[3 * 64 + 3 * 8 + 3]);
    expect(Math.min(...weights)).toBeCloseTo(1e-3);
  });
});

describe("components", () => {
  const shape = [4, 3, 2] as [number, number, number];
  const box = { start: [0, 0, 0] as [number, number, number], stop: shape };

  it("are joined over corners with a reach of one, over faces alone with none", () => {
    const voxels = new Set([0, 1 + 4 + 12, 3]); // (0,0,0), (1,1,1), (3,0,0)
    expect(components(shape, box, (n) => voxels.has(n), 1).map(({ voxels: count }) => count)).toEqual([2, 1]);
    expect(components(shape, box, (n) => voxels.has(n), 0)).toHaveLength(3);
  });

  it("know their box and centre", () => {
    const [one] = components(shape, box, (n) => n === 5 || n === 6, 1);
    expect(one?.box).toEqual({ start: [1, 1, 0], stop: [3, 2, 1] });
    expect(one?.sums).toEqual([3, 2, 0]);
  });
});

it("distances are exact on anisotropic grids", () => {
  const marked = new Uint8Array(5 * 4 * 3);
  marked[2 + 5 * (1 + 4 * 2)] = 1;
  const squared = squaredDistances(marked, [5, 4, 3], [1, 2, 3]);
  expect(squared[0]).toBeCloseTo(4 + 4 + 36);
  expect(squared[4 + 5 * (3 + 4 * 2)]).toBeCloseTo(4 + 16);
  expect(squaredDistances(new Uint8Array(8), [2, 2, 2], [1, 1, 1])[0]).toBe(Infinity);
});

describe("files", () => {
  const grid = { shape: [5, 6, 7] as [number, number, number], affine: LPS };

  it("are read on the grid they state", async () => {
    const ct = await readNifti(encodeNifti(grid, Uint8Array.from({ length: 210 }, (_, n) => n)));
    expect(ct.grid).toEqual(grid);
    expect([ct.voxels[0], ct.voxels[209]]).toEqual([0, 209]);
  });

  it.each([
    ["no NIfTI", new Uint8Array(400), "not a NIfTI file"],
    ["cut short", encodeNifti(grid, new Uint8Array(210)).slice(0, 500), "cut short"],
    ["damaged gzip", Uint8Array.from([0x1f, 0x8b, 1, 2, 3]), "damaged"],
  ])("that are %s are refused", async (_, file, reason) => {
    await expect(readNifti(file)).rejects.toThrow(reason);
  });

  it("that are no CT are refused", () => {
    const voxels = Uint8Array.from({ length: 210 }, (_, n) => (n % 2 ? 255 : 0));
    expect(() => checkCt({ grid, voxels })).toThrow("not HU");
    expect(() => checkCt({ grid, voxels: new Float32Array(210).fill(NaN) })).toThrow("finite");
    const hu = new Float32Array(210).fill(40);
    hu.set([NaN, -1000, 90_000, 80_000, -70_000]);
    expect(checkCt({ grid, voxels: hu }).voxels.slice(0, 5)).toEqual(Float32Array.from([-1024, -1000, 32767, 32767, -32767]));
    hu.fill(90_000, 2, 5); // one value far beyond all HU: padding around the field of view
    expect(checkCt({ grid, voxels: hu }).voxels.slice(0, 5)).toEqual(Float32Array.from([-1024, -1000, -1024, -1024, -1024]));
  });
});
