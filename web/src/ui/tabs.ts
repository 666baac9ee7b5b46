/** Tabs as the ARIA practices describe them: arrow keys move, one panel is shown. */
import { make, uniqueId } from "./dom.ts";

export interface Tab {
  readonly name: string;
  readonly panel: HTMLElement;
}

export class Tabs {
  readonly element = make("div", { class: "tabs" });
  private readonly buttons: HTMLButtonElement[];

  constructor(
    private readonly tabs: readonly Tab[],
    label: string,
  ) {
    this.buttons = tabs.map((tab, number) => this.button(tab, number));
    const list = make("div", { class: "tab-list", role: "tablist", "aria-label": label }, this.buttons);
    list.addEventListener("keydown", (event) => this.move(event));
    this.element.append(list, ...tabs.map(({ panel }) => panel));
    this.choose(0);
  }

  choose(chosen: number): void {
    this.tabs.forEach(({ panel }, number) => {
      panel.hidden = number !== chosen;
      this.buttons[number]?.setAttribute("aria-selected", String(number === chosen));
      this.buttons[number]?.setAttribute("tabindex", number === chosen ? "0" : "-1");
    });
  }

  /** A number after the name, such as of lesions; null for none. */
  count(number: number, count: number | null): void {
    const badge = this.buttons[number]?.querySelector(".badge");
    if (badge == null) return;
    badge.textContent = count === null ? "" : String(count);
  }

  private button({ name, panel }: Tab, number: number): HTMLButtonElement {
    const id = uniqueId("tab");
    panel.id = uniqueId("panel");
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", id);
    panel.setAttribute("tabindex", "0");
    panel.classList.add("panel");
    return make("button", { type: "button", role: "tab", id, "aria-controls": panel.id }, [name, make("span", { class: "badge" })], { click: () => this.choose(number) });
  }

  private move(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const now = this.buttons.findIndex((button) => button.getAttribute("aria-selected") === "true");
    const next = (now + step + this.buttons.length) % this.buttons.length;
    this.choose(next);
    this.buttons[next]?.focus();
    event.preventDefault();
  }
}
