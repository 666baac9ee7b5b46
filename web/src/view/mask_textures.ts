/**
 * The textures of label layers on the GPU. Layers are drawn one after the other, so segments that overlap are blended and
 * each keeps its outline. Showing, hiding and colouring change a table of colours only.
 */
import { type Affine, type Grid, inverse, type Vec3, type VoxelBox } from "../geometry.ts";
import type { Colour, Layer, Segment, Segmentation } from "../segmentation.ts";
import { EDITED_LAYER, EDITED_TEXTURE, LABEL_TEXTURES, LAYERS_PER_TEXTURE, MAX_LAYERS, VALUES } from "./slice_shader.ts";

export interface Style {
  readonly colour: Colour;
  readonly visible: boolean;
  /** Of the filling, 0 to 1; the outline is always drawn in full. */
  readonly opacity: number;
  /** Of its surface in 3D, 0 to 1. */
  readonly surfaceOpacity?: number;
}

const TEXTURES = [...LABEL_TEXTURES, EDITED_TEXTURE];
const EDITED = TEXTURES.indexOf(EDITED_TEXTURE);
/** Texture units that are free while NiiVue draws. */
const FIRST_UNIT = 9;
const COLOURS_UNIT = FIRST_UNIT + TEXTURES.length;
const ROWS = 2 * (EDITED_LAYER + 1);
const OUTLINE_PX = 1.3;

/** How the layers of a texture are stored: bytes of a voxel, and of each of its channels. */
interface Packing {
  readonly bytes: number;
  readonly perChannel: number;
  readonly internal: "R8UI" | "RG8UI" | "RGBA8UI" | "RGBA16UI" | "RGBA32UI";
  readonly format: "RED_INTEGER" | "RG_INTEGER" | "RGBA_INTEGER";
  readonly type: "UNSIGNED_BYTE" | "UNSIGNED_SHORT" | "UNSIGNED_INT";
  readonly view: (bytes: Uint8Array<ArrayBuffer>) => ArrayBufferView;
}

const ONE_LAYER: Packing = { bytes: 1, perChannel: 1, internal: "R8UI", format: "RED_INTEGER", type: "UNSIGNED_BYTE", view: (bytes) => bytes };
/** The smallest that fits is used. */
const PACKINGS: readonly Packing[] = [
  ONE_LAYER,
  { bytes: 2, perChannel: 1, internal: "RG8UI", format: "RG_INTEGER", type: "UNSIGNED_BYTE", view: (bytes) => bytes },
  { bytes: 4, perChannel: 1, internal: "RGBA8UI", format: "RGBA_INTEGER", type: "UNSIGNED_BYTE", view: (bytes) => bytes },
  { bytes: 8, perChannel: 2, internal: "RGBA16UI", format: "RGBA_INTEGER", type: "UNSIGNED_SHORT", view: ({ buffer }) => new Uint16Array(buffer) },
  { bytes: 16, perChannel: 4, internal: "RGBA32UI", format: "RGBA_INTEGER", type: "UNSIGNED_INT", view: ({ buffer }) => new Uint32Array(buffer) },
];

