/** The second view: one result, with everything that can be done with it. */
import type { Backend, Capabilities, Result } from "../backend.ts";
import type { Lesion, Measurements } from "../documents.ts";
import { type Vec3, voxelMl } from "../geometry.ts";
import { Compare } from "../panels/compare.ts";
import { Downloads } from "../panels/downloads.ts";
import { Editor } from "../panels/editor.ts";
import { Flags } from "../panels/flags.ts";
import { diameterMarks, Lesions } from "../panels/lesions.ts";
import { Structures } from "../panels/structures.ts";
import { middleOf, type Segmentation, voxelsBySegment, withMask } from "../segmentation.ts";
import { make } from "../ui/dom.ts";
import type { Notices } from "../ui/notices.ts";
import { Tabs } from "../ui/tabs.ts";
import { Beside } from "../view/beside.ts";
import type { Mark } from "../view/marks.ts";
import { type Window, WINDOWS } from "../view/presets.ts";
import { Ruler } from "../view/ruler.ts";
import { Stage, type Tool } from "../view/stage.ts";
import { Toolbar } from "./toolbar.ts";

const LESION_TAB = 1;
const QUALITY_TAB = 2;

export class Viewer {
  readonly element = make("main", { class: "viewer", hidden: true });
  readonly toolbar: Toolbar;
  readonly stage = new Stage();
  readonly structures: Structures;
  readonly lesions: Lesions;
  readonly editor: Editor;
  private readonly flags: Flags;
  private readonly compare: Compare;
  private readonly downloads: Downloads;
  private readonly beside: Beside;
  private readonly ruler: Ruler;
  private readonly tabs: Tabs;
  private readonly waiting = make("p", { class: "waiting", role: "status" });
  private readonly notice = make("p", { class: "notice-line" });
  private result: Result | null = null;
  private segmentation: Segmentation | null = null;
  private measurements: Measurements | null = null;
  private window: Window = WINDOWS[0] as Window;
  private lesionMarks: readonly Mark[] = [];
  private lines: readonly Mark[] = [];
  private attached: Promise<void> | null = null;

  constructor(
    backend: Backend,
    private readonly capabilities: Capabilities,
    private readonly notices: Notices,
    onBack: () => void,
  ) {
    const { planes } = this.stage;
    this.structures = new Structures({ styled: () => this.restyle(), locate: (key) => this.locate(key), edit: (key) => this.beginEdit(key) });
    this.lesions = new Lesions((lesion) => this.showLesion(lesion));
    this.flags = new Flags((key) => this.structures.name(key), ({ structure }) => this.locate(structure));
    this.beside = new Beside(this.stage, notices, (layout) => this.toolbar.showLayout(layout));
    this.compare = new Compare(backend, notices, { show: (before, motion) => this.showBeside(before, motion), hide: () => this.beside.hide(), goTo: (world) => planes.goTo(world) });
    this.downloads = new Downloads(notices);
    this.editor = new Editor(planes, notices, { editing: (key) => this.editing(key), saved: (segmentation, key, voxels) => this.corrected(segmentation, key, voxels) });
    this.ruler = new Ruler(planes, this.stage.marks, (lines) => this.showLines(lines));
    this.toolbar = new Toolbar({
      back: onBack,
      window: (window) => this.setWindow(window),
      layout: (layout) => this.stage.setLayout(layout),
      tool: (name) => this.useTool(name),
      clearLines: () => this.ruler.clear(),
    });
    this.stage.onEnlarge = (layout) => this.toolbar.pickLayout(layout);
    planes.onMove = (world) => {
      this.stage.showPosition(world);
      this.beside.follow(world);
    };
    const tabs = [
      { name: "Structures", panel: this.structures.element },
      { name: "Lesions", panel: this.lesions.element },
      { name: "Quality", panel: this.flags.element },
      ...(backend.compare === null ? [] : [{ name: "Compare", panel: this.compare.element }]),
      { name: "Files", panel: this.downloads.element },
    ];
    this.tabs = new Tabs(tabs, "Findings");
    this.element.append(this.toolbar.element, make("div", { class: "body" }, [
      make("div", { class: "stage-box" }, [this.stage.element, this.waiting]),
      make("aside", { class: "side", "aria-label": "Findings" }, [this.editor.element, this.tabs.element, this.notice]),
    ]));
  }

  /** Show a result from the beginning. */
  async open(result: Result): Promise<void> {
    this.editor.end();
    this.beside.hide();
    this.result = result;
    this.toolbar.setTitle(result.title);
    this.waiting.hidden = false;
    this.waiting.textContent = "Loading the scan…";
    this.attached ??= this.stage.attach();
    await this.attached;
    const [ct, segmentation, measurements] = await Promise.all([result.ct(), result.segmentation(), result.measurements()]);
    const current = await this.withCorrections(result, segmentation);
    await this.stage.planes.load(ct, this.window);
    this.measurements = measurements;
    this.list(current);
    this.showMasks(current);
    this.waiting.hidden = true;
    this.showLines([]);
    this.stage.planes.goTo(this.firstPlace(current));
    await Promise.all([this.compare.set(result), this.downloads.set(result)]);
  }

  /** Forget the result and what was drawn of it. */
  close(): void {
    this.editor.end();
    this.beside.hide();
    this.stage.scene.clear();
    this.result = null;
  }

