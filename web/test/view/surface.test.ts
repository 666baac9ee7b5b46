import { expect, test } from "vitest";
import type { Affine, Shape } from "../../src/geometry.ts";
import { boxesByValue } from "../../src/segmentation.ts";
import { surfaceOf, type Surface } from "../../src/view/surface.ts";

const SHAPE: Shape = [40, 36, 30];
const RADIUS_MM = 20;
const STRAIGHT: Affine = [[1.5, 0, 0, -30], [0, 1.5, 0, -27], [0, 0, 2, -30], [0, 0, 0, 1]];
/** The same grid from the left: its determinant is negative. */
const MIRRORED: Affine = [[-1.5, 0, 0, 28.5], [0, 1.5, 0, -27], [0, 0, 2, -30], [0, 0, 0, 1]];

/** A ball about the origin of the world, with value 7. */
function ball(affine: Affine): Uint8Array<ArrayBuffer> {
  const layer = new Uint8Array(40 * 36 * 30);
  for (let k = 0; k < layer.length; k++) {
    const voxel = [k % 40, Math.floor(k / 40) % 36, Math.floor(k / 1440)];
    const world = [0, 1, 2].map((row) => (affine[row]?.[row] ?? 0) * (voxel[row] ?? 0) + (affine[row]?.[3] ?? 0));
    if (Math.hypot(...world) <= RADIUS_MM) layer[k] = 7;
  }
  return layer;
}

/** By the divergence theorem; positive if the triangles face outwards. */
function enclosed({ points, triangles }: Surface): number {
  const corner = (t: number): number[] => [...points.subarray(3 * (triangles[t] ?? 0), 3 * (triangles[t] ?? 0) + 3)];
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [corner(t), corner(t + 1), corner(t + 2)] as [number[], number[], number[]];
    const cross = [b[1]! * c[2]! - b[2]! * c[1]!, b[2]! * c[0]! - b[0]! * c[2]!, b[0]! * c[1]! - b[1]! * c[0]!];
    sum += (a[0]! * cross[0]! + a[1]! * cross[1]! + a[2]! * cross[2]!) / 6;
  }
  return sum;
}

test.each([["straight", STRAIGHT], ["mirrored", MIRRORED]])("a ball on a %s grid: closed, facing outwards, in place, of its size", (_, affine) => {
  const layer = ball(affine);
  const box = boxesByValue(layer, SHAPE).get(7)!;
  const surface = surfaceOf(layer, SHAPE, affine, 7, box);
  const exact = (4 / 3) * Math.PI * RADIUS_MM ** 3;
  expect(Math.abs(enclosed(surface) / exact - 1)).toBeLessThan(0.06);
  const centre = [0, 1, 2].map((axis) => surface.points.filter((__, k) => k % 3 === axis).reduce((a, b) => a + b, 0) / (surface.points.length / 3));
  for (const at of centre) expect(Math.abs(at)).toBeLessThan(1);
  const edges = new Map<string, number>();
  for (let t = 0; t < surface.triangles.length; t += 3)
    for (let k = 0; k < 3; k++) {
      const [a, b] = [surface.triangles[t + k]!, surface.triangles[t + ((k + 1) % 3)]!];
      edges.set(`${a}-${b}`, (edges.get(`${a}-${b}`) ?? 0) + 1);
    }
  expect([...edges].every(([edge, count]) => count === (edges.get(edge.split("-").reverse().join("-")) ?? 0))).toBe(true);
});

test("a large mask is sampled more coarsely, and stays in place", () => {
  const shape: Shape = [220, 4, 4];
  const layer = new Uint8Array(220 * 16).fill(1);
  const { points } = surfaceOf(layer, shape, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], 1, { start: [0, 0, 0], stop: [220, 4, 4] });
  const along = points.filter((_, k) => k % 3 === 0);
  expect(Math.abs((Math.min(...along) + Math.max(...along)) / 2 - 109.5)).toBeLessThan(2);
});
