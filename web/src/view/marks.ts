/** What is drawn above the slices (SVG): the position, which side is which, diameters of lesions, measurements. */
import { distance, type Vec3 } from "../geometry.ts";
import { makeSvg } from "../ui/dom.ts";
import type { Plane, Planes } from "./planes.ts";

export interface Mark {
  readonly ends: readonly [Vec3, Vec3];
  /** Planes that the line may be drawn on. */
  readonly planes: readonly Plane[];
  readonly label: string;
  readonly kind: "longest" | "perpendicular" | "measure";
}

/** A mark is drawn on slices whose centre is at most this many slices away. */
const NEAR_SLICES = 0.75;
const LABEL_GAP_PX = 8;
const LABEL_BELOW_PX = 16;
/** The lines of the position leave this much free around it. */
const CROSS_GAP_PX = 10;
const LETTER_INSET_PX = 14;
/** A step towards the patient's right, front and head, and the letters of both directions. */
const DIRECTIONS: readonly (readonly [Vec3, string, string])[] = [[[1, 0, 0], "R", "L"], [[0, 1, 0], "A", "P"], [[0, 0, 1], "S", "I"]];

type Tile = ReturnType<Planes["tiles"]>[number];
/** A direction that moves less on the screen (per mm) points into it. */
const SHORTEST_PX = 0.25;

export class Marks {
  private marks: readonly Mark[] = [];
  private pending: Mark | null = null;
  private crosshair = true;

  constructor(
    private readonly svg: SVGElement,
    private readonly planes: Planes,
  ) {}

  set(marks: readonly Mark[]): void {
    this.marks = marks;
    this.draw();
  }

  /** A line that is being drawn. */
  setPending(mark: Mark | null): void {
    this.pending = mark;
    this.draw();
  }

  showCrosshair(shown: boolean): void {
    this.crosshair = shown;
    this.draw();
  }

  draw(): void {
    const shown = this.pending === null ? this.marks : [...this.marks, this.pending];
    const frames = this.planes.tiles().flatMap((tile) => [...(this.crosshair ? this.cross(tile) : []), ...this.letters(tile)]);
    this.svg.replaceChildren(...frames, ...shown.flatMap((mark) => mark.planes.flatMap((plane) => this.line(mark, plane))));
  }

  private cross({ plane, x, y, width, height }: Tile): SVGElement[] {
    const at = this.planes.project(this.planes.position(), plane);
    if (at === null) return [];
    const lines = [
      [x, at.y, at.x - CROSS_GAP_PX, at.y],
      [at.x + CROSS_GAP_PX, at.y, x + width, at.y],
      [at.x, y, at.x, at.y - CROSS_GAP_PX],
      [at.x, at.y + CROSS_GAP_PX, at.x, y + height],
    ] as const;
    return lines.filter(([x1, y1, x2, y2]) => x2 > x1 || y2 > y1).map(([x1, y1, x2, y2]) => makeSvg("line", { x1, y1, x2, y2, class: "cross" }));
  }

  /** Letters at the edges, found from where the patient's directions point on the screen: they cannot disagree with the picture. */
  private letters({ plane, x, y, width, height }: Tile): SVGElement[] {
    const here = this.planes.position();
    const from = this.planes.project(here, plane);
    return DIRECTIONS.flatMap(([step, plus, minus]) => {
      const to = this.planes.project(here.map((at, axis) => at + (step[axis] as number)) as Vec3, plane);
      if (from === null || to === null) return [];
      const [dx, dy] = [to.x - from.x, to.y - from.y];
      const length = Math.hypot(dx, dy);
      const across = Math.abs(dx) > Math.abs(dy);
      if (length < SHORTEST_PX) return [];
      return ([[1, plus], [-1, minus]] as const).map(([sign, letter]) => {
        const towards = sign * (across ? dx : dy) > 0;
        const edge = across ? { x: towards ? x + width - LETTER_INSET_PX : x + LETTER_INSET_PX, y: y + height / 2 } : { x: x + width / 2, y: towards ? y + height - LETTER_INSET_PX : y + LETTER_INSET_PX };
        return makeSvg("text", { ...edge, class: "letter", "data-plane": plane }, letter);
      });
    });
  }

  private line(mark: Mark, plane: Plane): SVGElement[] {
    const away = Math.max(...mark.ends.map((end) => this.planes.slicesAway(end, plane)));
    if (away > NEAR_SLICES) return [];
    const [from, to] = mark.ends.map((end) => this.planes.project(end, plane));
    if (from == null || to == null) return [];
    const at = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
    const right = from.x > to.x ? from : to;
    const low = from.y > to.y ? from : to;
    // The two diameters of a lesion cross: their labels lie beside and below them.
    const label = mark.kind === "perpendicular" ? { x: low.x + LABEL_GAP_PX, y: low.y + LABEL_BELOW_PX } : { x: right.x + LABEL_GAP_PX, y: right.y + 4 };
    return [
      makeSvg("line", { ...at, class: "mark-halo" }),
      makeSvg("line", { ...at, class: `mark mark-${mark.kind}` }),
      ...[from, to].map(({ x, y }) => makeSvg("circle", { cx: x, cy: y, r: 3, class: `mark-end mark-${mark.kind}` })),
      makeSvg("text", { ...label, class: "mark-label" }, mark.label),
    ];
  }
}

export function millimetres(ends: readonly [Vec3, Vec3]): string {
  return `${distance(...ends).toFixed(1)} mm`;
}
