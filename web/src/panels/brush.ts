/** Painting on a mask: round strokes in one slice, with undo. Works on the mask's own voxel grid. */
import { type Grid, spacing, unravel, type Vec3, type VoxelBox, voxelCount } from "../geometry.ts";

/** Strokes that can be taken back. */
const UNDO_STEPS = 50;

export class MaskEdit {
  readonly mask: Uint8Array<ArrayBuffer>;
  private readonly spacing: Vec3;
  private stroke = new Set<number>();
  private readonly strokes: Uint32Array[] = [];

  constructor(
    private readonly grid: Grid,
    private readonly original: Uint8Array,
  ) {
    if (original.length !== voxelCount(grid.shape)) throw new RangeError("the mask is not on the grid");
    this.mask = Uint8Array.from(original);
    this.spacing = spacing(grid.affine);
  }

  get canUndo(): boolean {
    return this.strokes.length > 0;
  }

  /** Voxels that differ from the mask at the start. */
  get changed(): number {
    let count = 0;
    for (let k = 0; k < this.mask.length; k++) if (this.mask[k] !== this.original[k]) count += 1;
    return count;
  }

  /**
   * Set all voxels within a radius of the way between two places in the slice of the second one.
   *
   * Returns the box of voxels that may have changed; null if it lies outside the grid.
   *
   * @param axis voxel axis that numbers the slices
   * @param from voxel indices, not rounded, as `to`
   */
  paint(from: Vec3, to: Vec3, axis: number, radiusMm: number, value: 0 | 1): VoxelBox | null {
    const slice = Math.round(to[axis] as number);
    const bounds = [0, 1, 2].map((k) => this.range(from, to, k, axis, radiusMm));
    if (slice < 0 || slice >= (this.grid.shape[axis] as number) || bounds.some(([first, last]) => first > last)) return null;
    const [start, stop] = [bounds.map(([first]) => first) as Vec3, bounds.map(([, last]) => last + 1) as Vec3];
    const [width, height] = this.grid.shape;
    for (let z = start[2]; z < stop[2]; z++)
      for (let y = start[1]; y < stop[1]; y++)
        for (let x = start[0]; x < stop[0]; x++) {
          const k = x + width * (y + height * z);
          if (this.mask[k] === value || this.fromSegment([x, y, z], from, to, axis) > radiusMm) continue;
          this.mask[k] = value;
          if (!this.stroke.delete(k)) this.stroke.add(k);
        }
    return { start, stop };
  }

  /** What was painted since the last call becomes one step of undo. */
  endStroke(): void {
    if (this.stroke.size === 0) return;
    this.strokes.push(Uint32Array.from(this.stroke));
    if (this.strokes.length > UNDO_STEPS) this.strokes.shift();
    this.stroke = new Set();
  }

  /** Take the last stroke back; returns the box of its voxels, null if there is none. */
  undo(): VoxelBox | null {
    this.endStroke();
    const last = this.strokes.pop();
    if (last === undefined) return null;
    const start: Vec3 = [...this.grid.shape];
    const stop: Vec3 = [0, 0, 0];
    for (const k of last) {
      this.mask[k] = 1 - (this.mask[k] as number);
      unravel(k, this.grid.shape).forEach((at, axis) => {
        start[axis] = Math.min(start[axis] as number, at);
        stop[axis] = Math.max(stop[axis] as number, at + 1);
      });
    }
    return { start, stop };
  }

  private range(from: Vec3, to: Vec3, k: number, axis: number, radiusMm: number): [number, number] {
    if (k === axis) return [Math.round(to[k] as number), Math.round(to[k] as number)];
    const reach = radiusMm / (this.spacing[k] as number);
    const [first, last] = [from[k] as number, to[k] as number].sort((a, b) => a - b) as [number, number];
    return [Math.max(0, Math.floor(first - reach)), Math.min((this.grid.shape[k] as number) - 1, Math.ceil(last + reach))];
  }

  /** Distance in mm of a voxel from the way between two places, within the slice. */
  private fromSegment(voxel: Vec3, from: Vec3, to: Vec3, axis: number): number {
    const across = [0, 1, 2].filter((k) => k !== axis);
    const mm = (at: Vec3, k: number): number => (at[k] as number) * (this.spacing[k] as number);
    const way = across.map((k) => mm(to, k) - mm(from, k));
    const here = across.map((k) => mm(voxel, k) - mm(from, k));
    const length = way.reduce((sum, w) => sum + w * w, 0);
    const share = length === 0 ? 0 : Math.min(1, Math.max(0, way.reduce((sum, w, n) => sum + w * (here[n] as number), 0) / length));
    return Math.hypot(...way.map((w, n) => (here[n] as number) - share * w));
  }
}

/** The voxel axis most nearly at right angles to a plane: 0 axial, 1 coronal, 2 sagittal. */
export function sliceAxis(grid: Grid, plane: number): number {
  const world = 2 - plane;
  const steps = spacing(grid.affine);
  const along = [0, 1, 2].map((axis) => Math.abs(grid.affine[world]?.[axis] ?? 0) / (steps[axis] as number));
  return along.indexOf(Math.max(...along));
}
