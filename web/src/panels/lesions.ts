/** The table of lesions; choosing one shows its slice with its diameters. */
import type { Lesion } from "../documents.ts";
import { make } from "../ui/dom.ts";
import { volume } from "../ui/text.ts";
import type { Mark } from "../view/marks.ts";
import { AXIAL } from "../view/planes.ts";

export class Lesions {
  readonly element = make("section", { class: "lesions", "aria-label": "Lesions" });
  private buttons: HTMLButtonElement[] = [];
  private shown: readonly Lesion[] = [];

  constructor(private readonly onChoose: (lesion: Lesion) => void) {}

  get count(): number {
    return this.shown.length;
  }

  set(lesions: readonly Lesion[], candidates: readonly Lesion[]): void {
    this.shown = [...lesions, ...candidates];
    this.buttons = [];
    const parts: HTMLElement[] = [];
    if (lesions.length > 0) parts.push(this.table("Lesions", lesions));
    if (candidates.length > 0) {
      parts.push(this.table("Candidates", candidates));
      parts.push(make("p", { class: "quiet" }, ["Candidates are places to look at. They are in no sum and are no finding."]));
    }
    if (parts.length === 0) parts.push(make("p", { class: "empty" }, ["No lesion was segmented. That does not mean that there is none."]));
    this.element.replaceChildren(...parts);
  }

  /** The lesion `step` rows after the chosen one, round and round. */
  move(step: number): void {
    if (this.buttons.length === 0) return;
    const now = this.buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
    const next = now < 0 ? (step > 0 ? 0 : this.buttons.length - 1) : (now + step + this.buttons.length) % this.buttons.length;
    this.buttons[next]?.click();
    this.buttons[next]?.scrollIntoView({ block: "nearest" });
  }

  private table(title: string, lesions: readonly Lesion[]): HTMLElement {
    const head = ["", "Where", "Longest", "Across", "Volume", "HU"].map((name) => make("th", { scope: "col" }, name === "" ? [make("span", { class: "unseen" }, ["Number"])] : [name]));
    return make("table", { class: "lesion-table" }, [
      make("caption", {}, [`${title} (${lesions.length})`]),
      make("thead", {}, [make("tr", {}, head)]),
      make("tbody", {}, lesions.map((lesion) => this.row(lesion))),
    ]);
  }

  private row(lesion: Lesion): HTMLElement {
    const where = `${lesion.display}${lesion.host === null ? "" : `, ${place(lesion)}`}`;
    const button = make("button", { type: "button", class: "lesion", "aria-pressed": "false", "aria-label": `Show ${where}, number ${lesion.number}` }, [String(lesion.number)]);
    const row = make("tr", { "data-lesion": String(lesion.number) }, [
      make("td", {}, [button]),
      make("th", { scope: "row" }, [lesion.display, make("small", {}, [notesOn(lesion)])]),
      make("td", {}, [`${lesion.longest_axial.mm.toFixed(0)} mm`]),
      make("td", {}, [`${lesion.perpendicular.mm.toFixed(0)} mm`]),
      make("td", {}, [volume(lesion.volume_ml)]),
      make("td", {}, [lesion.mean_hu === null ? "–" : lesion.mean_hu.toFixed(0)]),
    ]);
    const choose = (): void => {
      for (const other of this.buttons) {
        other.setAttribute("aria-pressed", String(other === button));
        other.closest("tr")?.classList.toggle("chosen", other === button);
      }
      this.onChoose(lesion);
    };
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      choose();
    });
    row.addEventListener("click", choose);
    this.buttons.push(button);
    return row;
  }
}

/** Both axial diameters of a lesion, for drawing. */
export function diameterMarks(lesion: Lesion): Mark[] {
  const mark = (kind: "longest" | "perpendicular"): Mark => {
    const { ends_mm, mm } = kind === "longest" ? lesion.longest_axial : lesion.perpendicular;
    return { ends: ends_mm, planes: [AXIAL], label: `${mm.toFixed(1)} mm`, kind };
  };
  return lesion.perpendicular.mm > 0 ? [mark("perpendicular"), mark("longest")] : [mark("longest")];
}

function place(lesion: Lesion): string {
  return [lesion.side, lesion.host].filter((word) => word !== null).join(" ").replaceAll("_", " ");
}

function notesOn(lesion: Lesion): string {
  const notes = [];
  if (lesion.host !== null) notes.push(place(lesion));
  if (lesion.mean_probability !== null) notes.push(`probability ${lesion.mean_probability.toFixed(2)}`);
  if (lesion.touches_border) notes.push("at the edge of the image");
  if (lesion.candidate_reason !== "") notes.push(lesion.candidate_reason);
  return notes.join(" · ");
}
