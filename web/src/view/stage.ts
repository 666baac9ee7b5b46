/** The part of the viewer that shows images: slices, 3D, lines above them, and the tool in hand. */
import type { Vec3 } from "../geometry.ts";
import { make, makeSvg } from "../ui/dom.ts";
import { Marks } from "./marks.ts";
import { CORONAL, type Layout, Planes, SAGITTAL } from "./planes.ts";
import { Scene } from "./scene.ts";

/** What a pointer does on the slices instead of moving the position. */
export interface Tool {
  down(event: PointerEvent): void;
  move(event: PointerEvent): void;
  up(event: PointerEvent): void;
  /** Radius of a round cursor in mm; null for a cross. */
  radius(): number | null;
}

export class Stage {
  readonly element = make("div", { class: "stage", "data-layout": "all" });
  readonly planes: Planes;
  readonly scene: Scene;
  readonly marks: Marks;
  private readonly canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": "Axial, coronal and sagittal slices. Arrow keys and Page keys move the position." });
  private readonly sceneCanvas = make("canvas", { tabindex: "0", role: "img", "aria-label": "Surfaces of the structures in 3D. Shift and arrow keys turn them." });
  private readonly glass = make("div", { class: "glass", hidden: true });
  private readonly cursor = make("div", { class: "brush-cursor", hidden: true });
  private readonly readout = make("p", { class: "readout", "aria-label": "Position and HU" });
  private readonly busy = make("p", { class: "surface-progress", hidden: true });
  private readonly sceneBox: HTMLElement;
  private tool: Tool | null = null;

  /** Told the layout of the view that was double-clicked. */
  onEnlarge: (layout: Layout) => void = () => {};

  constructor() {
    const svg = makeSvg("svg", { class: "marks", "aria-hidden": "true" });
    const planesBox = make("div", { class: "planes" }, [this.canvas]);
    this.sceneBox = make("div", { class: "scene" }, [this.sceneCanvas, this.busy]);
    this.element.append(planesBox, svg, this.glass, this.cursor, this.sceneBox, this.readout);
    this.planes = new Planes(this.canvas);
    this.marks = new Marks(svg, this.planes);
    this.scene = new Scene(this.sceneCanvas, (left) => {
      this.busy.hidden = left === 0;
      this.busy.textContent = `${left} surfaces to come`;
    });
    this.planes.onDraw = () => this.marks.draw();
    this.listen();
  }

  async attach(): Promise<void> {
    await this.planes.attach();
    await this.scene.attach();
  }

  setLayout(layout: Layout): void {
    this.element.dataset.layout = layout;
    this.planes.setLayout(layout);
    // The 3D canvas has another size now.
    requestAnimationFrame(() => this.scene.resize());
  }

  setTool(tool: Tool | null): void {
    this.tool = tool;
    this.glass.hidden = tool === null;
    this.cursor.hidden = true;
    this.glass.classList.toggle("round", tool?.radius() != null);
  }

  showPosition(world: Vec3): void {
    const hu = this.planes.value(world);
    const [r, a, s] = world;
    const along = (value: number, plus: string, minus: string): string => `${value >= 0 ? plus : minus} ${Math.abs(value).toFixed(0)}`;
    this.readout.textContent = `${along(r, "R", "L")}  ${along(a, "A", "P")}  ${along(s, "S", "I")} mm${hu === null ? "" : `   ${hu.toFixed(0)} HU`}`;
  }

  private listen(): void {
    const { glass } = this;
    glass.addEventListener("pointerdown", (event) => {
      glass.setPointerCapture(event.pointerId);
      this.tool?.down(event);
    });
    glass.addEventListener("pointermove", (event) => {
      this.moveCursor(event);
      if (event.buttons === 0) return;
      for (const one of event.getCoalescedEvents?.() ?? []) this.tool?.move(one);
      this.tool?.move(event);
    });
    for (const kind of ["pointerup", "pointercancel"] as const) glass.addEventListener(kind, (event) => this.tool?.up(event));
    glass.addEventListener("pointerleave", () => (this.cursor.hidden = true));
    glass.addEventListener("contextmenu", (event) => event.preventDefault());
    glass.addEventListener("wheel", (event) => this.scroll(event), { passive: false });
    this.canvas.addEventListener("dblclick", (event) => this.enlarge(event));
    this.sceneCanvas.addEventListener("dblclick", () => this.onEnlarge("3d"));
    // NiiVue's own keys differ from those of the page.
    for (const canvas of [this.canvas, this.sceneCanvas]) for (const kind of ["keydown", "keyup"]) canvas.addEventListener(kind, (event) => event.stopImmediatePropagation(), { capture: true });
  }

  private enlarge(event: MouseEvent): void {
    const plane = this.planes.pick(event.clientX, event.clientY)?.plane;
    if (plane !== undefined) this.onEnlarge(plane === CORONAL ? "coronal" : plane === SAGITTAL ? "sagittal" : "axial");
  }

  private scroll(event: WheelEvent): void {
    event.preventDefault();
    const plane = this.planes.pick(event.clientX, event.clientY)?.plane;
    const step = event.deltaY < 0 ? 1 : -1;
    if (plane === CORONAL) this.planes.step(0, step, 0);
    else if (plane === SAGITTAL) this.planes.step(-step, 0, 0);
    else this.planes.step(0, 0, step);
  }

  private moveCursor(event: PointerEvent): void {
    const radius = this.tool?.radius() ?? null;
    const spot = radius === null ? null : this.planes.pick(event.clientX, event.clientY);
    this.cursor.hidden = spot === null;
    if (spot === null || radius === null) return;
    const pixels = radius * this.planes.scale(spot.plane);
    const box = this.element.getBoundingClientRect();
    Object.assign(this.cursor.style, { width: `${2 * pixels}px`, height: `${2 * pixels}px`, left: `${event.clientX - box.left - pixels}px`, top: `${event.clientY - box.top - pixels}px` });
  }
}
