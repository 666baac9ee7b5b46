/** What goes back to the service and what comes from it: corrections, files, deletion. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { save, settled, shot } from "../chromium.mjs";
import { drag } from "./pictures.mjs";

export async function corrected(page) {
  await page.getByRole("button", { name: "Go to Liver", exact: true }).dispatchEvent("click");
  await page.getByRole("button", { name: "Correct Liver", exact: true }).dispatchEvent("click");
  await page.locator(".editor").getByText("Correct Liver").waitFor();
  await drag(page, [0.15, 0.2], [0.42, 0.2]);
  await page.locator(".editor").getByText(/voxels? changed/).waitFor();
  await shot(page, "edit");
  await page.keyboard.press("u");
  await page.locator(".editor").getByText("Paint on a slice").waitFor();
  await drag(page, [0.15, 0.2], [0.42, 0.2]);
  const told = await page.locator(".editor [role=status]").textContent();
  await page.getByRole("button", { name: "Save as new version" }).click();
  const kept = await page.locator(".notice").getByText(/Version 1 saved/).textContent();
  assert.equal(number(kept.split(":")[1]), number(told), "the service counts the same voxels");
  await page.locator("[data-key=liver].corrected").waitFor();
}

function number(text) {
  return Number(/[\d,]+/.exec(text)[0].replaceAll(",", ""));
}

export async function saved(page) {
  const download = await save(page, "segmentation.seg.nrrd");
  const bytes = readFileSync(await download.path());
  assert.equal(bytes.subarray(0, 8).toString(), "NRRD0004");
  await page.getByRole("tab", { name: "Structures" }).click();
}

/** The scan is compared with an earlier one: the same scan from another file, so that the later one has not moved. */
export async function compared(page) {
  await page.getByRole("tab", { name: "Compare" }).click();
  const panel = page.locator(".compare");
  const earlier = panel.getByLabel("Earlier scan").locator("option");
  await earlier.first().waitFor({ state: "attached" });
  assert.equal(await earlier.count(), 1);
  await panel.getByRole("button", { name: "Compare" }).click();
  await panel.locator(".recist").getByText("RECIST 1.1").waitFor();
  await page.locator(".beside-title").getByText("Before: abdomen.nii.gz").waitFor();
  await page.locator(".beside .letter").nth(3).waitFor({ state: "attached" });
  await settled(page);
  await shot(page, "compared");
  const [here, there] = await Promise.all([".stage", ".beside"].map((side) => crossOf(page, side)));
  assert.ok(Math.abs(here - there) < 3, `both show the same place: ${here}, ${there} px`);
  await panel.getByRole("button", { name: "Close the earlier scan" }).click();
  await page.locator(".beside").waitFor({ state: "detached" });
  await page.getByRole("tab", { name: "Structures" }).click();
}

/** How far from its left edge a view shows the position. */
function crossOf(page, side) {
  return page.locator(`${side} line.cross`).evaluateAll((lines, selector) => {
    const upright = lines.map((line) => line.getBoundingClientRect()).find(({ width, height }) => height > width);
    return upright.x - document.querySelector(selector).getBoundingClientRect().x;
  }, side);
}

export async function deleted(page) {
  const id = new URL(page.url()).hash.replace("#result=", "");
  await page.getByRole("button", { name: "Delete this scan" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator(".notice").getByText(/Deleted \d+ files/).waitFor();
  const left = await page.evaluate(async () => (await fetch("jobs")).json());
  assert.ok(!left.some((job) => job.id === id), "the service does not know it any more");
}
