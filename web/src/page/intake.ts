/** What the user drops or picks, as the files of one scan. */
import { BackendError } from "../backend.ts";
import { endOf } from "../formats/endings.ts";

/** Files that lie beside images in folders of DICOM and are none. */
const BESIDE = /(^|\/)(\.|dicomdir$|thumbs\.db$|.*\.(txt|xml|json|csv|pdf|html?|jpe?g|png|gif|bmp|exe|dll|inf|ini|md)$)/i;
const MAGIC_AT = 128;

export interface Scan {
  readonly files: readonly File[];
  /** What the user knows it by; shown on this page and sent nowhere. */
  readonly title: string;
  readonly isDicom: boolean;
}

interface Named {
  readonly file: File;
  /** Path in what was dropped. */
  readonly path: string;
}

/** Files and folders of a drop, folders read to the end. */
export async function dropped(transfer: DataTransfer): Promise<Named[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, path: file.name }));
  return (await Promise.all(entries.map((entry) => walk(entry, "")))).flat();
}

/** Files of an input element, with their paths where a folder was picked. */
export function picked(files: FileList): Named[] {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath === "" ? file.name : file.webkitRelativePath }));
}

/** One scan from what was dropped or picked. Throws a BackendError that says what to do otherwise. */
export async function scanOf(found: readonly Named[]): Promise<Scan> {
  const images = found.filter(({ path }) => endOf(path) !== null);
  if (images.length === 1) return { files: [(images[0] as Named).file], title: baseName((images[0] as Named).path), isDicom: false };
  if (images.length > 1)
    throw new BackendError(`${images.length} images were given`, "Give one scan at a time.", "several");
  if (found.some(({ path }) => /\.(mhd|nhdr)$/i.test(path)))
    throw new BackendError("the image is in two files", "Convert it to one file (.mha or .nrrd).", "detached");
  const dicom = await dicomFiles(found.filter(({ path }) => !BESIDE.test(path)));
  if (dicom.length === 0)
    throw new BackendError("no CT was found in what was given", "Give a NIfTI, NRRD or MetaImage file, a zip file, or a folder of DICOM files.", "no_image");
  const folder = (dicom[0] as Named).path.split("/").slice(0, -1)[0];
  return { files: dicom.map(({ file }) => file), title: folder ?? `${dicom.length} DICOM files`, isDicom: true };
}

async function dicomFiles(files: readonly Named[]): Promise<Named[]> {
  const kept = await Promise.all(files.map(async (named) => ((await isDicom(named.file)) ? named : null)));
  return kept.filter((named) => named !== null);
}

async function isDicom(file: File): Promise<boolean> {
  if (/\.(dcm|dicom|ima)$/i.test(file.name)) return true;
  const head = new Uint8Array(await file.slice(MAGIC_AT, MAGIC_AT + 4).arrayBuffer());
  return String.fromCharCode(...head) === "DICM";
}

async function walk(entry: FileSystemEntry, folder: string): Promise<Named[]> {
  const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, path }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inside: Named[] = [];
  for (;;) {
    // Browsers answer at most 100 entries at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return inside;
    for (const one of some) inside.push(...(await walk(one, path)));
  }
}

function baseName(path: string): string {
  return path.split("/").pop() ?? path;
}
