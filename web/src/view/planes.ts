/** Axial, coronal and sagittal slices of a CT with its masks, drawn by NiiVue. All positions are RAS+ mm. */
import { DRAG_MODE, NVImage, Niivue, SLICE_TYPE } from "@niivue/niivue";
import { type Affine, type Grid, inverse, toWorld, type Vec3, type VoxelBox } from "../geometry.ts";
import type { Segmentation } from "../segmentation.ts";
import { MaskTextures, type Style } from "./mask_textures.ts";
import type { Window } from "./presets.ts";
import { SLICE_SHADER } from "./slice_shader.ts";

/** Planes in NiiVue's numbering. */
export type Plane = 0 | 1 | 2;
export const AXIAL: Plane = 0;
export const CORONAL: Plane = 1;
export const SAGITTAL: Plane = 2;
export type Layout = "all" | "axial" | "coronal" | "sagittal" | "3d";

/** A place on a slice, where a pointer is or was. */
export interface Spot {
  readonly plane: Plane;
  readonly world: Vec3;
  /** Voxel indices on the masks' grid, not rounded. */
  readonly voxel: Vec3;
}

/** A place on the canvas in CSS pixels. */
export interface ScreenPoint {
  readonly x: number;
  readonly y: number;
}

/** NiiVue with hooks around every drawing of the scene: textures are bound before it, overlays moved after it. */
class Slices extends Niivue {
  beforeDraw: () => void = () => {};
  afterDraw: () => void = () => {};

  /** A double click makes a plane large here; NiiVue would change the window. */
  override resetBriCon(): void {}

  override drawScene(): string | void {
    this.beforeDraw();
    const drawn = super.drawScene();
    this.afterDraw();
    return drawn;
  }
}

const GAP = 0.004;
/** Tiles as shares of the canvas: left, top, width, height. */
const TILES: Record<Layout, readonly (readonly [Plane, [number, number, number, number]])[]> = {
  all: [
    [AXIAL, [0, 0, 0.5 - GAP, 0.5 - GAP]],
    [CORONAL, [0.5 + GAP, 0, 0.5 - GAP, 0.5 - GAP]],
    [SAGITTAL, [0, 0.5 + GAP, 0.5 - GAP, 0.5 - GAP]],
  ],
  axial: [[AXIAL, [0, 0, 1, 1]]],
  coronal: [[CORONAL, [0, 0, 1, 1]]],
  sagittal: [[SAGITTAL, [0, 0, 1, 1]]],
  "3d": [],
};

