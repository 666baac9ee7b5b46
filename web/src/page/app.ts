/** The page: start view, viewer, header, shortcuts. The same for every backend. */
import type { Backend, Capabilities, Result } from "../backend.ts";
import { icon, iconButton, make } from "../ui/dom.ts";
import { ICONS } from "../ui/icons.ts";
import { listen, type Shortcut, showHelp } from "../ui/keys.ts";
import { Notices } from "../ui/notices.ts";
import { bytes, counted } from "../ui/text.ts";
import { switchTheme, useStoredTheme } from "../ui/theme.ts";
import { WINDOWS } from "../view/presets.ts";
import { confirmRemoval, Start } from "./start.ts";
import type { Viewer } from "./viewer.ts";

/** Address of a result: `#result=<id>`, so that a view can be reloaded and shared. */
const HASH = /^#result=([\w-]+)$/;
const TURN_DEGREES = 10;
const PREPARE_MS = 300;

class App {
  private readonly notices = new Notices();
  private readonly start: Start;
  private viewer: Promise<Viewer> | null = null;
  private readonly bar = make("div", { class: "bar" });
  private readonly remove: HTMLButtonElement;
  private result: Result | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly backend: Backend,
    private readonly capabilities: Capabilities,
  ) {
    this.start = new Start(backend, this.notices, capabilities, (result) => void this.open(result));
    this.remove = iconButton("Delete this scan", ICONS.bin, () => void this.removeScan(), { hidden: true });
    const header = make("header", { class: "top" }, [
      make("a", { class: "brand", href: "#" }, [icon("M12 3c5 0 8 3.5 8 8.5S16.5 21 12 21 4 16.5 4 11.500 7 3 12 3zM8 11c1.500-3 3-3 4 0s2.500 3 4 0"), "Omentum"]),
      this.bar,
      make("div", { class: "row" }, [this.remove, iconButton("Dark or light", ICONS.theme, switchTheme), iconButton("Keyboard and mouse", ICONS.help, () => void this.help())]),
    ]);
    const foot = make("footer", { class: "foot" }, [`Omentum ${capabilities.version}. Not a medical device. Not for clinical use. `, make("a", { href: "licenses.txt" }, ["Licences"])]);
    this.root.replaceChildren(header, this.start.element, foot, this.notices.element);
    window.addEventListener("hashchange", () => void this.route());
  }

  async route(): Promise<void> {
    const id = HASH.exec(location.hash)?.[1];
    if (id === undefined) {
      await this.showStart();
      return;
    }
    if (this.result?.id === id) return;
    const known = (await this.notices.guard(this.backend.results?.() ?? Promise.resolve([]))) ?? [];
    const found = known.find((result) => result.id === id);
    if (found !== undefined) await this.open(found);
    else {
      this.notices.tell("That scan is no longer kept.");
      this.back();
    }
  }

  /** The viewer, which is most of the page: loaded when it is needed, or when the first view has been drawn. */
  prepare(): Promise<Viewer> {
    this.viewer ??= import("./viewer.ts").then(({ Viewer: Loaded }) => {
      const viewer = new Loaded(this.backend, this.capabilities, this.notices, () => this.back());
      this.bar.append(viewer.toolbar.element);
      this.start.element.after(viewer.element);
      listen(this.shortcuts(viewer));
      return viewer;
    });
    return this.viewer;
  }

  private async help(): Promise<void> {
    showHelp(this.shortcuts(await this.prepare()));
  }

  private async open(result: Result): Promise<void> {
    this.result = result;
    const viewer = await this.prepare();
    if (this.backend.results !== null) location.hash = `result=${result.id}`;
    this.show(viewer);
    const opened = await this.notices.guard(viewer.open(result).then(() => true));
    if (opened === null) this.back();
    else this.notices.announce(`${result.title} is shown.`);
  }

  private back(): void {
    if (location.hash.length > 1) location.hash = "";
    else void this.showStart();
  }

  private async showStart(): Promise<void> {
    this.result = null;
    if (this.viewer !== null) (await this.viewer).close();
    this.show(null);
    await this.start.refresh();
  }

  /** Show the viewer, or the first view. */
  private show(viewer: Viewer | null): void {
    this.root.dataset.view = viewer === null ? "start" : "viewer";
    this.start.element.hidden = viewer !== null;
    this.bar.hidden = viewer === null;
    this.remove.hidden = viewer === null;
    const page = viewer?.element ?? this.root.querySelector<HTMLElement>(".viewer");
    if (page !== null) page.hidden = viewer === null;
  }

  private async removeScan(): Promise<void> {
    const { result } = this;
    if (result === null || !(await confirmRemoval(result.title))) return;
    const removed = await this.notices.guard(result.remove());
    if (removed === null) return;
    this.notices.tell(`Deleted ${counted(removed.names.length, "file")}, ${bytes(removed.bytes)}.`);
    this.back();
  }

  private shortcuts(viewer: Viewer): readonly Shortcut[] {
    const { planes, scene } = viewer.stage;
    const { editor, lesions, toolbar } = viewer;
    const here = (run: () => void) => (): void => {
      if (this.result !== null) run();
    };
    const windows = WINDOWS.map(({ centre, width }, k) => [String(k + 1), { centre, width }] as const);
    return [
      { keys: ["ArrowLeft"], text: "a voxel to the left of the picture", run: here(() => planes.step(-1, 0, 0)) },
      { keys: ["ArrowRight"], text: "to the right of the picture", run: here(() => planes.step(1, 0, 0)) },
      { keys: ["ArrowUp"], text: "to the front", run: here(() => planes.step(0, 1, 0)) },
      { keys: ["ArrowDown"], text: "to the back", run: here(() => planes.step(0, -1, 0)) },
      { keys: ["PageUp", "w"], text: "a slice up", run: here(() => planes.step(0, 0, 1)) },
      { keys: ["PageDown", "s"], text: "a slice down", run: here(() => planes.step(0, 0, -1)) },
      { keys: ["+", "="], text: "zoom in", run: here(() => planes.zoom(1.25)) },
      { keys: ["-"], text: "zoom out", run: here(() => planes.zoom(0.8)) },
      { keys: ["0"], text: "whole slices again", run: here(() => planes.resetZoom()) },
      { keys: ["n"], text: "next lesion", run: here(() => lesions.move(1)) },
      { keys: ["p"], text: "previous lesion", run: here(() => lesions.move(-1)) },
      { keys: ["m"], text: "measure", run: here(() => viewer.useTool("measure")) },
      { keys: ["v", "Escape"], text: "navigate", run: here(() => viewer.useTool("navigate")) },
      { keys: ["a"], text: "axial slices alone, or all views", run: here(() => toolbar.pickLayout("axial")) },
      { keys: ["c"], text: "coronal slices alone", run: here(() => toolbar.pickLayout("coronal")) },
      { keys: ["g"], text: "sagittal slices alone", run: here(() => toolbar.pickLayout("sagittal")) },
      { keys: ["d"], text: "3D alone", run: here(() => toolbar.pickLayout("3d")) },
      { keys: ["j"], text: "turn 3D left", run: here(() => scene.turn(-TURN_DEGREES, 0)) },
      { keys: ["l"], text: "turn 3D right", run: here(() => scene.turn(TURN_DEGREES, 0)) },
      { keys: ["i"], text: "turn 3D up", run: here(() => scene.turn(0, TURN_DEGREES)) },
      { keys: ["k"], text: "turn 3D down", run: here(() => scene.turn(0, -TURN_DEGREES)) },
      ...windows.map(([key, window]) => ({ keys: [key], text: `window: ${WINDOWS.find(({ centre, width }) => centre === window.centre && width === window.width)?.name ?? ""}`, run: here(() => viewer.setWindow(window)) })),
      { keys: ["x"], text: "brush or eraser", run: here(() => editor.toggle()) },
      { keys: ["["], text: "smaller brush", run: here(() => editor.setRadius(editor.radius - 1)) },
      { keys: ["]"], text: "larger brush", run: here(() => editor.setRadius(editor.radius + 1)) },
      { keys: ["Ctrl+z", "u"], text: "undo a stroke", run: here(() => editor.undo()) },
      { keys: ["/"], text: "search structures", run: here(() => document.getElementById("structure-search")?.focus()) },
      { keys: ["?"], text: "this help", run: () => void this.help() },
    ];
  }
}

/** Show the page in `root`. */
export async function mountApp(root: HTMLElement, backend: Backend): Promise<void> {
  useStoredTheme();
  const app = new App(root, backend, await backend.capabilities());
  await app.route();
  // Ready before a first segmentation is.
  setTimeout(() => void app.prepare(), PREPARE_MS);
}