  setWindow(window: Window): void {
    this.window = window;
    this.stage.planes.setWindow(window);
    this.beside.setWindow(window);
    this.toolbar.showWindow(window);
  }

  useTool(name: "navigate" | "measure"): void {
    if (this.editor.active) return;
    this.toolbar.showTool(name);
    this.stage.setTool(name === "measure" ? { ...this.handlers(this.ruler), radius: () => null } : null);
  }

  private handlers(tool: Omit<Tool, "radius">): Omit<Tool, "radius"> {
    return { down: (event) => tool.down(event), move: (event) => tool.move(event), up: (event) => tool.up(event) };
  }

  private list(segmentation: Segmentation): void {
    const { measurements } = this;
    const structures = this.capabilities.weights.flatMap((weights) => weights.structures);
    this.structures.set(segmentation.segments, structures, measurements?.structures ?? {}, voxelsBySegment(segmentation), voxelMl(segmentation.grid.affine));
    this.lesions.set(measurements?.lesions ?? [], measurements?.candidates ?? []);
    this.flags.set(measurements?.quality.flags ?? [], measurements?.quality.score ?? null);
    this.tabs.count(LESION_TAB, this.lesions.count);
    this.tabs.count(QUALITY_TAB, measurements?.quality.flags.length ?? null);
    this.notice.textContent = measurements?.notice ?? "Not a medical device. Not for clinical use.";
  }

  private showMasks(segmentation: Segmentation, changed: ReadonlySet<string> | null = null): void {
    this.segmentation = segmentation;
    const left = this.stage.planes.setMasks(segmentation);
    if (left > 0) this.notices.tell(`${left} more layers of overlapping masks than can be drawn at once are left out.`);
    this.restyle();
    this.stage.scene.setMasks(segmentation, changed);
  }

  private async withCorrections(result: Result, segmentation: Segmentation): Promise<Segmentation> {
    const masks = result.corrected === null ? [] : ((await this.notices.guard(result.corrected(segmentation))) ?? []);
    return masks.reduce((now, { structure, mask }) => withMask(now, structure, mask), segmentation);
  }

  private restyle(): void {
    const styles = this.structures.current;
    this.stage.scene.setStyles(styles);
    this.beside.setStyles(styles);
    const edited = this.editor.edited;
    const style = edited === null ? undefined : styles.get(edited);
    // The mask in work is drawn by itself, in place of the one it began as.
    this.stage.planes.setStyles(edited === null || style === undefined ? styles : new Map(styles).set(edited, { ...style, visible: false }));
  }

  private firstPlace(segmentation: Segmentation): Vec3 {
    const voxels = voxelsBySegment(segmentation);
    const largest = [...voxels].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "";
    return this.middle(segmentation, voxels.get("liver") ? "liver" : largest) ?? this.stage.planes.position();
  }

  private middle(segmentation: Segmentation, key: string): Vec3 | null {
    const segment = segmentation.segments.find((one) => one.key === key);
    return segment === undefined ? null : middleOf(segmentation, segment);
  }

  private locate(key: string): void {
    const place = this.segmentation === null ? null : this.middle(this.segmentation, key);
    if (place === null) {
      this.notices.tell(`${this.structures.name(key)} has no voxel.`);
      return;
    }
    this.structures.show(key, true);
    this.stage.planes.goTo(place);
    this.notices.announce(`At ${this.structures.name(key)}`);
  }

  private showLesion(lesion: Lesion): void {
    this.structures.show(lesion.key, true);
    this.lesionMarks = diameterMarks(lesion);
    this.stage.marks.set([...this.lesionMarks, ...this.lines]);
    const [from, to] = lesion.longest_axial.ends_mm;
    this.stage.planes.goTo(from.map((at, axis) => (at + (to[axis] as number)) / 2) as Vec3);
    this.notices.announce(`${lesion.display} ${lesion.number}: longest diameter ${lesion.longest_axial.mm.toFixed(0)} millimetres`);
  }

  private showLines(lines: readonly Mark[]): void {
    this.lines = [...lines];
    if (lines.length === 0 && this.result !== null && this.lesionMarks.length > 0) this.lesionMarks = [];
    this.toolbar.showLines(lines.length);
    this.stage.marks.set([...this.lesionMarks, ...this.lines]);
  }

  private beginEdit(key: string): void {
    const style = this.structures.current.get(key);
    if (this.result === null || this.segmentation === null || style === undefined) return;
    if (this.result.correct === null) {
      this.notices.tell("Corrections are not kept here.");
      return;
    }
    this.useTool("navigate");
    this.editor.begin(this.result, this.segmentation, key, this.structures.name(key), style);
  }

  private editing(key: string | null): void {
    this.element.classList.toggle("editing", key !== null);
    this.restyle();
    this.stage.marks.showCrosshair(key === null);
    this.stage.setTool(key === null ? null : { ...this.handlers(this.editor), radius: () => this.editor.radius });
    if (key === null) this.toolbar.showTool("navigate");
  }

  private corrected(segmentation: Segmentation, key: string, voxels: number): void {
    this.structures.setVolume(key, voxels * voxelMl(segmentation.grid.affine), true);
    this.showMasks(segmentation, new Set([key]));
  }

  private async showBeside(before: Result, motion: (world: Vec3) => Vec3): Promise<void> {
    await this.beside.show(before, motion, this.window, this.structures.current);
    this.beside.follow(this.stage.planes.position());
  }
}
