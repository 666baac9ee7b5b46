/** Endings of images that are one file; the longest fits first. */
const IMAGE_ENDS = [".nii.gz", ".nii", ".nrrd", ".mha", ".zip"] as const;

/** The ending of an image that is one file; null for anything else. */
export function endOf(path: string): string | null {
  return IMAGE_ENDS.find((end) => path.toLowerCase().endsWith(end)) ?? null;
}
