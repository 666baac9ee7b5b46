/** A scan that was segmented in this browser; it is gone with the page. */
import type { Deleted, Download, Result } from "../backend.ts";
import type { Measurements } from "../documents.ts";
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

  async measurements(): Promise<Measurements> {
    return this.finished.measurements;
  }

  async downloads(): Promise<readonly Download[]> {
    return [fileOf("segmentation.seg.nrrd", new Blob([this.finished.segNrrd], { type: "application/octet-stream" }))];
  }

  async remove(): Promise<Deleted> {
    return { names: [], bytes: 0 };
  }
}

function fileOf(name: string, content: Blob): Download {
  return { name, mediaType: content.type, bytes: content.size, open: async () => content };
}
