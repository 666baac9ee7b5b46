/** The page: start view, viewer, header, shortcuts. The same for every backend. */
import type { Backend, Capabilities, Result } from "./backend.ts";
import { icon, iconButton, make } from "./dom.ts";
import { ICONS } from "./icons.ts";
import { listen, type Shortcut, showHelp } from "./keys.ts";
import { Notices } from "./notices.ts";
import { bytes, counted } from "./format.ts";
import { confirmRemoval, Start } from "./start.ts";
import { switchTheme, useStoredTheme } from "./theme.ts";
import { Viewer } from "./viewer.ts";
import { WINDOWS } from "./windows.ts";

/** Address of a result: `#result=<id>`, so that a view can be reloaded and shared. */
const HASH = /^#result=([\w-]+)$/;
const TURN_DEGREES = 10;

class App {
  private readonly notices = new Notices();
  private readonly start: Start;
  private readonly viewer: Viewer;
  private readonly remove: HTMLButtonElement;
  private result: Result | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly backend: Backend,
    capabilities: Capabilities,
  ) {
    this.start = new Start(backend, this.notices, capabilities, (result) => void this.open(result));
    this.viewer = new Viewer(backend, capabilities, this.notices, () => this.back());
    this.remove = iconButton("Delete this scan", ICONS.bin, () => void this.removeScan(), { hidden: true });
    const header = make("header", { class: "top" }, [
      make("a", { class: "brand", href: "#" }, [icon("M12 3c5 0 8 3.5 8 8.5S16.5 21 12 21 4 16.5 4 11.500 7 3 12 3zM8 11c1.500-3 3-3 4 0s2.500 3 4 0"), "Omentum"]),
      this.viewer.toolbar.element,
      make("div", { class: "row" }, [this.remove, iconButton("Dark or light", ICONS.theme, switchTheme), iconButton("Keyboard and mouse", ICONS.help, () => showHelp(this.shortcuts()))]),
    ]);
    const foot = make("footer", { class: "foot" }, [`Omentum ${capabilities.version}. Not a medical device. Not for clinical use. `, make("a", { href: "licenses.txt" }, ["Licences"])]);
    this.root.replaceChildren(header, this.start.element, this.viewer.element, foot, this.notices.element);
    listen(this.shortcuts());
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

  private async open(result: Result): Promise<void> {
    this.result = result;
    if (this.backend.results !== null) history.replaceState(null, "", `#result=${result.id}`);
    this.show("viewer");
    const opened = await this.notices.guard(this.viewer.open(result).then(() => true));
    if (opened === null) this.back();
    else this.notices.announce(`${result.title} is shown.`);
  }

  private back(): void {
    history.replaceState(null, "", location.pathname + location.search);
    void this.showStart();
  }

  private async showStart(): Promise<void> {
    this.result = null;
    this.viewer.close();
    this.show("start");
    await this.start.refresh();
  }

  private show(view: "start" | "viewer"): void {
    this.root.dataset.view = view;
    this.start.element.hidden = view !== "start";
    this.viewer.element.hidden = view !== "viewer";
    this.viewer.toolbar.element.hidden = view !== "viewer";
    this.remove.hidden = view !== "viewer";
  }

  private async removeScan(): Promise<void> {
    const { result } = this;
    if (result === null || !(await confirmRemoval(result.title))) return;
    const removed = await this.notices.guard(result.remove());
    if (removed === null) return;
    this.notices.tell(`Deleted ${counted(removed.names.length, "file")}, ${bytes(removed.bytes)}.`);
    this.back();
  }

  private shortcuts(): readonly Shortcut[] {
    const { planes, scene } = this.viewer.stage;
    const { editor, lesions, toolbar } = this.viewer;
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
      { keys: ["m"], text: "measure", run: here(() => this.viewer.useTool("measure")) },
      { keys: ["v", "Escape"], text: "navigate", run: here(() => this.viewer.useTool("navigate")) },
      { keys: ["a"], text: "axial slices alone, or all views", run: here(() => toolbar.pickLayout("axial")) },
      { keys: ["c"], text: "coronal slices alone", run: here(() => toolbar.pickLayout("coronal")) },
      { keys: ["g"], text: "sagittal slices alone", run: here(() => toolbar.pickLayout("sagittal")) },
      { keys: ["d"], text: "3D alone", run: here(() => toolbar.pickLayout("3d")) },
      { keys: ["j"], text: "turn 3D left", run: here(() => scene.turn(-TURN_DEGREES, 0)) },
      { keys: ["l"], text: "turn 3D right", run: here(() => scene.turn(TURN_DEGREES, 0)) },
      { keys: ["i"], text: "turn 3D up", run: here(() => scene.turn(0, TURN_DEGREES)) },
      { keys: ["k"], text: "turn 3D down", run: here(() => scene.turn(0, -TURN_DEGREES)) },
      ...windows.map(([key, window]) => ({ keys: [key], text: `window: ${WINDOWS.find(({ centre, width }) => centre === window.centre && width === window.width)?.name ?? ""}`, run: here(() => this.viewer.setWindow(window)) })),
      { keys: ["x"], text: "brush or eraser", run: here(() => editor.toggle()) },
      { keys: ["["], text: "smaller brush", run: here(() => editor.setRadius(editor.radius - 1)) },
      { keys: ["]"], text: "larger brush", run: here(() => editor.setRadius(editor.radius + 1)) },
      { keys: ["Ctrl+z", "u"], text: "undo a stroke", run: here(() => editor.undo()) },
      { keys: ["/"], text: "search structures", run: here(() => document.getElementById("structure-search")?.focus()) },
      { keys: ["?"], text: "this help", run: () => showHelp(this.shortcuts()) },
    ];
  }
}

/** Show the page in `root`. */
export async function mountApp(root: HTMLElement, backend: Backend): Promise<void> {
  useStoredTheme();
  const app = new App(root, backend, await backend.capabilities());
  await app.route();
}
