/** Messages to the user: a line that screen readers announce, and failures with what to do about them. */
import { BackendError } from "../backend.ts";
import { iconButton, make } from "./dom.ts";
import { ICONS } from "./icons.ts";

const SHOWN_MS = 6000;

export class Notices {
  readonly element = make("div", { class: "notices" });
  private readonly live = make("p", { class: "unseen", role: "status", "aria-live": "polite", id: "announcer" });
  private lastFailure = "";

  constructor() {
    this.element.append(this.live);
  }

  /** For screen readers only. */
  announce(text: string): void {
    this.live.textContent = text;
  }

  tell(text: string): void {
    this.announce(text);
    const card = make("div", { class: "notice" }, [make("p", {}, [text])]);
    this.element.append(card);
    setTimeout(() => card.remove(), SHOWN_MS);
  }

  /** A failure stays until it is closed. */
  fail(error: unknown): void {
    const known = error instanceof BackendError ? error : null;
    if (known === null) console.error(error);
    const reason = known?.message ?? (error instanceof Error ? error.message : String(error));
    if (reason === this.lastFailure && this.element.querySelector(".failure") !== null) return;
    this.lastFailure = reason;
    const card = make("div", { class: "notice failure", role: "alert" }, [
      make("div", {}, [
        make("p", {}, [known?.file == null ? reason : `${known.file}: ${reason}`]),
        ...(known?.remedy == null ? [] : [make("p", { class: "remedy" }, [known.remedy])]),
      ]),
    ]);
    card.append(iconButton("Close", ICONS.close, () => card.remove()));
    this.element.append(card);
  }

  /** Wait for work and show its failure; null if it failed. */
  async guard<T>(work: Promise<T>): Promise<T | null> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) this.fail(error);
      return null;
    }
  }
}
