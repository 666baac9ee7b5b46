/**
 * Label layers on the GPU and the shader that draws them over the CT: every layer is one 3D texture of its own, so
 * segments that overlap are blended and each keeps its outline. Showing, hiding and colouring change a table of colours only.
 */
import { type Affine, type Grid, inverse, type Vec3, type VoxelBox } from "../geometry.ts";
import type { Colour, Segmentation } from "../segmentation.ts";

export interface Style {
  readonly colour: Colour;
  readonly visible: boolean;
  /** Of the filling, 0 to 1; the outline is always drawn in full. */
  readonly opacity: number;
  /** Of its surface in 3D, 0 to 1. */
  readonly surfaceOpacity?: number;
}

/** Layers that can be drawn: texture units 9 to 13, free while NiiVue draws. */
export const MAX_LAYERS = 5;
/** The layer of the mask that is being edited. */
const EDITED = MAX_LAYERS;
const FIRST_UNIT = 9;
const COLOURS_UNIT = FIRST_UNIT + MAX_LAYERS + 1;
const VALUES = 256;
const OUTLINE_PX = 1.3;
const UNIFORMS = Array.from({ length: MAX_LAYERS + 1 }, (_, k) => `layer${k}`);

const LAYER_CALLS = UNIFORMS.map((name, k) => `  if (${k} < layers || ${k} == ${EDITED}) paint(${name}, ${k});`).join("\n");

/** Fragment shader for NiiVue's slices; `volume` is the CT after windowing, `texPos` a position in it. */
export const SLICE_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform highp sampler3D volume;
${UNIFORMS.map((name) => `uniform highp usampler3D ${name};`).join("\n")}
uniform highp sampler2D colours;
uniform mat4 toMask;
uniform int layers;
uniform float outlinePx;
uniform float opacity;
in vec3 texPos;
out vec4 color;

uint value(highp usampler3D labels, vec3 at) {
  vec3 inside = (toMask * vec4(at, 1.0)).xyz;
  if (any(lessThan(inside, vec3(0.0))) || any(greaterThanEqual(inside, vec3(1.0)))) return 0u;
  return texture(labels, inside).r;
}

void paint(highp usampler3D labels, int layer) {
  uint here = value(labels, texPos);
  vec3 right = dFdx(texPos) * outlinePx;
  vec3 up = dFdy(texPos) * outlinePx;
  if (here == 0u) return;
  bool edge = value(labels, texPos + right) != here || value(labels, texPos - right) != here ||
    value(labels, texPos + up) != here || value(labels, texPos - up) != here;
  vec4 fill = texelFetch(colours, ivec2(int(here), 2 * layer), 0);
  float alpha = edge ? texelFetch(colours, ivec2(int(here), 2 * layer + 1), 0).a : fill.a;
  color.rgb = mix(color.rgb, fill.rgb, alpha);
}

void main() {
  color = vec4(texture(volume, texPos).rgb, opacity);
${LAYER_CALLS}
}
`;

/** The textures of one canvas. */
export class MaskTextures {
  private readonly textures: WebGLTexture[];
  private readonly colours: WebGLTexture;
  private readonly table = new Uint8Array(VALUES * 2 * (MAX_LAYERS + 1) * 4);
  /** Layer and texture value of each segment. */
  private places = new Map<string, { layer: number; value: number }>();
  private layers = 0;
  private toMask = new Float32Array(16);
  private grid: Grid | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.textures = UNIFORMS.map(() => this.integerTexture());
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
    segmentation.layers.slice(0, MAX_LAYERS).forEach((values, layer) => {
      const segments = segmentation.segments.filter((segment) => segment.layer === layer);
      const table = new Uint8Array(65_536);
      segments.slice(0, VALUES - 1).forEach((segment, k) => {
        table[segment.value] = k + 1;
        this.places.set(segment.key, { layer, value: k + 1 });
      });
      this.upload(layer, values.BYTES_PER_ELEMENT === 1 && segments.every((s) => table[s.value] === s.value) ? (values as Uint8Array) : mapped(values, table));
    });
    return segmentation.layers.length - this.layers;
  }

  style(key: string, style: Style): void {
    const place = this.places.get(key);
    if (place !== undefined) this.paint(place.layer, place.value, style);
  }

  /** Show a mask (0 or 1) above all layers, for editing; null takes it away. */
  edited(mask: Uint8Array | null, style: Style): void {
    this.paint(EDITED, 1, { ...style, visible: mask !== null && style.visible });
    this.upload(EDITED, mask);
  }

  /** Upload again what changed of the edited mask: the voxels of a box. */
  editedBox(mask: Uint8Array, { start, stop }: VoxelBox): void {
    const { gl, grid } = this;
    if (grid === null) return;
    const [width, height] = grid.shape;
    gl.activeTexture(gl.TEXTURE0 + FIRST_UNIT + EDITED);
    gl.bindTexture(gl.TEXTURE_3D, this.textures[EDITED] as WebGLTexture);
    unpackTightly(gl);
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
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, VALUES, 2 * (MAX_LAYERS + 1), 0, gl.RGBA, gl.UNSIGNED_BYTE, this.table);
  }

  /** Bind everything for `program`, before slices are drawn with it. */
  bind(program: WebGLProgram, pixelRatio: number): void {
    const { gl } = this;
    gl.useProgram(program);
    UNIFORMS.forEach((name, k) => {
      gl.activeTexture(gl.TEXTURE0 + FIRST_UNIT + k);
      gl.bindTexture(gl.TEXTURE_3D, this.textures[k] as WebGLTexture);
      gl.uniform1i(gl.getUniformLocation(program, name), FIRST_UNIT + k);
    });
    gl.activeTexture(gl.TEXTURE0 + COLOURS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.uniform1i(gl.getUniformLocation(program, "colours"), COLOURS_UNIT);
    gl.uniformMatrix4fv(gl.getUniformLocation(program, "toMask"), false, this.toMask);
    gl.uniform1i(gl.getUniformLocation(program, "layers"), this.layers);
    gl.uniform1f(gl.getUniformLocation(program, "outlinePx"), OUTLINE_PX * pixelRatio);
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

  private integerTexture(): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE0 + FIRST_UNIT);
    gl.bindTexture(gl.TEXTURE_3D, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_3D, name, gl.NEAREST);
    unpackTightly(gl);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8UI, 1, 1, 1, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, new Uint8Array(1));
    return texture;
  }

  private upload(layer: number, values: Uint8Array | null): void {
    const { gl } = this;
    const shape: Vec3 = values === null || this.grid === null ? [1, 1, 1] : this.grid.shape;
    gl.activeTexture(gl.TEXTURE0 + FIRST_UNIT + layer);
    gl.bindTexture(gl.TEXTURE_3D, this.textures[layer] as WebGLTexture);
    unpackTightly(gl);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8UI, ...shape, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, values ?? new Uint8Array(1));
  }
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

function mapped(values: ArrayLike<number>, table: Uint8Array): Uint8Array {
  const out = new Uint8Array(values.length);
  for (let k = 0; k < out.length; k++) out[k] = table[values[k] as number] as number;
  return out;
}

function unpackTightly(gl: WebGL2RenderingContext): void {
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
}