export class Planes {
  private readonly slices: Slices;
  private masks: MaskTextures | null = null;
  private grid: Grid | null = null;
  private layout: Layout = "all";
  private pending: number | null = null;
  onDraw: () => void = () => {};
  onMove: (world: Vec3) => void = () => {};

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.slices = new Slices({
      isRadiologicalConvention: true,
      // Anterior on the left, as in preview.png, 3D Slicer and OHIF.
      sagittalNoseLeft: true,
      backColor: [0.02, 0.024, 0.031, 1],
      crosshairWidth: 0,
      isOrientationTextVisible: false,
      dragAndDropEnabled: false,
      dragMode: DRAG_MODE.pan,
      logLevel: "error",
      meshThicknessOn2D: 0,
      clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "",
      viewModeHotKey: "",
      loadingText: "",
      isSliceMM: false,
    });
    this.slices.beforeDraw = () => {
      const shader = this.slices.customSliceShader;
      if (shader !== null) this.masks?.bind(shader.program, this.ratio());
    };
    this.slices.afterDraw = () => {
      this.masks?.release();
      this.onDraw();
    };
    this.slices.onLocationChange = () => this.onMove(this.position());
  }

  async attach(): Promise<void> {
    await this.slices.attachToCanvas(this.canvas, false);
    this.masks = new MaskTextures(this.slices.gl);
    this.slices.setCustomSliceShader(SLICE_SHADER);
    // Before the first CT, or NiiVue renders it as a volume as well: slow, and with textures that ours are not.
    this.setLayout(this.layout);
  }

  /** Show a CT (NIfTI, perhaps gzipped). */
  async load(ct: Uint8Array<ArrayBuffer>, window: Window): Promise<void> {
    this.textures().release();
    for (const volume of [...this.slices.volumes]) this.slices.removeVolume(volume);
    const buffer = ct.buffer.slice(ct.byteOffset, ct.byteOffset + ct.byteLength);
    const image = await NVImage.loadFromUrl({ url: "ct.nii", buffer, name: ct[0] === 0x1f ? "ct.nii.gz" : "ct.nii", ...limits(window) });
    this.slices.addVolume(image);
    this.slices.scene.crosshairPos = [0.5, 0.5, 0.5];
    this.draw();
  }

  /** Show masks; returns how many layers are more than can be drawn. */
  setMasks(segmentation: Segmentation): number {
    this.grid = segmentation.grid;
    const left = this.textures().load(segmentation, this.fractionToWorld());
    this.draw();
    return left;
  }

  setStyles(styles: ReadonlyMap<string, Style>): void {
    for (const [key, style] of styles) this.textures().style(key, style);
    this.textures().uploadColours();
    this.draw();
  }

  setEdited(mask: Uint8Array<ArrayBuffer> | null, style: Style): void {
    this.textures().edited(mask, style);
    this.textures().uploadColours();
    this.draw();
  }

  setEditedBox(mask: Uint8Array, box: VoxelBox): void {
    this.textures().editedBox(mask, box);
    this.draw();
  }

  setWindow(window: Window): void {
    const ct = this.slices.volumes[0];
    if (ct === undefined) return;
    Object.assign(ct, limits(window));
    this.textures().release();
    this.slices.refreshLayers(ct, 0);
    this.draw();
  }

  setLayout(layout: Layout): void {
    this.layout = layout;
    const tiles = TILES[layout].map(([sliceType, position]) => ({ sliceType: sliceType as SLICE_TYPE, position }));
    this.slices.opts.sliceType = SLICE_TYPE.MULTIPLANAR;
    if (tiles.length > 0) this.slices.setCustomLayout(tiles);
    this.draw();
  }

  goTo(world: Vec3): void {
    const fraction = [...this.slices.mm2frac(world, 0, true)];
    this.slices.scene.crosshairPos = fraction.map((share) => Math.min(1, Math.max(0, share))) as Vec3;
    this.draw();
    this.onMove(this.position());
  }

  /** Move the position by whole voxels to the left of the patient, to the front and upwards. */
  step(left: number, anterior: number, superior: number): void {
    this.slices.moveCrosshairInVox(-left, anterior, superior);
  }

  position(): Vec3 {
    return [...this.slices.frac2mm(this.slices.scene.crosshairPos, 0, true)].slice(0, 3) as Vec3;
  }

  /** Zoom by a factor about the position. */
  zoom(factor: number): void {
    const [x, y, z, before] = this.slices.scene.pan2Dxyzmm as unknown as [number, number, number, number];
    const after = Math.min(12, Math.max(0.5, before * factor));
    const centre = this.slices.frac2mm(this.slices.scene.crosshairPos);
    const shift = [x, y, z].map((pan, axis) => pan - (after - before) * (centre[axis] ?? 0));
    this.slices.setPan2Dxyzmm([...shift, after] as never);
  }

  resetZoom(): void {
    this.slices.setPan2Dxyzmm([0, 0, 0, 1] as never);
  }

  /** What lies under a point of the window; null beside the slices. */
  pick(clientX: number, clientY: number): Spot | null {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [(clientX - box.left) * this.ratio(), (clientY - box.top) * this.ratio()];
    const tile = this.slices.tileIndex(x, y);
    const slice = this.slices.screenSlices[tile];
    if (slice === undefined || slice.axCorSag > SAGITTAL || this.grid === null) return null;
    const fraction = this.slices.screenXY2TextureFrac(x, y, tile, false);
    if (fraction[0] < 0) return null;
    const world = [...this.slices.frac2mm(fraction, 0, true)].slice(0, 3) as Vec3;
    return { plane: slice.axCorSag as Plane, world, voxel: toWorld(inverse(this.grid.affine), world) };
  }

  /** The planes that are shown now, each with its part of the canvas in CSS pixels. */
  tiles(): readonly { readonly plane: Plane; readonly x: number; readonly y: number; readonly width: number; readonly height: number }[] {
    if (this.slices.volumes.length === 0 || this.layout === "3d") return [];
    return this.slices.screenSlices
      .filter(({ axCorSag }) => axCorSag <= SAGITTAL)
      .map(({ axCorSag, leftTopWidthHeight }) => {
        const [x = 0, y = 0, width = 0, height = 0] = leftTopWidthHeight.map((pixels) => pixels / this.ratio());
        return { plane: axCorSag as Plane, x, y, width, height };
      });
  }

  /** Where a world position is drawn on a plane's tile; null if that plane is not shown. */
  project(world: Vec3, plane: Plane): ScreenPoint | null {
    if (this.slices.volumes.length === 0) return null;
    const slice = this.slices.screenSlices.find(({ axCorSag }) => axCorSag === (plane as SLICE_TYPE));
    if (slice === undefined) return null;
    const upright = this.slices.frac2mm(this.slices.mm2frac(world, 0, true));
    const [across, up] = plane === AXIAL ? [upright[0], upright[1]] : plane === CORONAL ? [upright[0], upright[2]] : [upright[1], upright[2]];
    const [left = 0, top = 0, width = 0, height = 0] = slice.leftTopWidthHeight;
    const [x0 = 0, y0 = 0] = slice.leftTopMM;
    const [w = 1, h = 1] = slice.fovMM;
    const x = left + (width * (across - x0)) / w;
    const y = top + height * (1 - (up - y0) / h);
    return { x: x / this.ratio(), y: y / this.ratio() };
  }

  /** Slices between the slice shown on a plane and a world position, not rounded. */
  slicesAway(world: Vec3, plane: Plane): number {
    const axis = plane === AXIAL ? 2 : plane === CORONAL ? 1 : 0;
    const there = this.slices.mm2frac(world, 0, true)[axis] as number;
    const here = this.slices.scene.crosshairPos[axis] as number;
    return Math.abs(there - here) * (this.slices.volumes[0]?.dimsRAS?.[axis + 1] ?? 1);
  }

  /** CSS pixels per mm on a plane's tile. */
  scale(plane: Plane): number {
    const slice = this.slices.screenSlices.find(({ axCorSag }) => axCorSag === (plane as SLICE_TYPE));
    return slice === undefined ? 1 : Math.abs((slice.leftTopWidthHeight[2] ?? 1) / (slice.fovMM[0] ?? 1)) / this.ratio();
  }

  /** HU at the position; null outside the CT. */
  value(world: Vec3): number | null {
    const ct = this.slices.volumes[0];
    const size = ct?.dimsRAS;
    if (ct === undefined || size === undefined) return null;
    const [x = -1, y = -1, z = -1] = ct.mm2vox(world) as Float32Array;
    const inside = [x, y, z].every((at, axis) => at >= 0 && at < (size[axis + 1] ?? 0));
    return inside ? ct.getValue(x, y, z) : null;
  }

  /** At most one drawing a frame. */
  draw(): void {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.slices.drawScene();
    });
  }

  /** Redraw after the canvas changed its size. */
  resize(): void {
    this.slices.resizeListener();
  }

  private ratio(): number {
    return this.slices.uiData.dpr ?? 1;
  }

  private textures(): MaskTextures {
    if (this.masks === null) throw new Error("the canvas is not attached");
    return this.masks;
  }

  /** Texture coordinates of the CT (0 to 1) to RAS+ mm. */
  private fractionToWorld(): Affine {
    const at = (fraction: Vec3): number[] => [...this.slices.frac2mm(fraction, 0, true)];
    const origin = at([0, 0, 0]);
    const columns = ([[1, 0, 0], [0, 1, 0], [0, 0, 1]] as Vec3[]).map(at);
    const rows = [0, 1, 2].map((row) => [...columns.map((column) => (column[row] ?? 0) - (origin[row] ?? 0)), origin[row] ?? 0]);
    return [...rows, [0, 0, 0, 1]] as Affine;
  }
}

function limits({ centre, width }: Window): { cal_min: number; cal_max: number } {
  return { cal_min: centre - width / 2, cal_max: centre + width / 2 };
}
