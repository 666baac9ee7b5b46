/** The slices: sides, masks, places, lines. */
import assert from "node:assert/strict";
import { settled, shot } from "../chromium.mjs";
import { LESION_MM } from "./intake.mjs";
import { axialPicture, difference, drag, tick } from "./pictures.mjs";

/** The liver is on the patient's right; the phantom is not symmetric. */
export async function sides(page) {
  await goToLiver(page);
  const letters = await page.locator(".letter[data-plane='0']").evaluateAll((all) => all.map((one) => [one.textContent, one.getBoundingClientRect().x]));
  const at = Object.fromEntries(letters);
  assert.ok(at.R < at.L, "R is left of L");
  const shown = await axialPicture(page);
  await tick(page, "liver");
  const liver = await difference(page, shown, await axialPicture(page));
  assert.ok(liver.count > 50 && liver.centre < 0.5, `the liver is drawn at ${liver.centre} of the width`);
}

/** Anterior is on the left of a sagittal slice, as in preview.png: the letters say so, and so does the place under the pointer. */
export async function sagittal(page) {
  const letters = await page.locator(".letter[data-plane='2']").evaluateAll((all) => all.map((one) => [one.textContent, one.getBoundingClientRect()]));
  const { A, P, S, I } = Object.fromEntries(letters);
  assert.ok(A.x < P.x && S.y < I.y, "A is left of P, S above I");
  const anterior = [];
  for (const share of [0.35, 0.65]) {
    const [x, y] = [A.x + share * (P.x - A.x), (S.y + I.y) / 2];
    await page.mouse.click(x, y);
    await settled(page);
    const [, letter, mm] = /([AP]) (\d+)/.exec(await page.locator(".readout").textContent());
    anterior.push(letter === "A" ? Number(mm) : -Number(mm));
    const crosses = await page.locator("line.cross").evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ x: left, width, height }) => (width < height ? left : NaN)));
    assert.ok(crosses.some((left) => Math.abs(left - x) < 5), "the position is drawn where it was chosen");
  }
  assert.ok(anterior[0] > anterior[1] + 20, `${anterior} mm`);
}

/** One mask alone, then a search, then all again. */
export async function toggled(page) {
  await goToLiver(page);
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

async function goToLiver(page) {
  await page.getByRole("button", { name: "Go to Liver", exact: true }).dispatchEvent("click");
  await settled(page);
}
