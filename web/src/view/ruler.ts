/** The ruler: press, drag, let go; lines stay until they are cleared. */
import { distance, type Vec3 } from "../geometry.ts";
import { type Mark, type Marks, millimetres } from "./marks.ts";
import type { Planes, Spot } from "./planes.ts";

/** Shorter lines are taken for a slip of the hand. */
const SHORTEST_MM = 1;

export class Ruler {
  private start: Spot | null = null;
  private readonly done: Mark[] = [];

  constructor(
    private readonly planes: Planes,
    private readonly marks: Marks,
    /** Told the whole list, newest last. */
    private readonly onChange: (lines: readonly Mark[]) => void,
  ) {}

  down(event: PointerEvent): void {
    this.start = this.planes.pick(event.clientX, event.clientY);
  }

  move(event: PointerEvent): void {
    const mark = this.lineTo(event);
    if (mark !== null) this.marks.setPending(mark);
  }

  up(event: PointerEvent): void {
    const mark = this.lineTo(event);
    this.cancel();
    if (mark === null || distance(...mark.ends) < SHORTEST_MM) return;
    this.done.push(mark);
    this.onChange(this.done);
  }

  cancel(): void {
    this.start = null;
    this.marks.setPending(null);
  }

  clear(): void {
    this.done.length = 0;
    this.onChange(this.done);
  }

  private lineTo(event: PointerEvent): Mark | null {
    const end = this.planes.pick(event.clientX, event.clientY);
    if (this.start === null || end === null || end.plane !== this.start.plane) return null;
    const ends: [Vec3, Vec3] = [this.start.world, end.world];
    return { ends, planes: [end.plane], label: millimetres(ends), kind: "measure" };
  }
}
