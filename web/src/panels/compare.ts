/** Before and after: the lesions of two scans of a patient, and both scans side by side, moved together. */
import type { Backend, Result } from "../backend.ts";
import type { FollowUp, FollowUpLesion } from "../documents.ts";
import type { Vec3 } from "../geometry.ts";
import { make, uniqueId } from "../ui/dom.ts";
import type { Notices } from "../ui/notices.ts";
import { signed } from "../ui/text.ts";

export interface CompareActions {
  /** Show the earlier scan beside the present one; `toBefore` maps positions. */
  show(before: Result, toBefore: (world: Vec3) => Vec3): Promise<void>;
  /** Take it away. */
  hide(): void;
  goTo(world: Vec3): void;
}

export class Compare {
  readonly element = make("section", { class: "compare", "aria-label": "Before and after" });
  private readonly select = make("select", { id: uniqueId("before") });
  private readonly outcome = make("div", { "aria-live": "polite" });
  private readonly start = make("button", { type: "button", class: "primary" }, ["Compare"]);
  private others: readonly Result[] = [];
  private result: Result | null = null;

  constructor(
    private readonly backend: Backend,
    private readonly notices: Notices,
    private readonly actions: CompareActions,
  ) {
    this.start.addEventListener("click", () => void this.run());
  }

  async set(result: Result): Promise<void> {
    this.result = result;
    this.outcome.replaceChildren();
    const all = (await this.backend.results?.()) ?? [];
    this.others = all.filter(({ id }) => id !== result.id);
    if (this.others.length === 0) {
      this.element.replaceChildren(make("p", { class: "empty" }, ["Segment an earlier scan of the same patient as well; then both can be compared here."]));
      return;
    }
    this.select.replaceChildren(...this.others.map(({ id, title }) => make("option", { value: id }, [title])));
    this.element.replaceChildren(
      make("p", { class: "quiet" }, ["This scan is the later one."]),
      make("label", { for: this.select.id }, ["Earlier scan"]),
      make("div", { class: "row" }, [this.select, this.start]),
      this.outcome,
    );
  }

  private async run(): Promise<void> {
    const before = this.others.find(({ id }) => id === this.select.value);
    const { compare } = this.backend;
    if (before === undefined || this.result === null || compare === null) return;
    this.start.disabled = true;
    this.outcome.replaceChildren(make("p", { class: "quiet" }, ["Aligning both scans…"]));
    const found = await this.notices.guard(compare(before, this.result));
    this.start.disabled = false;
    this.outcome.replaceChildren();
    if (found === null) return;
    this.tell(found);
    await this.notices.guard(this.actions.show(before, motionOf(found)));
  }

  private tell({ recist, alignment, lesions }: FollowUp): void {
    const change = recist.change_percent === null ? "" : ` (${signed(recist.change_percent)} %)`;
    const sums = recist.sum_after_mm === null || recist.sum_before_mm === 0 ? "" : `Sum of targets ${recist.sum_before_mm.toFixed(0)} → ${recist.sum_after_mm.toFixed(0)} mm${change}. `;
    this.outcome.replaceChildren(
      make("div", { class: "recist" }, [make("strong", {}, [capital(recist.category)]), make("small", {}, [`RECIST 1.1. ${sums}${capital(recist.reason)}`])]),
      ...alignment.mismatches.map((text) => make("p", { class: "caution" }, [`The scans may not match: ${text}`])),
      lesions.length === 0 ? make("p", { class: "empty" }, ["No lesion in either scan."]) : this.table(lesions),
      make("button", { type: "button" }, ["Close the earlier scan"], { click: () => this.actions.hide() }),
    );
  }

  private table(lesions: readonly FollowUpLesion[]): HTMLElement {
    const head = ["Lesion", "Before", "After", "Change"].map((name) => make("th", { scope: "col" }, [name]));
    return make("table", { class: "lesion-table" }, [make("caption", {}, ["Lesions"]), make("thead", {}, [make("tr", {}, head)]), make("tbody", {}, lesions.map((lesion) => this.row(lesion)))]);
  }

  private row(lesion: FollowUpLesion): HTMLElement {
    const place = lesion.after[0]?.centroid_mm;
    const name = make("button", { type: "button", class: "link", disabled: place === undefined }, [lesion.display], { click: () => place !== undefined && this.actions.goTo(place) });
    const mm = (value: number | null): string => (value === null ? "–" : `${value.toFixed(0)} mm`);
    const change = lesion.longest_change_percent;
    return make("tr", {}, [
      make("th", { scope: "row" }, [name, make("small", {}, [[lesion.status, lesion.is_candidate ? "candidate" : "", lesion.reason].filter((word) => word !== "").join(" · ")])]),
      make("td", {}, [mm(lesion.longest_before_mm)]),
      make("td", {}, [mm(lesion.longest_after_mm)]),
      make("td", { class: change === null || change === 0 ? "" : change > 0 ? "grown" : "shrunk" }, [change === null ? "–" : `${signed(change)} %`]),
    ]);
  }
}

/** The map of positions from the later to the earlier scan. */
export function motionOf({ alignment }: FollowUp): (world: Vec3) => Vec3 {
  return (world) =>
    [0, 1, 2].map((row) => (alignment.linear[row] ?? []).reduce((sum, factor, column) => sum + factor * (world[column] ?? 0), alignment.shift_mm[row] ?? 0)) as Vec3;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
