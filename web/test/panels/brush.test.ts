import { expect, test } from "vitest";
import type { Grid } from "../../src/geometry.ts";
import { MaskEdit, sliceAxis } from "../../src/panels/brush.ts";

/** Voxels of 1 x 2 x 5 mm, the first axis towards the left. */
const GRID: Grid = { shape: [20, 12, 4], affine: [[-1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1]] };
const COUNT = 20 * 12 * 4;

function inside(mask: Uint8Array): number[][] {
  return [...mask].flatMap((value, k) => (value === 0 ? [] : [[k % 20, Math.floor(k / 20) % 12, Math.floor(k / 240)]]));
}

test("a dab is round in mm and stays in its slice", () => {
  const edit = new MaskEdit(GRID, new Uint8Array(COUNT));
  expect(edit.paint([10, 6, 2.2], [10, 6, 2.2], 2, 4, 1)).toEqual({ start: [6, 4, 2], stop: [15, 9, 3] });
  const voxels = inside(edit.mask);
  expect(voxels.every(([x = 0, y = 0, z]) => z === 2 && Math.hypot(x - 10, 2 * (y - 6)) <= 4)).toBe(true);
  expect(voxels).toHaveLength(25);
});

test("a stroke has no gaps, an eraser takes away, undo brings back stroke by stroke", () => {
  const edit = new MaskEdit(GRID, new Uint8Array(COUNT));
  edit.paint([3, 6, 1], [16, 6, 1], 2, 1.5, 1);
  edit.endStroke();
  expect(Array.from({ length: 14 }, (_, k) => edit.mask[3 + k + 20 * (6 + 12 * 1)])).toEqual(Array(14).fill(1));
  const before = edit.changed;
  edit.paint([10, 6, 1], [10, 6, 1], 2, 2, 0);
  expect(edit.mask[10 + 20 * 18]).toBe(0);
  expect(edit.undo()).toEqual({ start: [8, 6, 1], stop: [13, 7, 2] });
  expect(edit.changed).toBe(before);
  edit.undo();
  expect([edit.changed, edit.canUndo, edit.undo()]).toEqual([0, false, null]);
});

test("painting and erasing the same voxel in one stroke is no change", () => {
  const edit = new MaskEdit(GRID, new Uint8Array(COUNT));
  edit.paint([5, 5, 0], [5, 5, 0], 2, 1, 1);
  edit.paint([5, 5, 0], [5, 5, 0], 2, 1, 0);
  edit.endStroke();
  expect(edit.canUndo).toBe(false);
});

test("outside the grid nothing is painted", () => {
  const edit = new MaskEdit(GRID, new Uint8Array(COUNT));
  expect(edit.paint([5, 5, 9], [5, 5, 9], 2, 3, 1)).toBeNull();
  expect(edit.paint([-30, 5, 1], [-30, 5, 1], 2, 3, 1)).toBeNull();
  expect(edit.changed).toBe(0);
});

test("a plane's slices are numbered by the voxel axis across it, also of a rotated grid", () => {
  expect([0, 1, 2].map((plane) => sliceAxis(GRID, plane))).toEqual([2, 1, 0]);
  const coronal: Grid = { shape: [4, 4, 4], affine: [[0, 0, 2, 0], [-1, 0, 0, 0], [0, 3, 0, 0], [0, 0, 0, 1]] };
  expect([0, 1, 2].map((plane) => sliceAxis(coronal, plane))).toEqual([1, 0, 2]);
});
