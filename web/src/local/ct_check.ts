/** Whether an image can be a CT in HU, and its repair; mirrors `omentum.io.sanity`, with the doubts that need no statistics. */
import { ImageError, PADDING_HU, type Volume } from "../volume.ts";

/** Beyond any CT number that a 16-bit scanner can store. */
const LARGEST_HU = 32767;
/** One number beyond all CT numbers in more of the voxels than this is padding around the field of view. */
const PADDING_SHARE = 0.001;
/** Every CT with some air or lung in view has voxels darker than fat. */
const FAT_HU = -200;
/** A crop without fat varies no more, and no more of it sits at its lowest value. */
const CROP_SD_HU = 70;
const CROP_PILE = 0.05;
const NOT_HU = "convert the CT from DICOM again, or check it with omentum doctor";

/** The CT with voxels that are no numbers replaced by air and impossible HU clipped. */
export function checkCt(ct: Volume): Volume {
  const { low, high, bad } = range(ct);
  if (low > high) throw new ImageError("no voxel is a finite number");
  if (low === high && low >= FAT_HU) throw new ImageError(`every voxel is ${low}: there is no image in it`, "export it again");
  if (low >= 0 && high <= 1) throw new ImageError("values lie in 0 to 1, expected HU (-1024 for air)", NOT_HU);
  if (low >= 0 && high <= 255 && !isCrop(ct, low)) throw new ImageError("values are 0 to 255: a picture or a label map, not HU", NOT_HU);
  return bad || low < -LARGEST_HU || high > LARGEST_HU ? mended(ct) : ct;
}

function range({ voxels }: Volume): { low: number; high: number; bad: boolean } {
  let [low, high, bad] = [Infinity, -Infinity, false];
  for (let n = 0; n < voxels.length; n++) {
    const value = voxels[n] as number;
    if (!Number.isFinite(value)) bad = true;
    else {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, high, bad };
}

/** Whether values without air or fat are those of soft tissue in a crop of a CT. */
function isCrop({ voxels }: Volume, low: number): boolean {
  let [sum, squares, lowest, count] = [0, 0, 0, 0];
  for (let n = 0; n < voxels.length; n++) {
    const value = voxels[n] as number;
    if (!Number.isFinite(value)) continue;
    count++;
    sum += value;
    squares += value * value;
    if (value === low) lowest++;
  }
  const sd = Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  return sd <= CROP_SD_HU && lowest <= CROP_PILE * count;
}

function mended(ct: Volume): Volume {
  const padding = paddingValue(ct);
  const voxels = ct.voxels.slice();
  for (let n = 0; n < voxels.length; n++) {
    const value = voxels[n] as number;
    const hu = Number.isFinite(value) && value !== padding ? value : PADDING_HU;
    voxels[n] = Math.min(Math.max(hu, -LARGEST_HU), LARGEST_HU);
  }
  return { grid: ct.grid, voxels };
}

/** The value beyond all HU that marks voxels outside the field of view, if there is one. */
function paddingValue({ voxels }: Volume): number | null {
  const counts = new Map<number, number>();
  let beyond = 0;
  for (let n = 0; n < voxels.length; n++) {
    const value = voxels[n] as number;
    if (!Number.isFinite(value) || Math.abs(value) <= LARGEST_HU) continue;
    beyond++;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const [value, count] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [null, 0];
  return count < Math.max(PADDING_SHARE * voxels.length, beyond / 2) ? null : value;
}
