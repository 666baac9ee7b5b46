/** Connected components of masks as runs of voxels along the first axis: no array of labels is needed. */
import type { Vec3, VoxelBox } from "../geometry.ts";

/** A component's voxels: triples (first i, one past the last i, row) with row = j + J k. */
export interface Component {
  readonly runs: readonly number[];
  readonly voxels: number;
  /** Sums of the indices of its voxels. */
  readonly sums: Vec3;
  readonly box: VoxelBox;
}

/** Which voxel of the image belongs to the mask, by its index with the first axis fastest. */
export type Inside = (index: number) => boolean;

/**
 * Components in a box.
 *
 * @param reach 1 for 26-connectivity, 0 for 6-connectivity
 */
export function components(shape: Vec3, box: VoxelBox, inside: Inside, reach: 0 | 1): Component[] {
  const runs: number[] = []; // (from, to, row) of every run
  const parents: number[] = [];
  const [J] = [shape[1]];
  const rowsAt = new Map<number, [number, number]>();
  for (let k = box.start[2]; k < box.stop[2]; k++) {
    for (let j = box.start[1]; j < box.stop[1]; j++) {
      const row = j + J * k;
      const first = parents.length;
      appendRuns(runs, parents, shape[0], box, row, inside);
      if (parents.length === first) continue;
      rowsAt.set(row, [first, parents.length]);
      for (const other of neighbours(box, J, j, k, reach)) {
        const found = rowsAt.get(other);
        if (found !== undefined) join(runs, parents, [first, parents.length], found, reach);
      }
    }
    if (k > box.start[2]) for (let j = box.start[1]; j < box.stop[1]; j++) rowsAt.delete(j + J * (k - 1));
  }
  return gather(runs, parents, J);
}

function appendRuns(runs: number[], parents: number[], length: number, box: VoxelBox, row: number, inside: Inside): void {
  const base = row * length;
  let from = -1;
  for (let i = box.start[0]; i < box.stop[0]; i++) {
    if (inside(base + i)) {
      if (from < 0) from = i;
    } else if (from >= 0) {
      runs.push(from, i, row);
      parents.push(parents.length);
      from = -1;
    }
  }
  if (from >= 0) {
    runs.push(from, box.stop[0], row);
    parents.push(parents.length);
  }
}

/** Rows before this one that touch it. */
function neighbours(box: VoxelBox, J: number, j: number, k: number, reach: 0 | 1): number[] {
  const found = j > box.start[1] ? [j - 1 + J * k] : [];
  if (k === box.start[2]) return found;
  for (let other = Math.max(box.start[1], j - reach); other <= Math.min(box.stop[1] - 1, j + reach); other++) found.push(other + J * (k - 1));
  return found;
}

/** Join the runs of two rows that touch; both are in ascending order. */
function join(runs: number[], parents: number[], [a, aEnd]: [number, number], [b, bEnd]: [number, number], reach: 0 | 1): void {
  while (a < aEnd && b < bEnd) {
    const [aFrom, aTo, bFrom, bTo] = [(runs[3 * a] as number), (runs[3 * a + 1] as number), (runs[3 * b] as number), (runs[3 * b + 1] as number)];
    if (aFrom < bTo + reach && bFrom < aTo + reach) {
      const [one, other] = [root(parents, a), root(parents, b)];
      if (one !== other) parents[Math.max(one, other)] = Math.min(one, other);
    }
    if (aTo < bTo) a++;
    else b++;
  }
}

function root(parents: number[], n: number): number {
  while ((parents[n] as number) !== n) {
    parents[n] = (parents[(parents[n] as number)] as number);
    n = parents[n] as number;
  }
  return n;
}

function gather(runs: number[], parents: number[], J: number): Component[] {
  const found = new Map<number, { runs: number[]; voxels: number; sums: Vec3; box: VoxelBox }>();
  for (let n = 0; n < parents.length; n++) {
    const [from, to, row] = [(runs[3 * n] as number), (runs[3 * n + 1] as number), (runs[3 * n + 2] as number)];
    const [j, k] = [row % J, Math.floor(row / J)];
    const number = root(parents, n);
    let one = found.get(number);
    if (one === undefined) found.set(number, (one = { runs: [], voxels: 0, sums: [0, 0, 0], box: { start: [from, j, k], stop: [to, j + 1, k + 1] } }));
    const length = to - from;
    one.runs.push(from, to, row);
    one.voxels += length;
    one.sums[0] += ((from + to - 1) * length) / 2;
    one.sums[1] += j * length;
    one.sums[2] += k * length;
    widen(one.box, [from, j, k], [to, j + 1, k + 1]);
  }
  return [...found.values()];
}

function widen(box: VoxelBox, start: Vec3, stop: Vec3): void {
  for (let axis = 0; axis < 3; axis++) {
    box.start[axis] = Math.min((box.start[axis] as number), (start[axis] as number));
    box.stop[axis] = Math.max((box.stop[axis] as number), (stop[axis] as number));
  }
}

/** Call `visit` with the index of every voxel of a component. */
export function eachVoxel({ runs }: Component, length: number, visit: (index: number) => void): void {
  for (let n = 0; n < runs.length; n += 3) {
    const base = (runs[n + 2] as number) * length;
    for (let i = runs[n] as number; i < (runs[n + 1] as number); i++) visit(base + i);
  }
}
