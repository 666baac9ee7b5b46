/** Surfaces of the segments in 3D, drawn by NiiVue; made in a worker, one after the other. */
import { Niivue, NVMesh } from "@niivue/niivue";
import type { Segmentation } from "../segmentation.ts";
import type { Style } from "./mask_textures.ts";
import type { SurfaceReply, SurfaceRequest } from "./surface_worker.ts";

/** Soft light from above and a rim, so that translucent organs keep their shape. */
const MESH_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform float opacity;
in vec4 vClr;
in vec3 vN;
out vec4 color;
void main() {
  vec3 n = normalize(vN);
  float facing = abs(n.z);
  float light = 0.5 + 0.5 * dot(n, normalize(vec3(0.25, 0.9, -0.55)));
  float shine = pow(max(0.0, dot(n, normalize(vec3(0.1, 0.5, -1.0)))), 24.0);
  vec3 shaded = vClr.rgb * (0.32 + 0.72 * light) + 0.16 * shine;
  float rim = pow(1.0 - facing, 2.5);
  color = vec4(shaded + 0.1 * rim, opacity >= 0.99 ? 1.0 : clamp(opacity + 0.55 * rim, 0.0, 1.0));
}`;

/** Drawn first to last, so that what is translucent is drawn over what is not. */
const OPAQUE = 0.99;
const START_SCALE = 0.95;

export class Scene {
  private readonly view: Niivue;
  private readonly meshes = new Map<string, NVMesh>();
  private styles: ReadonlyMap<string, Style> = new Map();
  private worker: Worker | null = null;
  private shader = 0;
  private left = 0;
  private pending: number | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    /** Told how many surfaces are still to come. */
    private readonly onProgress: (left: number) => void,
  ) {
    this.view = new Niivue({
      backColor: [0.02, 0.024, 0.031, 1],
      show3Dcrosshair: false,
      isOrientCube: false,
      crosshairWidth: 0,
      dragAndDropEnabled: false,
      logLevel: "error",
      loadingText: "",
      clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "",
      viewModeHotKey: "",
    });
  }

  async attach(): Promise<void> {
    await this.view.attachToCanvas(this.canvas, navigator.hardwareConcurrency > 2);
    this.view.opts.isOrientCube = false;
    this.shader = this.view.setCustomMeshShader(MESH_SHADER, "organ");
    this.faceFront();
  }

  /** Make the surfaces of all segments, or of those with these keys after they changed. */
  setMasks(segmentation: Segmentation, keys: ReadonlySet<string> | null = null): void {
    if (keys === null) this.clear();
    this.worker?.terminate();
    const worker = new Worker(new URL("./surface_worker.ts", import.meta.url), { type: "module" });
    this.worker = worker;
    this.left = 0;
    worker.addEventListener("message", (event: MessageEvent<SurfaceReply>) => this.receive(event.data));
    segmentation.layers.forEach((layer, number) => {
      const segments = segmentation.segments.filter((segment) => segment.layer === number && (keys === null || keys.has(segment.key)));
      if (segments.length === 0) return;
      this.left += segments.length;
      const request: SurfaceRequest = { layer, ...segmentation.grid, segments: segments.map(({ key, value }) => ({ key, value })) };
      worker.postMessage(request);
    });
    this.onProgress(this.left);
  }

  setStyles(styles: ReadonlyMap<string, Style>): void {
    this.styles = styles;
    for (const [key, mesh] of this.meshes) this.dress(key, mesh);
    this.sort();
    this.draw();
  }

  /** Look at the patient from the front, as a radiologist does: their right is on the left. */
  faceFront(): void {
    this.view.setRenderAzimuthElevation(180, 8);
    this.view.setScale(START_SCALE);
  }

  turn(azimuth: number, elevation: number): void {
    const { renderAzimuth, renderElevation } = this.view.scene;
    this.view.setRenderAzimuthElevation(renderAzimuth + azimuth, Math.min(90, Math.max(-90, renderElevation + elevation)));
  }

  zoom(factor: number): void {
    this.view.setScale(Math.min(4, Math.max(0.5, this.view.scene.volScaleMultiplier * factor)));
  }

  resize(): void {
    this.view.resizeListener();
  }

  clear(): void {
    this.worker?.terminate();
    this.worker = null;
    for (const mesh of this.meshes.values()) this.drop(mesh);
    this.meshes.clear();
    this.draw();
  }

  /** At most one drawing a frame: surfaces come faster than a slow machine draws them. */
  private draw(): void {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.view.drawScene();
    });
  }

  private receive({ key, points, triangles }: SurfaceReply): void {
    const old = this.meshes.get(key);
    if (old !== undefined) this.drop(old);
    this.meshes.delete(key);
    if (points !== null && triangles !== null && triangles.length > 0) {
      const mesh = new NVMesh(points, triangles, key, new Uint8Array([255, 255, 255, 255]), 1, true, this.view.gl);
      mesh.meshShaderIndex = this.shader;
      this.meshes.set(key, mesh);
      this.dress(key, mesh);
      this.view.meshes = [...this.view.meshes, mesh];
      this.sort();
    }
    this.left -= 1;
    this.draw();
    this.onProgress(this.left);
    if (this.left === 0) this.worker?.terminate();
  }

  private drop(mesh: NVMesh): void {
    mesh.unloadMesh(this.view.gl);
    this.view.meshes = this.view.meshes.filter((other) => other !== mesh);
  }

  private dress(key: string, mesh: NVMesh): void {
    const style = this.styles.get(key);
    if (style === undefined) return;
    const before = mesh.rgba255;
    mesh.visible = style.visible;
    mesh.opacity = style.surfaceOpacity ?? 1;
    if (style.colour.some((channel, k) => channel !== before[k])) {
      mesh.rgba255 = new Uint8Array([...style.colour, 255]);
      mesh.updateMesh(this.view.gl);
    }
  }

  private sort(): void {
    const translucent = (mesh: NVMesh): number => (mesh.opacity < OPAQUE ? 1 : 0);
    this.view.meshes = [...this.view.meshes].sort((a, b) => translucent(a) - translucent(b));
  }
}
