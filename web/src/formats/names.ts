/** What the names of files tell. */

/** Endings of images that are one file; the longest fits first. */
const IMAGE_ENDS = [".nii.gz", ".nii", ".nrrd", ".mha", ".zip"] as const;

/** The ending of an image that is one file; null for anything else. */
export function endOf(path: string): string | null {
  return IMAGE_ENDS.find((end) => path.toLowerCase().endsWith(end)) ?? null;
}

/** Common part of the file names in a series, with decimal and hexadecimal numbers removed. */
export function pattern(path: string): string {
  return (path.split("/").at(-1) as string).toLowerCase().replace(/[0-9a-f]*[0-9][0-9a-f]*/g, "#");
}
