/** The CT in what the user gave: a NIfTI file, DICOM files, or a zip file of either. */
import type { ScanFile } from "../backend.ts";
import type { Choose } from "../formats/dicom/choice.ts";
import { HEAD, looksLikeDicom } from "../formats/dicom/header.ts";
import { readSeries } from "../formats/dicom/series.ts";
import { endOf } from "../formats/names.ts";
import { readNifti } from "../formats/nifti.ts";
import { encodeNifti } from "../formats/nifti_write.ts";
import { type Source, sourceOf } from "../formats/source.ts";
import { isZip, zipEntries } from "../formats/zip.ts";
import { ImageError, type Volume } from "../volume.ts";

export interface Input {
  readonly ct: Volume;
  /** The CT as one NIfTI file. */
  readonly file: () => Uint8Array<ArrayBuffer>;
  readonly warnings: readonly string[];
}

/** Throws an ImageError for what cannot be segmented, with the reason and a remedy. */
export async function readInput(files: readonly ScanFile[], choose: Choose, onFile: (done: number, total: number) => void): Promise<Input> {
  const [first] = files;
  if (first === undefined) throw new ImageError("no file was given");
  if (files.length > 1) return dicom(files.map(({ file, path }) => sourceOf(path, file)), true, choose, onFile);
  const head = new Uint8Array(await first.file.slice(0, HEAD).arrayBuffer());
  const source = sourceOf(first.path, first.file);
  if (looksLikeDicom(head)) return dicom([source], false, choose, onFile);
  if (!isZip(head)) return nifti(source);
  const entries = await zipEntries(first.file);
  const images = entries.filter(({ path }) => endOf(path)?.startsWith(".nii"));
  if (images.length > 1) throw new ImageError(`${images.length} images were given`, "give one scan at a time");
  return images.length === 1 ? nifti(images[0] as Source) : dicom(entries, true, choose, onFile);
}

async function nifti(source: Source): Promise<Input> {
  const file = await source.bytes();
  // The reader may hand out views of the file, which is given away when the masks are shown.
  return { ct: await readNifti(file.slice()), file: () => file, warnings: [] };
}

async function dicom(sources: readonly Source[], isFolder: boolean, choose: Choose, onFile: (done: number, total: number) => void): Promise<Input> {
  const { volume, warnings } = await readSeries(sources, isFolder, choose, (done) => onFile(done, sources.length));
  return { ct: volume, file: () => encodeNifti(volume.grid, volume.voxels), warnings };
}
