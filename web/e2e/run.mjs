/** The page in Chromium against `omentum serve`, with a small phantom: `make web-test`. Figures are printed as JSON, in seconds. */
import assert from "node:assert/strict";
import { accessible, keyboard, tablet } from "./checks/accessibility.mjs";
import { compared, corrected, deleted, saved } from "./checks/files.mjs";
import { located, measured, sagittal, sides, toggled } from "./checks/images.mjs";
import { cancelled, firstView, loggedIn, refused, segmented, segmentedSeries } from "./checks/intake.mjs";
import { overlapping } from "./checks/overlap.mjs";
import { launch, secondsSince, shot, watchFaults } from "./chromium.mjs";
import { makeScans } from "./phantom.mjs";
import { startService } from "./service.mjs";

/** Of one step; a busy machine is slow. */
const PATIENCE_MS = 1000 * Number(process.env.PATIENCE_S ?? 300);

const TOKEN = "token-for-the-tests-of-the-page";
const TABLET = { viewport: { width: 820, height: 1180 }, hasTouch: true, isMobile: true };

const figures = {};
const started = performance.now();
const browser = await launch();
const scans = makeScans();
const service = await startService(TOKEN);
const faults = [];

try {
  const page = await open({ viewport: { width: 1000, height: 640 } });
  await check("without the token nothing is shown", () => loggedIn(page, TOKEN));
  // The browser tells of each answer 401.
  assert.ok(faults.splice(0).every((fault) => fault.includes("401")), "errors before the login");
  await page.reload();
  figures.firstPaint = await check("the first view", () => firstView(page));
  await check("a scan that is none is refused in words", () => refused(page));
  await check("cancelling deletes what was sent", () => cancelled(page, scans.ct));
  figures.clickToFirstMask = await check("a dropped CT is segmented", () => segmented(page, scans.ct));
  await check("the patient's right is on the left of the picture", () => sides(page));
  await check("anterior is on the left of a sagittal slice", () => sagittal(page));
  await check("masks appear and disappear", () => toggled(page));
  await check("a flag or structure goes to its place", () => located(page));
  await check("a line is measured", () => measured(page));
  await check("a correction comes back as a new version", () => corrected(page));
  await check("a file is saved", () => saved(page));
  await check("keys", () => keyboard(page));
  await check("no serious violation of accessibility", () => accessible(page));
  await check("32 masks that overlap are drawn", () => overlapping(page));
  await page.reload();
  const result = page.url();
  await page.locator(".brand").click();
  await check("one of two DICOM series in a folder is segmented", () => segmentedSeries(page, scans));
  await check("two scans are compared", () => compared(page));
  await check("a tablet, by touch", async () => tablet(await open(TABLET, result, await page.context().cookies())));
  await check("a scan is deleted for good", () => deleted(page));
  assert.deepEqual(faults, [], "errors in the browser's console");
} finally {
  await browser.close();
  await service.stop();
  scans.remove();
}
figures.whole = secondsSince(started);
console.log(JSON.stringify(figures));

async function open(settings, address = service.address, cookies = []) {
  const context = await browser.newContext({ colorScheme: "dark", acceptDownloads: true, ...settings });
  await context.addCookies(cookies);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  // Nothing is asked of anybody but the service.
  watchFaults(page, faults, (request) => request.url().startsWith(service.address));
  await page.goto(address);
  return page;
}

async function check(name, test) {
  const from = performance.now();
  try {
    const found = await test();
    console.log(`ok ${name} (${secondsSince(from)} s)`);
    return found;
  } catch (error) {
    console.error(`not ok ${name}`);
    for (const page of browser.contexts().flatMap((context) => context.pages())) await shot(page, "failure").catch(() => {});
    throw error;
  }
}
