/** Elements without `innerHTML`: text always goes through `textContent`. */

type Attributes = Readonly<Record<string, string | boolean>>;
type Handlers = { readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

/** Make an element. A boolean attribute is present or absent. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  children: readonly (Node | string)[] = [],
  handlers: Handlers = {},
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "string") element.setAttribute(name, value);
    else element.toggleAttribute(name, value);
  }
  element.append(...children);
  for (const [name, handler] of Object.entries(handlers)) element.addEventListener(name, handler as EventListener);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function makeSvg(tag: string, attributes: Readonly<Record<string, string | number>> = {}, text = ""): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== "") element.textContent = text;
  return element;
}

/** An icon of 24 x 24 from path data; invisible to screen readers. */
export function icon(path: string): SVGElement {
  const svg = makeSvg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" });
  svg.append(makeSvg("path", { d: path }));
  return svg;
}

/** A button with an icon, whose name is read by screen readers and shown as a tooltip. */
export function iconButton(name: string, path: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return make("button", { type: "button", class: "icon-button", "aria-label": name, title: name, ...attributes }, [icon(path)], { click: onClick });
}

let lastId = 0;

/** An id that no other element has. */
export function uniqueId(prefix: string): string {
  lastId += 1;
  return `${prefix}-${lastId}`;
}
