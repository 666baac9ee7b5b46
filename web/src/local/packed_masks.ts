/** Overlapping masks: bit k of a voxel says whether it belongs to class k; mirrors `omentum.postprocess.mask_editor`. */
import { type Grid, spacing, toWorld, type Vec3, type VoxelBox, voxelMl } from "../geometry.ts";
import { type Component, components, eachVoxel } from "./components.ts";
import type { ModelClass } from "./model.ts";

/** A voxel has 32 bits. */
export const MOST_CLASSES = 32;

export class PackedMasks {
  readonly mm: Vec3;
  readonly voxelMl: number;

  constructor(
    readonly grid: Grid,
    readonly classes: readonly ModelClass[],
    /** First axis fastest. */
    readonly bits: Uint32Array,
  ) {
    if (classes.length > MOST_CLASSES) throw new RangeError(`${classes.length} classes, at most ${MOST_CLASSES}`);
    this.mm = spacing(grid.affine);
    this.voxelMl = voxelMl(grid.affine);
  }

  number(key: string): number {
    return this.classes.findIndex((one) => one.key === key);
  }

  /** Bits of the classes with these keys. */
  bitsOf(keys: readonly string[]): number {
    return keys.reduce((bits, key) => (this.number(key) < 0 ? bits : bits | (1 << this.number(key))), 0);
  }

  /** Box around the voxels with any of some bits; null if there are none. */
  boxOf(bits: number): VoxelBox | null {
    const { shape } = this.grid;
    const box: VoxelBox = { start: [...shape], stop: [0, 0, 0] };
    for (let k = 0, n = 0; k < shape[2]; k++) {
      for (let j = 0; j < shape[1]; j++) {
        for (let i = 0; i < shape[0]; i++, n++) {
          if (((this.bits[n] as number) & bits) === 0) continue;
          if (i < box.start[0]) box.start[0] = i;
          if (j < box.start[1]) box.start[1] = j;
          if (k < box.start[2]) box.start[2] = k;
          if (i >= box.stop[0]) box.stop[0] = i + 1;
          if (j >= box.stop[1]) box.stop[1] = j + 1;
          if (k >= box.stop[2]) box.stop[2] = k + 1;
        }
      }
    }
    return box.stop[0] === 0 ? null : box;
  }

  has(key: string): boolean {
    return this.boxOf(this.bitsOf([key])) !== null;
  }

  /** Components of a class, 26-connected. */
  components(key: string): Component[] {
    const bit = this.bitsOf([key]);
    const box = this.boxOf(bit);
    return box === null ? [] : components(this.grid.shape, box, (n) => ((this.bits[n] as number) & bit) !== 0, 1);
  }

  remove(key: string, component: Component): void {
    const kept = ~this.bitsOf([key]);
    eachVoxel(component, this.grid.shape[0], (n) => (this.bits[n] = (this.bits[n] as number) & kept));
  }

  add(key: string, component: Component, allowed: (index: number) => boolean): void {
    const bit = this.bitsOf([key]);
    eachVoxel(component, this.grid.shape[0], (n) => {
      if (allowed(n)) this.bits[n] = (this.bits[n] as number) | bit;
    });
  }

  world(voxel: Vec3): Vec3 {
    return toWorld(this.grid.affine, voxel);
  }
}
