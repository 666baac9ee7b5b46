/** What goes back to the service and what comes from it: corrections, files, deletion. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { save, shot } from "../chromium.mjs";
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

export async function deleted(page) {
  const id = new URL(page.url()).hash.replace("#result=", "");
  await page.getByRole("button", { name: "Delete this scan" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator(".notice").getByText(/Deleted \d+ files/).waitFor();
  const left = await page.evaluate(async () => (await fetch("jobs")).json());
  assert.ok(!left.some((job) => job.id === id), "the service does not know it any more");
}
