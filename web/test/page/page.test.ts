import { expect, test } from "vitest";
import type { FollowUp } from "../../src/documents.ts";
import { scanOf } from "../../src/page/intake.ts";
import { motionOf } from "../../src/panels/compare.ts";
import { faultOf } from "../../src/service/api.ts";
import { bytes, counted, remaining, rounded, signed } from "../../src/ui/text.ts";
import { presetOf } from "../../src/view/presets.ts";

function named(path: string, content: string | Uint8Array<ArrayBuffer> = "x"): { file: File; path: string } {
  return { file: new File([content], path.split("/").pop() ?? path), path };
}

const DICOM = Uint8Array.from([...new Array<number>(128).fill(0), ...new TextEncoder().encode("DICM")]);

test("numbers are written with three digits", () => {
  expect([0, 0.0123, 0.822, 8.84, 16.31, 260.6, 1774.3, 12345].map(rounded)).toEqual(["0.0", "0.012", "0.822", "8.84", "16.3", "261", "1,770", "12,300"]);
  expect([bytes(1), bytes(999), bytes(3_060_000), bytes(4e9)]).toEqual(["1 byte", "999 bytes", "3.06 MB", "4.0 GB"]);
  expect([signed(12.34), signed(-3)]).toEqual(["+12.3", "-3.0"]);
  expect([counted(1, "file"), counted(1200, "file")]).toEqual(["1 file", "1,200 files"]);
  expect([remaining(60_000, 0.5), remaining(600_000, 0.5), remaining(100, 0.5), remaining(60_000, 0)]).toEqual(["about 60 s left", "about 10 min left", "", ""]);
});

test("one image, or the DICOM files of a folder without what lies beside them", async () => {
  expect(await scanOf([named("a/ct.nii.gz"), named("a/readme.txt")])).toMatchObject({ title: "ct.nii.gz", isDicom: false });
  const scan = await scanOf([named("study/1/IM0001", DICOM), named("study/1/IM0002", DICOM), named("study/1/.DS_Store"), named("study/1/DICOMDIR", DICOM), named("study/1/x.bin")]);
  expect([scan.files.map(({ file }) => file.name), scan.title, scan.isDicom]).toEqual([["IM0001", "IM0002"], "study", true]);
});

test("a damaged slice is given with its series, so that it is noticed", async () => {
  const scan = await scanOf([named("1/IM0001", DICOM), named("1/IM0002", DICOM), named("1/IM0003", new Uint8Array(300)), named("1/other", new Uint8Array(300))]);
  expect(scan.files.map(({ path }) => path)).toEqual(["1/IM0001", "1/IM0002", "1/IM0003"]);
});

test.each([
  ["one scan at a time", [named("a.nii.gz"), named("b.nii.gz")]],
  ["no CT was found", [named("a.txt"), named("b")]],
  ["in two files", [named("a.mhd"), named("a.raw")]],
])("%s", async (words, files) => {
  await expect(scanOf(files)).rejects.toSatisfy((error) => `${(error as Error).message} ${(error as { remedy?: string }).remedy}`.toLowerCase().includes(words.toLowerCase()));
});

test("a fault is told in the service's words, a proxy's page as its status", () => {
  const told = faultOf('{"error": "too_large", "file": "scan.nii.gz", "reason": "9 GB", "remedy": "crop it"}', 413);
  expect([told.message, told.remedy, told.code, told.file]).toEqual(["9 GB", "crop it", "too_large", "scan.nii.gz"]);
  expect(faultOf("<html>Bad gateway</html>", 502).message).toContain("502");
});

test("positions of the later scan are mapped to the earlier one", () => {
  const alignment = { linear: [[0, -1, 0], [1, 0, 0], [0, 0, 1]], shift_mm: [10, 20, 30] };
  expect(motionOf({ alignment } as unknown as FollowUp)([1, 2, 3])).toEqual([8, 21, 33]);
});

test("window presets have their names", () => {
  expect([presetOf({ centre: -600, width: 1500 }), presetOf({ centre: 1, width: 2 })]).toEqual(["Lung", null]);
});
