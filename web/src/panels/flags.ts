/** Quality flags, worst first; one with a structure goes there. */
import type { Flag } from "../documents.ts";
import { make } from "../ui/dom.ts";

const ORDER: readonly Flag["severity"][] = ["error", "warning", "info"];
const WORDS: Readonly<Record<Flag["severity"], string>> = { error: "Error", warning: "Check", info: "Note" };

export class Flags {
  readonly element = make("section", { class: "flags", "aria-label": "Quality" });

  constructor(
    private readonly name: (key: string) => string,
    private readonly onChoose: (flag: Flag) => void,
  ) {}

  set(flags: readonly Flag[], score: number | null): void {
    const sorted = [...flags].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
    const intro = score === null ? [] : [make("p", { class: "score" }, ["Expected quality ", make("strong", {}, [`${Math.round(100 * score)} %`]), make("small", {}, ["mean probability that a mask has a Dice of 0.7 or more"])])];
    const list = sorted.length === 0 ? make("p", { class: "empty" }, ["Nothing to flag."]) : make("ul", {}, sorted.map((flag) => make("li", {}, [this.flag(flag)])));
    this.element.replaceChildren(...intro, list);
  }

  private flag(flag: Flag): HTMLElement {
    const words = [make("span", { class: `severity ${flag.severity}` }, [WORDS[flag.severity]])];
    const text = make("span", { class: "flag-text" }, [...(flag.structure === "" ? [] : [make("strong", {}, [this.name(flag.structure)]), " "]), flag.text]);
    if (flag.structure === "") return make("div", { class: "flag" }, [...words, text]);
    return make("button", { type: "button", class: "flag" }, [...words, text], { click: () => this.onChoose(flag) });
  }
}
