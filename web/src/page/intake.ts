/** What the user drops or picks, as the files of one scan. */
import { BackendError, type ScanFile } from "../backend.ts";
import { HEAD, looksLikeDicom } from "../formats/dicom/header.ts";
import { endOf, pattern } from "../formats/names.ts";

/** Files that lie beside images in folders of DICOM and are none. */
const BESIDE = /(^|\/)(\.|dicomdir$|thumbs\.db$|.*\.(txt|xml|json|csv|pdf|html?|jpe?g|png|gif|bmp|exe|dll|inf|ini|md)$)/i;

export interface Scan {
  readonly files: readonly ScanFile[];
  /** What the user knows it by; shown on this page and sent nowhere. */
  readonly title: string;
  readonly isDicom: boolean;
}

/** Files and folders of a drop, folders read to the end. */
export async function dropped(transfer: DataTransfer): Promise<ScanFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, path: file.name }));
  return (await Promise.all(entries.map((entry) => walk(entry, "")))).flat();
}

/** Files of an input element, with their paths where a folder was picked. */
export function picked(files: FileList): ScanFile[] {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath === "" ? file.name : file.webkitRelativePath }));
}

/** One scan from what was dropped or picked. Throws a BackendError that says what to do otherwise. */
export async function scanOf(found: readonly ScanFile[]): Promise<Scan> {
  const images = found.filter(({ path }) => endOf(path) !== null);
  if (images.length === 1) return { files: [images[0] as ScanFile], title: baseName((images[0] as ScanFile).path), isDicom: false };
  if (images.length > 1)
    throw new BackendError(`${images.length} images were given`, "Give one scan at a time.", "several");
  if (found.some(({ path }) => /\.(mhd|nhdr)$/i.test(path)))
    throw new BackendError("the image is in two files", "Convert it to one file (.mha or .nrrd).", "detached");
  const dicom = await dicomFiles(found.filter(({ path }) => !BESIDE.test(path)));
  if (dicom.length === 0)
    throw new BackendError("no CT was found in what was given", "Give a NIfTI, NRRD or MetaImage file, a zip file, or a folder of DICOM files.", "no_image");
  const folder = (dicom[0] as ScanFile).path.split("/").slice(0, -1)[0];
  return { files: dicom, title: folder ?? `${dicom.length} DICOM files`, isDicom: true };
}

/** DICOM files, and those that are called like them: what was damaged has to be noticed. */
async function dicomFiles(files: readonly ScanFile[]): Promise<ScanFile[]> {
  const dicom = new Set((await Promise.all(files.map(async (one) => ((await isDicom(one.file)) ? [one] : [])))).flat());
  const patterns = new Set([...dicom].map(({ path }) => pattern(path)));
  return files.filter((one) => dicom.has(one) || patterns.has(pattern(one.path)));
}

async function isDicom(file: File): Promise<boolean> {
  if (/\.(dcm|dicom|ima)$/i.test(file.name)) return true;
  return looksLikeDicom(new Uint8Array(await file.slice(0, HEAD).arrayBuffer()));
}

async function walk(entry: FileSystemEntry, folder: string): Promise<ScanFile[]> {
  const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, path }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inside: ScanFile[] = [];
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
