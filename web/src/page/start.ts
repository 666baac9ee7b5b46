/** The first view: drop or pick a scan, options, progress, earlier results. */
import type { Backend, Capabilities, Progress, Result, SegmentOptions, SeriesChoice } from "../backend.ts";
import { icon, iconButton, make, uniqueId } from "../ui/dom.ts";
import { ICONS } from "../ui/icons.ts";
import type { Notices } from "../ui/notices.ts";
import { bytes, counted, remaining } from "../ui/text.ts";
import { dropped, picked, type Scan, scanOf } from "./intake.ts";

const STAGES: Readonly<Record<string, string>> = { upload: "Sending", queued: "Waiting", starting: "Starting" };
/** Progress is announced to screen readers in tenths. */
const ANNOUNCED_SHARE = 0.1;

export class Start {
  readonly element = make("main", { class: "start", id: "start" });
  private readonly zone = make("div", { class: "drop-zone" });
  private readonly work = make("section", { class: "work card", "aria-label": "Progress", hidden: true });
  private readonly earlier = make("section", { class: "earlier", "aria-label": "Earlier results" });
  private readonly options = make("div", { class: "options" });
  private chosen: () => SegmentOptions = () => ({});
  private running: AbortController | null = null;

  constructor(
    private readonly backend: Backend,
    private readonly notices: Notices,
    private readonly capabilities: Capabilities,
    private readonly onResult: (result: Result) => void,
  ) {
    this.fillZone();
    this.fillOptions();
    this.element.append(
      make("div", { class: "hero" }, [make("h1", {}, ["See what a CT holds"]), make("p", {}, ["32 organs, vessels and lesions, outlined and measured."])]),
      this.zone,
      this.work,
      this.options,
      make("p", { class: "quiet privacy" }, [this.capabilities.privacy]),
      this.earlier,
    );
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.zone.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) this.zone.classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      this.zone.classList.remove("over");
      if (event.dataTransfer !== null && !this.element.hidden) void this.take(dropped(event.dataTransfer));
    });
  }

  /** List earlier results again. */
  async refresh(): Promise<void> {
    const results = this.backend.results === null ? [] : ((await this.notices.guard(this.backend.results())) ?? []);
    const rows = results.map((result) =>
      make("li", {}, [
        make("button", { type: "button", class: "result", "data-result": result.id }, [result.title], { click: () => this.onResult(result) }),
        iconButton(`Delete ${result.title}`, ICONS.bin, () => void this.remove(result)),
      ]),
    );
    this.earlier.replaceChildren(...(rows.length === 0 ? [] : [make("h2", {}, ["Earlier results"]), make("ul", {}, rows)]));
  }

  private fillZone(): void {
    const file = make("input", { type: "file", id: uniqueId("file"), class: "unseen", multiple: this.capabilities.dicom, "data-pick": "file" });
    const folder = make("input", { type: "file", id: uniqueId("folder"), class: "unseen", webkitdirectory: true, "data-pick": "folder" });
    for (const input of [file, folder]) {
      input.addEventListener("change", () => {
        if (input.files !== null && input.files.length > 0) void this.take(Promise.resolve(picked(input.files)));
        input.value = "";
      });
    }
    const choose = (input: HTMLInputElement, text: string, style: string): HTMLElement => make("label", { class: `button ${style}`, for: input.id }, [text]);
    this.zone.append(
      icon(ICONS.upload),
      make("p", { class: "drop-title" }, ["Drop a CT here"]),
      make("p", { class: "quiet" }, [`${this.capabilities.formats ?? "NIfTI, NRRD, MetaImage or zip"}${this.capabilities.dicom ? ", or a folder of DICOM files" : ""}`]),
      make("div", { class: "row" }, [file, choose(file, "Choose file", "primary"), ...(this.capabilities.dicom ? [folder, choose(folder, "Choose DICOM folder", "")] : [])]),
    );
  }

  private fillOptions(): void {
    const { weights, profiles } = this.capabilities;
    const pick = (label: string, values: readonly string[]): [HTMLElement[], HTMLSelectElement] => {
      const select = make("select", { id: uniqueId("option") }, values.map((value) => make("option", { value }, [value])));
      return [[make("label", { for: select.id }, [label]), select], select];
    };
    const [weightParts, weight] = pick("Weights", weights.map(({ name }) => name));
    const [profileParts, profile] = pick("Profile", ["default", ...profiles.filter((name) => name !== "default")]);
    const tick = make("fieldset", { class: "classes" });
    const boxes = (): HTMLInputElement[] => [...tick.querySelectorAll<HTMLInputElement>("input")];
    const fill = (): void => {
      const structures = weights.find(({ name }) => name === weight.value)?.structures ?? [];
      tick.replaceChildren(make("legend", {}, ["Structures"]), ...structures.map(({ key, name }) => make("label", {}, [make("input", { type: "checkbox", value: key, checked: true }), name])));
    };
    weight.addEventListener("change", fill);
    fill();
    const invert = make("button", { type: "button", class: "small" }, ["Tick all or none"], {
      click: () => {
        const all = boxes().every(({ checked }) => checked);
        for (const box of boxes()) box.checked = !all;
      },
    });
    this.options.append(
      make("details", {}, [
        make("summary", {}, ["Options"]),
        make("div", { class: "option-grid" }, [...(weights.length > 1 ? weightParts : []), ...(profiles.length > 0 ? profileParts : [])]),
        invert,
        tick,
      ]),
    );
    this.chosen = () => {
      const ticked = boxes().filter(({ checked }) => checked).map(({ value }) => value);
      return {
        ...(weights.length > 0 ? { weights: weight.value } : {}),
        ...(profile.value !== "default" && profiles.length > 0 ? { profile: profile.value } : {}),
        ...(ticked.length < boxes().length && ticked.length > 0 ? { classes: ticked } : {}),
      };
    };
  }

  private async take(found: ReturnType<typeof dropped>): Promise<void> {
    if (this.running !== null) {
      this.notices.tell("One scan at a time: wait for this one, or cancel it.");
      return;
    }
    const scan = await this.notices.guard(found.then(scanOf));
    if (scan !== null) await this.run(scan);
  }

  private async run(scan: Scan): Promise<void> {
    const size = scan.files.reduce((sum, { file }) => sum + file.size, 0);
    const limit = this.capabilities.uploadBytes;
    if (limit !== null && size > limit) {
      this.notices.tell(`${scan.title} has ${bytes(size)}; at most ${bytes(limit)} are taken.`);
      return;
    }
    this.running = new AbortController();
    const onProgress = this.showWork(scan, size, this.running);
    const options = { ...this.chosen(), title: scan.title, chooseSeries: (series: readonly SeriesChoice[]) => this.ask(series) };
    const result = await this.backend.segment(scan.files, options, onProgress, this.running.signal).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "AbortError") this.notices.tell("Cancelled. What was sent has been deleted.");
      else this.notices.fail(error);
      return null;
    });
    this.running = null;
    this.work.hidden = true;
    this.zone.hidden = false;
    this.options.hidden = false;
    if (result !== null) {
      this.notices.announce("Segmentation finished.");
      this.onResult(result);
    } else await this.refresh();
  }

  /** Show the progress card; returns the listener that updates it. */
  private showWork(scan: Scan, size: number, controller: AbortController): (progress: Progress) => void {
    const bar = make("progress", { max: "1", "aria-label": "Progress" });
    const stage = make("p", { class: "work-stage" }, ["Sending"]);
    const detail = make("p", { class: "quiet" });
    const cancel = make("button", { type: "button" }, ["Cancel"], { click: () => controller.abort() });
    this.work.replaceChildren(
      make("h2", {}, [scan.title]),
      make("p", { class: "quiet" }, [`${scan.isDicom ? `${counted(scan.files.length, "DICOM file")}, ` : ""}${bytes(size)}`]),
      stage,
      bar,
      make("div", { class: "row spread" }, [detail, cancel]),
    );
    this.work.hidden = false;
    this.zone.hidden = true;
    this.options.hidden = true;
    cancel.focus();
    return this.teller(bar, stage, detail);
  }

  private teller(bar: HTMLProgressElement, stage: HTMLElement, detail: HTMLElement): (progress: Progress) => void {
    let [now, since, announced] = ["", performance.now(), -1];
    return ({ stage: name, done, total, position }) => {
      if (name !== now) [now, since, announced] = [name, performance.now(), -1];
      const words = STAGES[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
      const share = done === null || total === null || total === 0 ? null : done / total;
      stage.textContent = words;
      if (share === null) bar.removeAttribute("value");
      else bar.value = share;
      detail.textContent = share === null ? (position === undefined ? "" : `${counted(position, "job")} in the queue`) : `${Math.round(100 * share)} % ${remaining(performance.now() - since, share)}`.trim();
      if (announced < 0 || (share !== null && share - announced >= ANNOUNCED_SHARE)) {
        announced = share ?? 0;
        this.notices.announce(`${words} ${share === null ? "" : `${Math.round(100 * share)} percent`}`);
      }
    };
  }

  private ask(series: readonly SeriesChoice[]): Promise<string | null> {
    return new Promise((resolve) => {
      const dialog = make("dialog", { class: "card", "aria-label": "Which series?" });
      const close = (id: string | null): void => {
        dialog.remove();
        resolve(id);
      };
      dialog.addEventListener("cancel", () => close(null));
      dialog.append(
        make("h2", {}, ["Which series?"]),
        ...series.map(({ id, text }) => make("button", { type: "button", class: "series" }, [text], { click: () => close(id) })),
        make("button", { type: "button", class: "link" }, ["Cancel"], { click: () => close(null) }),
      );
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  private async remove(result: Result): Promise<void> {
    if (!(await confirmRemoval(result.title))) return;
    const removed = await this.notices.guard(result.remove());
    if (removed !== null) this.notices.tell(`Deleted ${counted(removed.names.length, "file")}, ${bytes(removed.bytes)}.`);
    await this.refresh();
  }
}

/** Ask before a scan is deleted. */
export function confirmRemoval(title: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = make("dialog", { class: "card", "aria-label": "Delete" });
    const close = (sure: boolean): void => {
      dialog.remove();
      resolve(sure);
    };
    dialog.addEventListener("cancel", () => close(false));
    dialog.append(
      make("h2", {}, [`Delete ${title}?`]),
      make("p", {}, ["The scan, its masks, measurements and corrections are deleted for good."]),
      make("div", { class: "row spread" }, [
        make("button", { type: "button", autofocus: true }, ["Keep"], { click: () => close(false) }),
        make("button", { type: "button", class: "danger" }, ["Delete"], { click: () => close(true) }),
      ]),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
