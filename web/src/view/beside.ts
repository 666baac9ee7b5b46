/** A second scan beside the first one: axial slices that follow its position. */
import type { Result } from "../backend.ts";
import type { Vec3 } from "../geometry.ts";
import { make, makeSvg } from "../ui/dom.ts";
import type { Notices } from "../ui/notices.ts";
import { Marks } from "./marks.ts";
import type { Style } from "./mask_textures.ts";
import { Planes } from "./planes.ts";
import type { Window } from "./presets.ts";
import type { Stage } from "./stage.ts";

export class Beside {
  private box: HTMLElement | null = null;
  private planes: Planes | null = null;
  private motion: (world: Vec3) => Vec3 = (world) => world;

  constructor(
    private readonly stage: Stage,
    private readonly notices: Notices,
    private readonly onLayout: (layout: "axial" | "all") => void,
  ) {}

  async show(result: Result, motion: (world: Vec3) => Vec3, window: Window, styles: ReadonlyMap<string, Style>): Promise<void> {
    this.hide();
    const canvas = make("canvas", { role: "img", "aria-label": `Axial slices of ${result.title}` });
    const svg = makeSvg("svg", { class: "marks", "aria-hidden": "true" });
    this.box = make("div", { class: "beside" }, [make("div", { class: "planes" }, [canvas]), svg, make("p", { class: "beside-title" }, [`Before: ${result.title}`])]);
    this.stage.element.parentElement?.append(this.box);
    this.onLayout("axial");
    this.motion = motion;
    const planes = new Planes(canvas);
    const marks = new Marks(svg, planes);
    planes.onDraw = () => marks.draw();
    await planes.attach();
    const [ct, segmentation] = await Promise.all([result.ct(), result.segmentation()]);
    await planes.load(ct, window);
    planes.setLayout("axial");
    planes.setMasks(segmentation);
    planes.setStyles(styles);
    this.planes = planes;
    this.stage.planes.resize();
    this.notices.announce("The earlier scan is shown beside this one.");
  }

  hide(): void {
    if (this.box === null) return;
    this.box.remove();
    this.box = null;
    this.planes = null;
    this.onLayout("all");
  }

  follow(world: Vec3): void {
    this.planes?.goTo(this.motion(world));
  }

  setStyles(styles: ReadonlyMap<string, Style>): void {
    this.planes?.setStyles(styles);
  }

  setWindow(window: Window): void {
    this.planes?.setWindow(window);
  }
}
