/** The list of segments: search, groups, showing and hiding, colours, opacity, volumes. */
import type { Structure } from "../backend.ts";
import type { StructureMeasure } from "../documents.ts";
import type { Colour, Segment } from "../segmentation.ts";
import { iconButton, make, uniqueId } from "../ui/dom.ts";
import { ICONS } from "../ui/icons.ts";
import { counted, volume } from "../ui/text.ts";
import type { Style } from "../view/mask_textures.ts";

export interface StructureActions {
  /** Styles changed. */
  styled(): void;
  /** Go to a structure. */
  locate(key: string): void;
  /** Correct its mask; null where that is not offered. */
  readonly edit: ((key: string) => void) | null;
}

interface Row {
  readonly segment: Segment;
  readonly name: string;
  readonly element: HTMLElement;
  readonly box: HTMLInputElement;
  readonly volume: HTMLElement;
}

const FILL = 0.3;
const LESION_FILL = 0.45;
/** Large organs around others are translucent in 3D. */
const GLASSY: ReadonlySet<string> = new Set(["right_lung", "left_lung"]);
const GLASS = 0.18;
const GROUPS: Readonly<Record<string, string>> = { organ: "Organs", vessel: "Vessels" };

export class Structures {
  readonly element: HTMLElement;
  private readonly list = make("div", { class: "structure-groups" });
  private readonly summary = make("p", { class: "quiet", role: "status" });
  private rows: Row[] = [];
  private segments: readonly Segment[] = [];
  private readonly styles = new Map<string, Style>();
  private known = new Map<string, Structure>();
  private opacity = 1;

  constructor(private readonly actions: StructureActions) {
    const search = make("input", { type: "search", placeholder: "Search structures", "aria-label": "Search structures", id: "structure-search" });
    search.addEventListener("input", () => this.filter(search.value));
    const slider = uniqueId("opacity");
    const opacity = make("input", { type: "range", id: slider, min: "0", max: "100", value: "100", class: "slider" });
    opacity.addEventListener("input", () => this.setOpacity(Number(opacity.value) / 100));
    this.element = make("section", { class: "structures", "aria-label": "Structures" }, [
      make("div", { class: "structure-tools" }, [
        search,
        make("button", { type: "button", class: "small" }, ["All"], { click: () => this.showAll(true) }),
        make("button", { type: "button", class: "small" }, ["None"], { click: () => this.showAll(false) }),
      ]),
      make("div", { class: "opacity-row" }, [make("label", { for: slider }, ["Fill"]), opacity]),
      this.list,
      this.summary,
    ]);
  }

  /** What is shown now, by segment key. */
  get current(): ReadonlyMap<string, Style> {
    return new Map([...this.styles].map(([key, style]) => [key, { ...style, opacity: style.opacity * this.opacity }]));
  }

  name(key: string): string {
    return this.known.get(key)?.name ?? this.segments.find((segment) => segment.key === key)?.name ?? key;
  }

  isLesion(key: string): boolean {
    return this.known.get(key)?.lesion ?? /tumou?r|cyst|lesion/.test(key);
  }

  /** List segments that have a voxel; `voxelMl` and `voxels` give volumes where nothing was measured. */
  set(segments: readonly Segment[], structures: readonly Structure[], measures: Readonly<Record<string, StructureMeasure>>, voxels: ReadonlyMap<string, number>, voxelMl: number): void {
    this.known = new Map(structures.map((structure) => [structure.key, structure]));
    this.segments = segments;
    const found = segments.filter((segment) => (voxels.get(segment.key) ?? 0) > 0);
    this.styles.clear();
    for (const { key, colour } of found) this.styles.set(key, this.style(key, colour));
    this.rows = found.map((segment) => this.row(segment, measures[segment.key]?.volume_ml ?? (voxels.get(segment.key) ?? 0) * voxelMl, measures[segment.key]));
    const groups = new Map<string, Row[]>();
    for (const row of this.rows) groups.set(this.group(row.segment.key), [...(groups.get(this.group(row.segment.key)) ?? []), row]);
    this.list.replaceChildren(...[...groups].sort(byGroup).map(([name, rows]) => this.groupElement(name, rows)));
    const missing = segments.length - found.length;
    this.summary.textContent = `${counted(found.length, "structure")} found${missing > 0 ? `, ${missing} not found` : ""}.`;
  }

  setVolume(key: string, ml: number, corrected: boolean): void {
    const row = this.rows.find(({ segment }) => segment.key === key);
    if (row === undefined) return;
    row.volume.textContent = volume(ml);
    row.element.classList.toggle("corrected", corrected);
  }

