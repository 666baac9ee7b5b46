/** How label layers are drawn over the CT: what lies where in the textures, and the fragment shader that reads them. */

/**
 * Integer textures of label layers. A voxel of a texture holds a byte for each of its layers, so the first 16 layers and the
 * next 16 need one texture each: all 32 structures of a voxel can overlap.
 */
export const LABEL_TEXTURES = ["labels0", "labels1"] as const;
export const LAYERS_PER_TEXTURE = 16;
export const MAX_LAYERS = LABEL_TEXTURES.length * LAYERS_PER_TEXTURE;
/** The mask that is being edited has a texture of its own, and comes after all layers in the table of colours. */
export const EDITED_TEXTURE = "edited";
export const EDITED_LAYER = MAX_LAYERS;
/** Values of a layer: columns of the table of colours. Its rows are fill and outline of each layer. */
export const VALUES = 256;

/** Fragment shader for NiiVue's slices; `volume` is the CT after windowing, `texPos` a position in it. */
export const SLICE_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform highp sampler3D volume;
${[...LABEL_TEXTURES, EDITED_TEXTURE].map((name) => `uniform highp usampler3D ${name};`).join("\n")}
uniform highp sampler2D colours;
uniform mat4 toMask;
uniform int layers;
uniform ivec${LABEL_TEXTURES.length} bytesPerChannel;
uniform float outlinePx;
uniform float opacity;
in vec3 texPos;
out vec4 color;

uvec4 voxel(highp usampler3D labels, vec3 at) {
  vec3 inside = (toMask * vec4(at, 1.0)).xyz;
  if (any(lessThan(inside, vec3(0.0))) || any(greaterThanEqual(inside, vec3(1.0)))) return uvec4(0u);
  return texture(labels, inside);
}

void paint(highp usampler3D labels, int first, int count, int bytes) {
  vec3 right = dFdx(texPos) * outlinePx;
  vec3 up = dFdy(texPos) * outlinePx;
  uvec4 here = voxel(labels, texPos);
  // Most of an image is in no mask. Channels that a texture has not are no zeros.
  uint any = here.r | (count > bytes ? here.g : 0u) | (count > 2 * bytes ? here.b | here.a : 0u);
  if (any == 0u) return;
  uvec4 beside[4] = uvec4[4](voxel(labels, texPos + right), voxel(labels, texPos - right), voxel(labels, texPos + up), voxel(labels, texPos - up));
  for (int k = 0; k < count; k++) {
    int channel = k / bytes;
    int shift = 8 * (k % bytes);
    uint value = here[channel] >> shift & 255u;
    if (value == 0u) continue;
    bool edge = false;
    for (int n = 0; n < 4; n++) edge = edge || (beside[n][channel] >> shift & 255u) != value;
    vec4 fill = texelFetch(colours, ivec2(int(value), 2 * (first + k)), 0);
    float alpha = edge ? texelFetch(colours, ivec2(int(value), 2 * (first + k) + 1), 0).a : fill.a;
    color.rgb = mix(color.rgb, fill.rgb, alpha);
  }
}

void main() {
  color = vec4(texture(volume, texPos).rgb, opacity);
${LABEL_TEXTURES.map((name, t) => {
  const first = t * LAYERS_PER_TEXTURE;
  return `  if (layers > ${first}) paint(${name}, ${first}, min(layers - ${first}, ${LAYERS_PER_TEXTURE}), bytesPerChannel[${t}]);`;
}).join("\n")}
  paint(${EDITED_TEXTURE}, ${EDITED_LAYER}, 1, 1);
}
`;
