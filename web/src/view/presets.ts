/** Window presets: centre and width in HU. */

export interface Window {
  readonly centre: number;
  readonly width: number;
}

export const WINDOWS: readonly (Window & { readonly name: string })[] = [
  { name: "Soft tissue", centre: 50, width: 400 },
  { name: "Liver", centre: 90, width: 150 },
  { name: "Lung", centre: -600, width: 1500 },
  { name: "Mediastinum", centre: 40, width: 350 },
  { name: "Bone", centre: 400, width: 1800 },
  { name: "Angiography", centre: 250, width: 700 },
  { name: "Brain", centre: 40, width: 80 },
];

/** The preset with these values, if there is one. */
export function presetOf(window: Window): string | null {
  return WINDOWS.find(({ centre, width }) => centre === window.centre && width === window.width)?.name ?? null;
}
