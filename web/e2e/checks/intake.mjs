/** From the first view to masks: refusals, cancelling, dropping. */
import assert from "node:assert/strict";
import { drop, firstContentfulPaint, masksShown, secondsSince, shot } from "../chromium.mjs";
import { axe } from "./accessibility.mjs";

/** Longest diameter of the lesion that is told of. */
export const LESION_MM = 20;

/** Returns the seconds to the first paint. */
export async function firstView(page) {
  await page.getByText("Drop a CT here").waitFor();
  const painted = await firstContentfulPaint(page);
  assert.ok(painted > 0);
  await axe(page);
  await shot(page, "start");
  return painted;
}

/** A service that has a token shows nothing without it. Returns when the page is open. */
export async function loggedIn(page, token) {
  const field = page.getByLabel("Access token");
  await field.fill("another-token-that-is-wrong");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alert").getByText(/token/).waitFor();
  await axe(page);
  await shot(page, "login");
  await field.fill(token);
  await field.press("Enter");
  await page.getByText("Drop a CT here").waitFor();
}

/** A folder of DICOM: what is beside the images is left out, and of two series one is chosen. */
export async function segmentedSeries(page, { study, slices }) {
  await page.setInputFiles("[data-pick=folder]", study);
  const dialog = page.getByRole("dialog", { name: "Which series?" });
  await dialog.waitFor();
  await page.getByText(`${slices} DICOM files`).first().waitFor({ state: "attached" });
  await axe(page);
  await shot(page, "series");
  assert.equal(await dialog.locator(".series").count(), 2);
  await dialog.locator(".series").first().click();
  await masksShown(page);
  await page.getByText("study").first().waitFor();
}

export async function refused(page) {
  await page.setInputFiles("[data-pick=file]", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no CT") });
  await page.getByRole("alert").getByText("no CT was found").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
}

export async function cancelled(page, ct) {
  await page.setInputFiles("[data-pick=file]", ct);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled. What was sent has been deleted.").first().waitFor();
  await page.getByText("Drop a CT here").waitFor();
  assert.deepEqual(await page.evaluate(async () => (await fetch("jobs")).json()), [], "no job stays behind");
}

/** Returns the seconds from the drop to the masks. */
export async function segmented(page, ct) {
  await withLesion(page);
  await page.getByText("Options").click();
  await page.getByLabel("Profile").selectOption("fast");
  const from = performance.now();
  await drop(page, ct);
  await page.getByRole("progressbar").waitFor();
  await shot(page, "progress");
  await masksShown(page);
  const waited = secondsSince(from);
  await page.locator(".surface-progress").waitFor({ state: "hidden" });
  await page.getByRole("listitem").filter({ hasText: "Liver" }).first().waitFor();
  await shot(page, "viewer");
  return waited;
}

/** The small phantom may come out without a lesion: then one is told of, 20 mm wide from right to left in the liver. */
async function withLesion(page) {
  await page.route("**/results/measurements.json", async (route) => {
    const response = await route.fetch();
    const told = await response.json();
    const [r, a, s] = told.structures.liver.centroid_mm;
    const across = (mm) => ({ mm, ends_mm: [[r - mm / 2, a, s], [r + mm / 2, a, s]] });
    const along = { mm: 12, ends_mm: [[r, a - 6, s], [r, a + 6, s]] };
    const lesion = { ...told.candidates[0], number: 1, key: "liver_tumour", display: "Liver tumour", also: [], host: "liver", side: null, volume_ml: 1.5, centroid_mm: [r, a, s] };
    Object.assign(lesion, { mean_hu: 60, mean_probability: 0.9, touches_border: false, candidate_reason: "", longest_axial: across(LESION_MM), perpendicular: along, longest_3d: across(LESION_MM) });
    await route.fulfill({ response, json: { ...told, lesions: [lesion] } });
  });
}