  show(key: string, visible: boolean): void {
    const style = this.styles.get(key);
    if (style === undefined || style.visible === visible) return;
    this.styles.set(key, { ...style, visible });
    const box = this.rows.find(({ segment }) => segment.key === key)?.box;
    if (box !== undefined) box.checked = visible;
    this.actions.styled();
  }

  showAll(visible: boolean): void {
    for (const { segment, box, element } of this.rows) {
      const style = this.styles.get(segment.key);
      if (style === undefined || element.hidden) continue;
      this.styles.set(segment.key, { ...style, visible });
      box.checked = visible;
    }
    this.actions.styled();
  }

  /** Show one structure alone, or all again if it already is alone. */
  isolate(key: string): void {
    const alone = [...this.styles].every(([other, style]) => style.visible === (other === key));
    for (const { segment, box } of this.rows) {
      const style = this.styles.get(segment.key) as Style;
      const visible = alone || segment.key === key;
      this.styles.set(segment.key, { ...style, visible });
      box.checked = visible;
    }
    this.actions.styled();
  }

  private style(key: string, colour: Colour): Style {
    return { colour, visible: true, opacity: this.isLesion(key) ? LESION_FILL : FILL, surfaceOpacity: GLASSY.has(key) ? GLASS : this.isLesion(key) ? 1 : 0.92 };
  }

  private setOpacity(opacity: number): void {
    this.opacity = opacity;
    this.actions.styled();
  }

  private group(key: string): string {
    if (this.isLesion(key)) return "lesions";
    return this.known.get(key)?.group ?? "structures";
  }

  private groupElement(name: string, rows: readonly Row[]): HTMLElement {
    const title = GROUPS[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
    const all = make("button", { type: "button", class: "link", "aria-label": `Show/hide all: ${title}` }, ["show/hide all"]);
    all.addEventListener("click", () => {
      const visible = !rows.some(({ box }) => box.checked);
      for (const { segment, box } of rows) {
        this.styles.set(segment.key, { ...(this.styles.get(segment.key) as Style), visible });
        box.checked = visible;
      }
      this.actions.styled();
    });
    return make("section", { class: "structure-group", "aria-label": title }, [
      make("header", {}, [make("h3", {}, [title]), all]),
      make("ul", {}, rows.map((row) => row.element)),
    ]);
  }

  private row(segment: Segment, ml: number, measure: StructureMeasure | undefined): Row {
    const name = this.name(segment.key);
    const id = uniqueId("show");
    const box = make("input", { type: "checkbox", id, checked: true });
    box.addEventListener("change", () => this.show(segment.key, box.checked));
    const swatch = make("input", { type: "color", value: hex(segment.colour), "aria-label": `Colour of ${name}`, title: "Colour" });
    swatch.addEventListener("input", () => this.recolour(segment.key, swatch.value));
    const amount = make("span", { class: "amount" }, [volume(ml)]);
    const notes = notesOn(measure);
    const label = make("label", { for: id }, [name, ...(notes === "" ? [] : [make("small", {}, [notes])])]);
    const buttons = [iconButton(`Go to ${name}`, ICONS.locate, () => this.actions.locate(segment.key))];
    const { edit } = this.actions;
    if (edit !== null) buttons.push(iconButton(`Correct ${name}`, ICONS.brush, () => edit(segment.key)));
    label.addEventListener("dblclick", () => this.isolate(segment.key));
    const element = make("li", { "data-key": segment.key }, [box, swatch, label, amount, make("span", { class: "row-buttons" }, buttons)]);
    return { segment, name, element, box, volume: amount };
  }

  private recolour(key: string, value: string): void {
    const style = this.styles.get(key);
    if (style === undefined) return;
    const colour = [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16)) as Colour;
    this.styles.set(key, { ...style, colour });
    this.actions.styled();
  }

  private filter(text: string): void {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
    let shown = 0;
    for (const { element, name, segment } of this.rows) {
      const fits = words.every((word) => name.toLowerCase().includes(word) || segment.key.includes(word));
      element.hidden = !fits;
      if (fits) shown += 1;
    }
    for (const group of this.list.children) (group as HTMLElement).hidden = group.querySelector("li:not([hidden])") === null;
    this.summary.textContent = words.length === 0 ? `${counted(this.rows.length, "structure")}.` : `${counted(shown, "structure")} match.`;
  }
}

function notesOn(measure: StructureMeasure | undefined): string {
  if (measure === undefined) return "";
  const notes = [];
  if (measure.touches_border) notes.push("partly imaged");
  if (measure.trust === "weak" || measure.trust === "not found") notes.push("weak with these weights");
  return notes.join(" · ");
}

/** Lesions first, then by name. */
function byGroup([a]: [string, unknown], [b]: [string, unknown]): number {
  return Number(b === "lesions") - Number(a === "lesions") || a.localeCompare(b);
}

function hex(colour: Colour): string {
  return `#${colour.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}
