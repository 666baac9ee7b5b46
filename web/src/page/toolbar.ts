/** The bar above the images: title, window, tools, layout. */
import { iconButton, make, uniqueId } from "../ui/dom.ts";
import { ICONS } from "../ui/icons.ts";
import type { Layout } from "../view/planes.ts";
import { presetOf, type Window, WINDOWS } from "../view/presets.ts";

export interface ToolbarActions {
  back(): void;
  window(window: Window): void;
  layout(layout: Layout): void;
  tool(name: "navigate" | "measure"): void;
  clearLines(): void;
}

const LAYOUTS: readonly (readonly [Layout, string])[] = [["all", "All views"], ["axial", "Axial"], ["coronal", "Coronal"], ["sagittal", "Sagittal"], ["3d", "3D"]];

export class Toolbar {
  readonly element: HTMLElement;
  private readonly title = make("h1", { class: "scan-title" });
  private readonly presets = make("select", { id: uniqueId("window") });
  private readonly layouts = make("select", { id: uniqueId("layout") });
  private readonly clear: HTMLButtonElement;
  private readonly tools: Readonly<Record<"navigate" | "measure", HTMLButtonElement>>;

  constructor(private readonly actions: ToolbarActions) {
    this.presets.append(...WINDOWS.map(({ name, centre, width }) => make("option", { value: name }, [`${name}  ${centre} / ${width}`])));
    this.presets.addEventListener("change", () => this.pickWindow(this.presets.value));
    this.layouts.append(...LAYOUTS.map(([value, text]) => make("option", { value }, [text])));
    this.layouts.addEventListener("change", () => actions.layout(this.layouts.value as Layout));
    this.tools = {
      navigate: iconButton("Navigate", ICONS.crosshair, () => actions.tool("navigate"), { "aria-pressed": "true" }),
      measure: iconButton("Measure", ICONS.ruler, () => actions.tool("measure"), { "aria-pressed": "false" }),
    };
    this.clear = make("button", { type: "button", class: "small", hidden: true }, ["Clear lines"], { click: () => actions.clearLines() });
    this.element = make("div", { class: "toolbar", role: "toolbar", "aria-label": "View" }, [
      iconButton("Back to all scans", ICONS.back, () => actions.back()),
      this.title,
      make("div", { class: "segmented", role: "group", "aria-label": "Tool" }, [this.tools.navigate, this.tools.measure]),
      this.clear,
      make("label", { for: this.presets.id, class: "unseen" }, ["Window"]),
      this.presets,
      make("label", { for: this.layouts.id, class: "unseen" }, ["Layout"]),
      this.layouts,
    ]);
  }

  setTitle(title: string): void {
    this.title.textContent = title;
  }

  showTool(name: "navigate" | "measure"): void {
    for (const [tool, button] of Object.entries(this.tools)) button.setAttribute("aria-pressed", String(tool === name));
  }

  showWindow(window: Window): void {
    const name = presetOf(window);
    if (name !== null) this.presets.value = name;
  }

  showLines(count: number): void {
    this.clear.hidden = count === 0;
  }

  /** Choose a layout. */
  showLayout(layout: Layout): void {
    this.layouts.value = layout;
    this.actions.layout(layout);
  }

  /** Choose a layout; the same again goes back to all views. */
  pickLayout(layout: Layout): void {
    this.showLayout(this.layouts.value === layout ? "all" : layout);
  }

  private pickWindow(name: string): void {
    const preset = WINDOWS.find((window) => window.name === name);
    if (preset !== undefined) this.actions.window({ centre: preset.centre, width: preset.width });
  }
}
