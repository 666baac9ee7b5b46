/** A scan that was segmented in this browser; it is gone with the page. */
import type { Deleted, Download, Result } from "../backend.ts";
import type { Segmentation } from "../segmentation.ts";
import type { Finished } from "./messages.ts";
import type { Model } from "./model.ts";

export class LocalResult implements Result {
  readonly id = crypto.randomUUID();
  readonly correct = null;
  readonly corrected = null;

  constructor(
    readonly title: string,
    private readonly finished: Finished,
    private readonly model: Model,
  ) {}

  async ct(): Promise<Uint8Array<ArrayBuffer>> {
    return this.finished.ct.slice();
  }

  async segmentation(): Promise<Segmentation> {
    const { grid, layers, layerOf } = this.finished;
    const segments = this.model.classes.map(({ key, display, colour, index }, k) => ({ key, name: display, colour, layer: layerOf[k] ?? 0, value: index }));
    return { grid, layers, segments };
  }

  async measurements(): Promise<null> {
    return null;
  }

  async downloads(): Promise<readonly Download[]> {
    const { segNrrd } = this.finished;
    const mediaType = "application/octet-stream";
    return [{ name: "segmentation.seg.nrrd", mediaType, bytes: segNrrd.length, open: async () => new Blob([segNrrd], { type: mediaType }) }];
  }

  async remove(): Promise<Deleted> {
    return { names: [], bytes: 0 };
  }
}
