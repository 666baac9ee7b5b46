/** Keyboard shortcuts, in one table that is also the help. */
import { make } from "./dom.ts";

export interface Shortcut {
  /** As `KeyboardEvent.key` gives them; "Ctrl+z" with the control or command key. */
  readonly keys: readonly string[];
  readonly text: string;
  readonly run: () => void;
}

/** Run shortcuts unless text is being typed or a dialog is open. Returns how to stop. */
export function listen(shortcuts: readonly Shortcut[]): () => void {
  const byKey = new Map(shortcuts.flatMap((shortcut) => shortcut.keys.map((key) => [key, shortcut] as const)));
  const handler = (event: KeyboardEvent): void => {
    if (event.altKey || document.querySelector("dialog[open]") !== null || isTyping(event.target, event.key)) return;
    const name = event.ctrlKey || event.metaKey ? `Ctrl+${event.key}` : event.key;
    const found = byKey.get(name);
    if (found === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    found.run();
  };
  document.addEventListener("keydown", handler, { capture: true });
  return () => document.removeEventListener("keydown", handler, { capture: true });
}

export function showHelp(shortcuts: readonly Shortcut[]): void {
  const dialog = make("dialog", { class: "card help", "aria-label": "Keyboard and mouse" });
  const rows = shortcuts.map(({ keys, text }) => make("tr", {}, [make("td", {}, keys.map((key) => make("kbd", {}, [NAMES[key] ?? key]))), make("td", {}, [text])]));
  const mouse = [
    ["Click or drag", "go to a place"],
    ["Wheel", "slices; over the 3D view: zoom"],
    ["Right button, two fingers", "move and pinch to zoom"],
    ["Double click", "on an image: make it large; on a name: show it alone"],
  ].map(([what = "", text = ""]) => make("tr", {}, [make("td", {}, [what]), make("td", {}, [text])]));
  dialog.append(
    make("h2", {}, ["Keyboard and mouse"]),
    make("table", {}, [make("tbody", {}, [...rows, ...mouse])]),
    make("p", { class: "quiet" }, ["Slices are shown as radiologists do: the patient's right is on the left of the picture."]),
    make("button", { type: "button", class: "primary", autofocus: true }, ["Close"], { click: () => dialog.close() }),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const NAMES: Readonly<Record<string, string>> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "Page ↑", PageDown: "Page ↓", Escape: "Esc", "Ctrl+z": "Ctrl Z" };

/** Whether a key belongs to the element that has the focus. */
function isTyping(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) {
    if (target.type === "range") return key.startsWith("Arrow") || key.startsWith("Page");
    return !["checkbox", "radio", "button"].includes(target.type);
  }
  if (target.getAttribute("role") === "tab") return key.startsWith("Arrow");
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}
