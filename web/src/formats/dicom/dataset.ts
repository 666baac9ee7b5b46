/**
 * Data elements of a DICOM data set (PS3.5, 7): where each value lies. Values are read when they are asked for, and end
 * where the file ends, whatever a header says.
 */

const UNDEFINED = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
export const PIXEL_DATA = 0x7fe00010;
/** Value representations whose length has four bytes, behind two that are reserved. */
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const DEEPEST = 32;

/** A header is damaged; its text holds no value of the header, which might identify the patient. */
export class DamagedHeaderError extends Error {}

export interface Syntax {
  readonly explicit: boolean;
  readonly little: boolean;
}

interface Element {
  /** Value representation; "" where the transfer syntax states none. */
  readonly vr: string;
  readonly at: number;
  /** Null if undefined: a sequence, or compressed pixels. */
  readonly length: number | null;
}

/** Part of a file; `end` is the position behind it. */
interface Part {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly syntax: Syntax;
}

export class DataSet {
  private constructor(
    private readonly part: Part,
    private readonly elements: ReadonlyMap<number, Element>,
    /** Where its elements end. */
    readonly end: number,
    /** Position of the value of the pixel data, and its length; null without any. */
    readonly pixels: { readonly at: number; readonly length: number | null } | null,
  ) {}

  /** Read elements from `at` on; up to the pixel data, or as long as `isWanted`. */
  static read(bytes: Uint8Array, at: number, syntax: Syntax, isWanted: (tag: number) => boolean = () => true): DataSet {
    const part = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), syntax };
    return scan(part, at, bytes.length, 0, isWanted, (elements, end, pixels) => new DataSet(part, elements, end, pixels));
  }

  has(tag: number): boolean {
    return this.elements.has(tag);
  }

  get little(): boolean {
    return this.part.syntax.little;
  }

  /** Value representation as stated; "" if none is. */
  vrOf(tag: number): string {
    return this.elements.get(tag)?.vr ?? "";
  }

  /** Value as text without padding; "" if missing. */
  text(tag: number, charset = "latin1"): string {
    const value = this.value(tag);
    return value === null ? "" : new TextDecoder(charset).decode(value).replace(/[\0 ]+$/, "").trimStart();
  }

  /** A binary value of `size` bytes; null if missing, as are values after the first. */
  whole(tag: number, size: 2 | 4, signed: boolean): number | null {
    const value = this.value(tag);
    if (value === null || value.length < size) return null;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    if (size === 2) return signed ? view.getInt16(0, this.little) : view.getUint16(0, this.little);
    return signed ? view.getInt32(0, this.little) : view.getUint32(0, this.little);
  }

  /** Binary floating-point values. */
  floats(tag: number, size: 4 | 8): number[] {
    const value = this.value(tag);
    if (value === null) return [];
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    return Array.from({ length: Math.floor(value.length / size) }, (_, n) => (size === 4 ? view.getFloat32(n * 4, this.little) : view.getFloat64(n * 8, this.little)));
  }

  /** Items of a sequence; none if it is missing or no sequence. */
  items(tag: number): DataSet[] {
    const element = this.elements.get(tag);
    if (element === undefined || !["SQ", "UN", ""].includes(element.vr)) return [];
    const { part } = this;
    // Sequences of unknown representation are stored implicitly (PS3.5, 6.2.2).
    const inner = element.vr === "UN" ? { ...part, syntax: { explicit: false, little: true } } : part;
    const found: DataSet[] = [];
    const end = element.length === null ? part.bytes.length : Math.min(part.bytes.length, element.at + element.length);
    eachItem(inner, element.at, end, 0, (at, stop) => scan(inner, at, stop, 1, () => true, (elements, behind, pixels) => {
      found.push(new DataSet(inner, elements, behind, pixels));
      return behind;
    }));
    return found;
  }

  /** Values of all elements that are sequences. */
  sequences(): DataSet[][] {
    return [...this.elements.keys()].map((tag) => this.items(tag)).filter((items) => items.length > 0);
  }

  private value(tag: number): Uint8Array | null {
    const element = this.elements.get(tag);
    if (element === undefined || element.length === null) return null;
    return this.part.bytes.subarray(element.at, element.at + element.length);
  }
}

type Found<T> = (elements: ReadonlyMap<number, Element>, end: number, pixels: { at: number; length: number | null } | null) => T;

function scan<T>(part: Part, from: number, end: number, depth: number, isWanted: (tag: number) => boolean, found: Found<T>): T {
  if (depth > DEEPEST) throw new DamagedHeaderError("sequences in sequences without end");
  const elements = new Map<number, Element>();
  let at = from;
  while (at + 8 <= end) {
    if (!isWanted(tagAt(part, at))) break;
    const { tag, vr, value, length } = head(part, at);
    if (tag === ITEM_END) return found(elements, at + 8, null);
    if (tag === PIXEL_DATA && depth === 0) return found(elements, at, { at: value, length });
    if (value > end) throw new DamagedHeaderError("the header ends too early");
    elements.set(tag, { vr, at: value, length });
    if (length === null) {
      const inner = vr === "UN" ? { ...part, syntax: { explicit: false, little: true } } : part;
      at = eachItem(inner, value, end, depth, (start, stop) => scan(inner, start, stop, depth + 1, () => true, (_, behind) => behind));
    } else {
      if (value + length > end) throw new DamagedHeaderError("the header ends too early");
      at = value + length;
    }
  }
  return found(elements, at, null);
}

/** Visit the items of a sequence; `visit` returns where an item ends. Returns where the sequence ends. */
function eachItem(part: Part, from: number, end: number, depth: number, visit: (start: number, stop: number) => number): number {
  if (depth > DEEPEST) throw new DamagedHeaderError("sequences in sequences without end");
  let at = from;
  while (at + 8 <= end) {
    const tag = tagAt(part, at);
    const length = part.view.getUint32(at + 4, part.syntax.little);
    if (tag === SEQUENCE_END) return at + 8;
    if (tag !== ITEM) throw new DamagedHeaderError("a sequence holds no item");
    const stop = length === UNDEFINED ? end : at + 8 + length;
    if (stop > end) throw new DamagedHeaderError("the header ends too early");
    const behind = visit(at + 8, stop);
    at = length === UNDEFINED ? behind : stop;
  }
  return at;
}

function head(part: Part, at: number): { tag: number; vr: string; value: number; length: number | null } {
  const { bytes, view, syntax } = part;
  const tag = tagAt(part, at);
  const isDelimiter = tag >>> 16 === 0xfffe;
  const vr = syntax.explicit && !isDelimiter ? String.fromCharCode(bytes[at + 4] as number, bytes[at + 5] as number) : "";
  let [value, length] = [at + 8, 0];
  if (vr === "") length = view.getUint32(at + 4, syntax.little);
  else if (!/^[A-Z]{2}$/.test(vr)) throw new DamagedHeaderError("an element has no value representation");
  else if (LONG.has(vr)) {
    value = at + 12;
    if (value > bytes.length) throw new DamagedHeaderError("the header ends too early");
    length = view.getUint32(at + 8, syntax.little);
  } else length = view.getUint16(at + 6, syntax.little);
  return { tag, vr, value, length: length === UNDEFINED ? null : length };
}

function tagAt({ view, syntax }: Part, at: number): number {
  return view.getUint16(at, syntax.little) * 0x10000 + view.getUint16(at + 2, syntax.little);
}
