/** Packed masks as layers of label values, for the page and for `.seg.nrrd`; mirrors `omentum.io.seg_nrrd.layers`. */
import type { Layer, Segment, Segmentation } from "../segmentation.ts";
import type { PackedMasks } from "./packed_masks.ts";

/** Every class is a segment, empty ones too: they were looked for. Structures that share a voxel get different layers. */
export function asSegmentation(masks: PackedMasks): Segmentation {
  const layerOf = shareLayers(masks);
  const values = masks.classes.map(({ index }) => index);
  const wide = Math.max(...values) > 255;
  const count = Math.max(0, ...layerOf) + 1;
  const layers = Array.from({ length: count }, (): Layer => (wide ? new Uint16Array(masks.bits.length) : new Uint8Array(masks.bits.length)));
  for (let n = 0; n < masks.bits.length; n++) {
    for (let bits = masks.bits[n] as number; bits !== 0; bits &= bits - 1) {
      const k = 31 - Math.clz32(bits & -bits);
      (layers[(layerOf[k] as number)] as Layer)[n] = values[k] as number;
    }
  }
  const segments = masks.classes.map(({ key, display, colour, index }, k): Segment => ({ key, name: display, colour, layer: (layerOf[k] as number), value: index }));
  return { grid: masks.grid, layers, segments };
}

/** A layer for every class, by colouring the graph of overlaps: the class with the fewest layers left is next (DSATUR). */
function shareLayers(masks: PackedMasks): number[] {
  const beside = overlapping(masks);
  const layers = masks.classes.map(() => 0);
  const waiting = new Set(masks.classes.map((_, k) => k).filter((k) => (beside[k] as number) !== 0));
  const placed = new Set<number>();
  const taken = (k: number) => new Set([...placed].filter((other) => ((beside[k] as number) >>> other) & 1).map((other) => (layers[other] as number)));
  while (waiting.size > 0) {
    const next = [...waiting].reduce((best, k) => {
      const order = taken(k).size - taken(best).size || ones((beside[k] as number)) - ones((beside[best] as number));
      return order > 0 ? k : best;
    });
    const used = taken(next);
    let layer = 0;
    while (used.has(layer)) layer++;
    layers[next] = layer;
    placed.add(next);
    waiting.delete(next);
  }
  return layers;
}

/** For every class the bits of the classes with which it shares a voxel. */
function overlapping(masks: PackedMasks): Uint32Array {
  const sets = new Set<number>();
  for (const bits of masks.bits) if ((bits & (bits - 1)) !== 0) sets.add(bits);
  const beside = new Uint32Array(masks.classes.length);
  for (const set of sets) for (let k = 0; k < beside.length; k++) if ((set >>> k) & 1) beside[k] = (beside[k] as number) | (set & ~(1 << k));
  return beside;
}

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
