/** Correcting one mask with brush and eraser; what is saved goes back as a new version beside the prediction. */
import type { Result } from "../backend.ts";
import { type VoxelBox, voxelMl } from "../geometry.ts";
import { maskOf, type Segmentation, withMask } from "../segmentation.ts";
import { iconButton, make, uniqueId } from "../ui/dom.ts";
import { ICONS } from "../ui/icons.ts";
import type { Notices } from "../ui/notices.ts";
import { counted } from "../ui/text.ts";
import type { Style } from "../view/mask_textures.ts";
import type { Planes, Spot } from "../view/planes.ts";
import { MaskEdit, sliceAxis } from "./brush.ts";

export interface EditActions {
  /** Editing began (a key) or ended (null). */
  editing(key: string | null): void;
  saved(segmentation: Segmentation, key: string, voxels: number): void;
}

const RADII_MM = [1, 60] as const;
const START_RADIUS_MM = 8;
const EDIT_FILL = 0.5;

export class Editor {
  readonly element = make("section", { class: "editor", "aria-label": "Correct a mask", hidden: true });
  private edit: MaskEdit | null = null;
  private key = "";
  private style: Style | null = null;
  private segmentation: Segmentation | null = null;
  private result: Result | null = null;
  private last: Spot | null = null;
  private erasing = false;
  private radiusMm = START_RADIUS_MM;
  private readonly title = make("h3", {});
  private readonly status = make("p", { class: "quiet", role: "status" });
  private readonly brush = make("button", { type: "button", "aria-pressed": "true" }, ["Brush"]);
  private readonly eraser = make("button", { type: "button", "aria-pressed": "false" }, ["Eraser"]);
  private readonly size = make("input", { type: "range", id: uniqueId("brush"), class: "slider", min: String(RADII_MM[0]), max: String(RADII_MM[1]), value: String(START_RADIUS_MM) });
  private readonly sizeText = make("output", {});
  private readonly save = make("button", { type: "button", class: "primary" }, ["Save as new version"]);

  constructor(
    private readonly planes: Planes,
    private readonly notices: Notices,
    private readonly actions: EditActions,
  ) {
    this.brush.addEventListener("click", () => this.setErasing(false));
    this.eraser.addEventListener("click", () => this.setErasing(true));
    this.size.addEventListener("input", () => this.setRadius(Number(this.size.value)));
    this.save.addEventListener("click", () => void this.keep());
    this.element.append(
      this.title,
      make("div", { class: "segmented", role: "group", "aria-label": "Tool" }, [this.brush, this.eraser]),
      make("div", { class: "opacity-row" }, [make("label", { for: this.size.id }, ["Radius"]), this.size, this.sizeText]),
      make("div", { class: "editor-buttons" }, [
        iconButton("Undo the last stroke", ICONS.undo, () => this.undo()),
        this.save,
        make("button", { type: "button" }, ["Discard"], { click: () => this.end() }),
      ]),
      this.status,
    );
    this.setRadius(START_RADIUS_MM);
  }

  get active(): boolean {
    return this.edit !== null;
  }

  /** Key of the structure in work; null if there is none. */
  get edited(): string | null {
    return this.edit === null ? null : this.key;
  }

  get radius(): number {
    return this.radiusMm;
  }

  begin(result: Result, segmentation: Segmentation, key: string, name: string, style: Style): void {
    this.end();
    const segment = segmentation.segments.find((one) => one.key === key);
    if (segment === undefined) return;
    Object.assign(this, { result, segmentation, key });
    this.style = { ...style, visible: true, opacity: EDIT_FILL };
    this.edit = new MaskEdit(segmentation.grid, maskOf(segmentation, segment));
    this.title.textContent = `Correct ${name}`;
    this.element.hidden = false;
    this.planes.setEdited(this.edit.mask, this.style);
    this.actions.editing(key);
    this.tell();
    this.brush.focus();
  }

  end(): void {
    if (this.edit === null) return;
    this.edit = null;
    this.element.hidden = true;
    if (this.style !== null) this.planes.setEdited(null, this.style);
    this.actions.editing(null);
  }

  down(event: PointerEvent): void {
    this.last = this.planes.pick(event.clientX, event.clientY);
    this.strokeTo(this.last, event);
  }

  move(event: PointerEvent): void {
    if (this.last !== null) this.strokeTo(this.planes.pick(event.clientX, event.clientY), event);
  }

  up(): void {
    this.last = null;
    this.edit?.endStroke();
    this.tell();
  }

  undo(): void {
    this.changed(this.edit?.undo() ?? null);
    this.tell();
  }

  setErasing(erasing: boolean): void {
    this.erasing = erasing;
    this.brush.setAttribute("aria-pressed", String(!erasing));
    this.eraser.setAttribute("aria-pressed", String(erasing));
  }

  setRadius(mm: number): void {
    this.radiusMm = Math.min(RADII_MM[1], Math.max(RADII_MM[0], mm));
    this.size.value = String(this.radiusMm);
    this.sizeText.textContent = `${this.radiusMm} mm`;
  }

  toggle(): void {
    this.setErasing(!this.erasing);
  }

  private strokeTo(spot: Spot | null, event: PointerEvent): void {
    const { edit, last, segmentation } = this;
    if (spot === null || last === null || edit === null || segmentation === null || spot.plane !== last.plane) return;
    const axis = sliceAxis(segmentation.grid, spot.plane);
    // With the right button or shift, the other tool.
    const erase = this.erasing !== (event.shiftKey || (event.buttons & 2) !== 0);
    this.changed(edit.paint(last.voxel, spot.voxel, axis, this.radiusMm, erase ? 0 : 1));
    this.last = spot;
  }

  private changed(box: VoxelBox | null): void {
    if (box !== null && this.edit !== null) this.planes.setEditedBox(this.edit.mask, box);
  }

  private tell(): void {
    if (this.edit === null || this.segmentation === null) return;
    const ml = this.edit.changed * voxelMl(this.segmentation.grid.affine);
    this.status.textContent = this.edit.changed === 0 ? "Paint on a slice. Shift or the right button erases." : `${counted(this.edit.changed, "voxel")} changed (${ml.toFixed(1)} ml)`;
    this.save.disabled = this.edit.changed === 0;
  }

  private async keep(): Promise<void> {
    const { edit, result, segmentation, key } = this;
    if (edit === null || segmentation === null || result?.correct == null) return;
    this.save.disabled = true;
    this.save.textContent = "Saving…";
    const kept = await this.notices.guard(result.correct(key, edit.mask, segmentation));
    this.save.textContent = "Save as new version";
    this.save.disabled = false;
    if (kept === null) return;
    const voxels = edit.mask.reduce((sum, voxel) => sum + voxel, 0);
    const changed = withMask(segmentation, key, edit.mask);
    this.end();
    this.actions.saved(changed, key, voxels);
    this.notices.tell(`Version ${kept.version} saved: ${counted(kept.voxelsChanged, "voxel")} changed. The prediction is kept beside it.`);
  }
}
