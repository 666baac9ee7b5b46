/** Use without a mouse, with a screen reader, on a tablet. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { masksShown, settled, shot } from "../chromium.mjs";
import { axialPicture, difference } from "./pictures.mjs";

/** Least height of what a finger has to hit. */
const LEAST_PX = 38;
/** A finger does not leave the screen at once. */
const FINGER_MS = 80;

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

/** A tablet, held upright: nothing is too wide or too small, a finger moves the position, two fingers zoom. */
export async function tablet(page) {
  await masksShown(page);
  await settled(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, "nothing is wider than a tablet");
  const low = await page.locator(".side button:visible, .top button:visible").evaluateAll((all, least) => all.filter((one) => one.getBoundingClientRect().height < least).map((one) => one.outerHTML.slice(0, 80)), LEAST_PX);
  assert.deepEqual(low, [], "what a finger has to hit is large enough");
  const box = await page.locator(".stage").boundingBox();
  const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];
  const before = await page.locator(".readout").textContent();
  await touch(page, [[at(0.2, 0.2)]]);
  assert.notEqual(await page.locator(".readout").textContent(), before, "a finger moves the position");
  const whole = await axialPicture(page);
  await touch(page, [20, 40, 60, 90].map((apart) => [-1, 1].map((side) => at(0.25 + (side * apart) / 1600, 0.25))));
  assert.ok((await difference(page, whole, await axialPicture(page))).count > 200, "two fingers zoom");
  await shot(page, "tablet");
}

/** Fingers on the screen, from place to place. */
async function touch(page, places) {
  const session = await page.context().newCDPSession(page);
  for (const [step, fingers] of places.entries()) {
    await session.send("Input.dispatchTouchEvent", { type: step === 0 ? "touchStart" : "touchMove", touchPoints: fingers.map(([x, y], id) => ({ x, y, id })) });
    await page.waitForTimeout(FINGER_MS);
  }
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await session.detach();
  await settled(page);
}
