/** Use without a mouse, with a screen reader, on a tablet. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { settled, shot } from "../chromium.mjs";

export async function keyboard(page) {
  await page.locator(".stage canvas").first().focus();
  const before = await page.locator(".readout").textContent();
  await page.keyboard.press("PageUp");
  await settled(page);
  assert.notEqual(await page.locator(".readout").textContent(), before, "a slice up");
  await page.keyboard.press("3");
  assert.equal(await page.getByLabel("Window").inputValue(), "Lung");
  await page.keyboard.press("1");
  await page.keyboard.press("a");
  assert.equal(await page.locator(".stage").getAttribute("data-layout"), "axial");
  await page.keyboard.press("a");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard and mouse" }).waitFor();
  await axe(page);
  await page.keyboard.press("Escape");
}

export async function accessible(page) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const tab of ["Lesions", "Quality", "Compare", "Files"]) {
      await page.getByRole("tab", { name: tab }).click();
      await axe(page, ".side");
    }
    await page.getByRole("tab", { name: "Structures" }).click();
    await axe(page);
    await shot(page, `viewer-${scheme}`);
  }
}

/** Check the page, or a part of it. */
export async function axe(page, part = "body") {
  const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  const { violations } = await page.evaluate((selector) => globalThis.axe.run(selector, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }), part);
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(bad.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 160)]), []);
}

export async function tablet(page) {
  await page.setViewportSize({ width: 820, height: 1180 });
  await settled(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, "nothing is wider than a tablet");
  await shot(page, "tablet");
}
