/** Makes surfaces beside the page, one message a segment. */
import type { Affine, Shape } from "../geometry.ts";
import { boxesByValue, type Layer } from "../segmentation.ts";
import { surfaceOf } from "./surface.ts";

export interface SurfaceRequest {
  readonly layer: Layer;
  readonly shape: Shape;
  readonly affine: Affine;
  /** Segment keys and the values they have in the layer. */
  readonly segments: readonly { readonly key: string; readonly value: number }[];
}

export interface SurfaceReply {
  readonly key: string;
  /** Null if the segment has no voxel. */
  readonly points: Float32Array<ArrayBuffer> | null;
  readonly triangles: Uint32Array<ArrayBuffer> | null;
}

self.addEventListener("message", (event: MessageEvent<SurfaceRequest>) => {
  const { layer, shape, affine, segments } = event.data;
  const boxes = boxesByValue(layer, shape);
  for (const { key, value } of segments) {
    const box = boxes.get(value);
    const surface = box === undefined ? null : surfaceOf(layer, shape, affine, value, box);
    const reply: SurfaceReply = { key, points: surface?.points ?? null, triangles: surface?.triangles ?? null };
    const moved = surface === null ? [] : [surface.points.buffer, surface.triangles.buffer];
    self.postMessage(reply, { transfer: moved });
  }
});
