/** The files of a result, to save. */
import type { Download, Result } from "../backend.ts";
import { icon, make } from "../ui/dom.ts";
import { ICONS } from "../ui/icons.ts";
import type { Notices } from "../ui/notices.ts";
import { bytes } from "../ui/text.ts";

/** What is in a file, by the end of its name; the first that fits. */
const KINDS: readonly (readonly [string, string])[] = [
  [".seg.nrrd", "All masks, overlapping, for 3D Slicer"],
  ["segmentation.nii.gz", "Label map, one label per voxel"],
  ["segmentation.dcm", "DICOM segmentation for a PACS"],
  ["rtstruct.dcm", "RT structure set"],
  ["report.html", "Report to read in a browser"],
  ["preview.png", "Picture of three planes"],
  ["measurements.json", "All measurements"],
  ["lesions.csv", "Lesions as a table"],
  ["lesions.json", "Lesions"],
  ["manifest.json", "How the result was made"],
  [".nii.gz", "NIfTI file"],
  [".glb", "Surfaces"],
  [".stl", "Surfaces"],
  [".dcm", "DICOM object"],
  [".csv", "Table"],
  [".json", "JSON document"],
];

export class Downloads {
  readonly element = make("section", { class: "downloads", "aria-label": "Files" });

  constructor(private readonly notices: Notices) {}

  async set(result: Result): Promise<void> {
    const files = await result.downloads();
    const list = files.length === 0 ? make("p", { class: "empty" }, ["No file to save."]) : make("ul", {}, files.map((file) => make("li", {}, [this.button(file)])));
    this.element.replaceChildren(list);
  }

  private button(file: Download): HTMLElement {
    const kind = KINDS.find(([end]) => file.name.endsWith(end))?.[1] ?? "";
    return make("button", { type: "button", class: "download", "data-file": file.name }, [
      icon(ICONS.download),
      make("span", { class: "download-name" }, [file.name, make("small", {}, [kind])]),
      make("span", { class: "amount" }, [bytes(file.bytes)]),
    ], { click: () => void this.notices.guard(save(file)) });
  }
}

async function save(file: Download): Promise<void> {
  const address = URL.createObjectURL(await file.open());
  const link = make("a", { href: address, download: file.name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
