/** What both entries share: the styles, the element of the page, and words where it cannot be shown. */
import "../styles/index.css";
import { make } from "../ui/dom.ts";

export function showing(begin: (root: HTMLElement) => Promise<void>): void {
  const root = document.getElementById("app") as HTMLElement;
  begin(root).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    root.replaceChildren(make("main", { class: "start" }, [make("h1", {}, ["Omentum"]), make("p", { role: "alert" }, [reason])]));
  });
}
