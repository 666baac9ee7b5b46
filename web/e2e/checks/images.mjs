/** The slices: sides, masks, places, lines. */
import assert from "node:assert/strict";
import { settled, shot } from "../chromium.mjs";
import { LESION_MM } from "./intake.mjs";
import { axialPicture, difference, drag, tick } from "./pictures.mjs";

/** The liver is on the patient's right; the phantom is not symmetric. */
export async function sides(page) {
  await page.getByRole("button", { name: "Go to Liver", exact: true }).dispatchEvent("click");
  await settled(page);
  const letters = await page.locator(".letter[data-plane='0']").evaluateAll((all) => all.map((one) => [one.textContent, one.getBoundingClientRect().x]));
  const at = Object.fromEntries(letters);
  assert.ok(at.R < at.L, "R is left of L");
  const shown = await axialPicture(page);
  await tick(page, "liver");
  const liver = await difference(page, shown, await axialPicture(page));
  assert.ok(liver.count > 50 && liver.centre < 0.5, `the liver is drawn at ${liver.centre} of the width`);
}

/** One mask alone, then a search, then all again. */
export async function toggled(page) {
  await page.getByRole("button", { name: "None", exact: true }).click();
  await settled(page);
  const bare = await axialPicture(page);
  await tick(page, "liver");
  const alone = await difference(page, bare, await axialPicture(page));
  assert.ok(alone.count > 50 && alone.centre < 0.5, "the liver alone is drawn over the CT");
  await page.getByRole("searchbox").fill("liver");
  assert.ok((await page.locator(".structure-groups li:visible").count()) <= 2, "the search leaves what it names");
  await page.getByRole("searchbox").fill("");
  await page.getByRole("button", { name: "All", exact: true }).click();
}

export async function located(page) {
  const tabs = page.getByRole("tab");
  await tabs.filter({ hasText: "Lesions" }).click();
  const lesions = page.locator(".lesion-table .lesion");
  await lesions.first().click();
  await settled(page);
  const line = await page.locator("line.mark-longest").evaluate((one) => ["x1", "x2", "y1", "y2"].map((name) => Number(one.getAttribute(name))));
  const [x1, x2, y1, y2] = line;
  assert.ok(Math.abs(y1 - y2) < 1, "the diameter from right to left is level");
  const perpendicular = await page.locator("line.mark-perpendicular").evaluate((one) => Math.abs(Number(one.getAttribute("y1")) - Number(one.getAttribute("y2"))));
  assert.ok(Math.abs(Math.abs(x1 - x2) / perpendicular - LESION_MM / 12) < 0.02, "both are drawn to the same scale");
  assert.ok((await page.locator(".mark-label").allTextContents()).includes("20.0 mm"));
  await shot(page, "lesion");
  await tabs.filter({ hasText: "Structures" }).click();
  const before = await page.locator(".readout").textContent();
  await page.getByRole("button", { name: /^Go to / }).last().dispatchEvent("click");
  await settled(page);
  assert.notEqual(await page.locator(".readout").textContent(), before, "the position moved");
}

export async function measured(page) {
  await page.keyboard.press("m");
  await drag(page, [0.15, 0.2], [0.3, 0.25]);
  const label = page.locator(".mark-label").last();
  assert.match(await label.textContent(), /^\d+\.\d mm$/);
  await page.getByRole("button", { name: "Clear lines" }).click();
  await page.keyboard.press("v");
}