/** The textures of one canvas. */
export class MaskTextures {
  private readonly textures: WebGLTexture[];
  private readonly colours: WebGLTexture;
  private readonly table = new Uint8Array(VALUES * ROWS * 4);
  /** Layer and texture value of each segment. */
  private places = new Map<string, { layer: number; value: number }>();
  private layers = 0;
  private bytesPerChannel = LABEL_TEXTURES.map(() => 1);
  private toMask = new Float32Array(16);
  private grid: Grid | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.textures = TEXTURES.map((_, number) => this.integerTexture(number));
    this.colours = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE0 + COLOURS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    this.uploadColours();
    this.release();
  }

  /** Replace all layers. `ctFractionToWorld` maps the CT texture's coordinates (0 to 1) to RAS+ mm. Returns how many layers are left out. */
  load(segmentation: Segmentation, ctFractionToWorld: Affine): number {
    this.grid = segmentation.grid;
    this.toMask = fractionMatrix(ctFractionToWorld, segmentation.grid);
    this.layers = Math.min(segmentation.layers.length, MAX_LAYERS);
    this.places = new Map();
    const shown = segmentation.layers.slice(0, MAX_LAYERS).map((values, layer) => {
      const segments = segmentation.segments.filter((segment) => segment.layer === layer).slice(0, VALUES - 1);
      segments.forEach((segment, k) => this.places.set(segment.key, { layer, value: k + 1 }));
      return { values, table: tableOf(segments) };
    });
    LABEL_TEXTURES.forEach((_, number) => {
      const some = shown.slice(number * LAYERS_PER_TEXTURE, (number + 1) * LAYERS_PER_TEXTURE);
      const packing = PACKINGS.find(({ bytes }) => bytes >= some.length) as Packing;
      this.bytesPerChannel[number] = packing.perChannel;
      this.upload(number, packing, some);
    });
    return segmentation.layers.length - this.layers;
  }

  style(key: string, style: Style): void {
    const place = this.places.get(key);
    if (place !== undefined) this.paint(place.layer, place.value, style);
  }

  /** Show a mask (0 or 1) above all layers, for editing; null takes it away. */
  edited(mask: Uint8Array<ArrayBuffer> | null, style: Style): void {
    this.paint(EDITED_LAYER, 1, { ...style, visible: mask !== null && style.visible });
    this.upload(EDITED, ONE_LAYER, mask === null ? [] : [{ values: mask, table: SAME }]);
  }

  /** Upload again what changed of the edited mask: the voxels of a box. */
  editedBox(mask: Uint8Array, { start, stop }: VoxelBox): void {
    const { gl, grid } = this;
    if (grid === null) return;
    const [width, height] = grid.shape;
    this.select(EDITED);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, width);
    gl.pixelStorei(gl.UNPACK_IMAGE_HEIGHT, height);
    const size = start.map((from, axis) => (stop[axis] as number) - from) as Vec3;
    const first = start[0] + width * (start[1] + height * start[2]);
    gl.texSubImage3D(gl.TEXTURE_3D, 0, ...start, ...size, gl.RED_INTEGER, gl.UNSIGNED_BYTE, mask, first);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
    gl.pixelStorei(gl.UNPACK_IMAGE_HEIGHT, 0);
  }

  /** Send the changed colours to the GPU. */
  uploadColours(): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + COLOURS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    unpackTightly(gl);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, VALUES, ROWS, 0, gl.RGBA, gl.UNSIGNED_BYTE, this.table);
  }

  /** Bind everything for `program`, before slices are drawn with it. */
  bind(program: WebGLProgram, pixelRatio: number): void {
    const { gl } = this;
    const at = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, name);
    gl.useProgram(program);
    TEXTURES.forEach((name, number) => {
      gl.activeTexture(gl.TEXTURE0 + FIRST_UNIT + number);
      gl.bindTexture(gl.TEXTURE_3D, this.textures[number] as WebGLTexture);
      gl.uniform1i(at(name), FIRST_UNIT + number);
    });
    gl.activeTexture(gl.TEXTURE0 + COLOURS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.uniform1i(at("colours"), COLOURS_UNIT);
    gl.uniformMatrix4fv(at("toMask"), false, this.toMask);
    gl.uniform1i(at("layers"), this.layers);
    gl.uniform2iv(at("bytesPerChannel"), this.bytesPerChannel);
    gl.uniform1f(at("outlinePx"), OUTLINE_PX * pixelRatio);
  }

  /** Unbind everything: NiiVue uses the same units with textures of other kinds between its drawings. */
  release(): void {
    const { gl } = this;
    for (let unit = FIRST_UNIT; unit < COLOURS_UNIT; unit++) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_3D, null);
    }
  }

  private paint(layer: number, value: number, { colour, visible, opacity }: Style): void {
    const at = 4 * (2 * layer * VALUES + value);
    this.table.set([...colour, visible ? Math.round(255 * opacity) : 0], at);
    this.table.set([...colour, visible ? 255 : 0], at + 4 * VALUES);
  }

  private integerTexture(number: number): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE0 + FIRST_UNIT + number);
    gl.bindTexture(gl.TEXTURE_3D, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_3D, name, gl.NEAREST);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8UI, 1, 1, 1, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, new Uint8Array(1));
    return texture;
  }

  private select(number: number): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + FIRST_UNIT + number);
    gl.bindTexture(gl.TEXTURE_3D, this.textures[number] as WebGLTexture);
    unpackTightly(gl);
  }

  /** Store layers in a texture, slice by slice, for a copy of all would be large; an empty texture without any. */
  private upload(number: number, { bytes, internal, format, type, view }: Packing, layers: readonly Stored[]): void {
    const { gl } = this;
    const [width, height, depth]: Vec3 = layers.length === 0 || this.grid === null ? [1, 1, 1] : this.grid.shape;
    this.select(number);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl[internal], width, height, depth, 0, gl[format], gl[type], null);
    const size = width * height;
    const slice = new Uint8Array(size * bytes);
    for (let z = 0; z < depth; z++) {
      layers.forEach(({ values, table }, layer) => {
        for (let n = 0, from = z * size, to = layer; n < size; n++, to += bytes) slice[to] = table[values[from + n] as number] as number;
      });
      gl.texSubImage3D(gl.TEXTURE_3D, 0, 0, 0, z, width, height, 1, gl[format], gl[type], view(slice));
    }
  }
}

/** A layer, and for each of its values the one in the texture. */
interface Stored {
  readonly values: Layer;
  readonly table: Uint8Array;
}

const SAME = Uint8Array.from({ length: VALUES }, (_, value) => value);

/** The segments have the values 1, 2, ... in the texture. */
function tableOf(segments: readonly Segment[]): Uint8Array {
  const table = new Uint8Array(65_536);
  segments.forEach(({ value }, k) => (table[value] = k + 1));
  return table;
}

/** Column-major matrix from texture coordinates of the CT to those of the masks. */
function fractionMatrix(ctFractionToWorld: Affine, grid: Grid): Float32Array<ArrayBuffer> {
  const toVoxel = inverse(grid.affine);
  const matrix = new Float32Array(16);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 4; column++) {
      const terms = [0, 1, 2].map((k) => (toVoxel[row]?.[k] ?? 0) * (ctFractionToWorld[k]?.[column] ?? 0));
      const shift = column === 3 ? (toVoxel[row]?.[3] ?? 0) + 0.5 : 0;
      matrix[4 * column + row] = (terms.reduce((a, b) => a + b, 0) + shift) / (grid.shape[row] ?? 1);
    }
  }
  matrix[15] = 1;
  return matrix;
}

function unpackTightly(gl: WebGL2RenderingContext): void {
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
}
