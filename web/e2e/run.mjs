/** The page in Chromium against `omentum serve`, with a small phantom: `make web-test`. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { startService } from "./service.mjs";

const BROWSERS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Software rendering: WebGL2 without a graphics card. */
const FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
const SHOTS = process.env.SHOTS ?? "";
/** Axial slices of the phantom that are kept, from and to, as shares: fewer windows for the network. */
const UPPER_ABDOMEN = [0.42, 0.74];
/** Longest diameter of the lesion that is told of. */
const LESION_MM = 20;
/** Of one step; a busy machine is slow. */
const PATIENCE_MS = 1000 * Number(process.env.PATIENCE_S ?? 300);

const executablePath = BROWSERS.find((path) => path && existsSync(path));
if (executablePath === undefined) {
  console.error("error: no Chromium found (set CHROMIUM=/path/to/it)");
  process.exit(2);
}

/** What is measured on the way, in seconds. */
const figures = {};
const started = performance.now();
const folder = mkdtempSync(join(tmpdir(), "omentum-phantom-"));
execFileSync("omentum", ["phantom", "-n", "1", "--seed", "7", "--spacing", "5", "-o", folder], { stdio: "ignore" });
const ct = join(folder, "abdomen.nii.gz");
writeFileSync(ct, gzipSync(slices(gunzipSync(readFileSync(join(folder, "case_0000", "ct.nii.gz"))), ...UPPER_ABDOMEN)));
/** ADDRESS: a service that runs already, for work on these tests. */
const service = process.env.ADDRESS ? { address: process.env.ADDRESS, stop: async () => {} } : await startService();
const browser = await chromium.launch({ executablePath, args: FLAGS });
const faults = [];

try {
  const page = await open({ width: 1000, height: 640 });
  await check("the first view", () => firstView(page));
  await check("a scan that is none is refused in words", () => refused(page));
  await check("cancelling deletes what was sent", () => cancelled(page));
  await check("a dropped CT is segmented", () => segmented(page));
  await check("the patient's right is on the left of the picture", () => sides(page));
  await check("masks appear and disappear", () => toggled(page));
  await check("a flag or structure goes to its place", () => located(page));
  await check("a line is measured", () => measured(page));
  await check("a correction comes back as a new version", () => corrected(page));
  await check("a file is saved", () => saved(page));
  await check("keys", () => keyboard(page));
  await check("no serious violation of accessibility", () => accessible(page));
  await check("tablet", () => tablet(page));
  await check("a scan is deleted for good", () => deleted(page));
  assert.deepEqual(faults, [], "errors in the browser's console");
} finally {
  await browser.close();
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}
figures.whole = seconds(started);
console.log(JSON.stringify(figures));

/** Some slices of a NIfTI file (the third axis), in place in the world. */
function slices(file, from, to) {
  const [width, height, depth] = [42, 44, 46].map((at) => file.readInt16LE(at));
  const [first, last] = [Math.floor(from * depth), Math.floor(to * depth)];
  const [start, slice] = [file.readFloatLE(108), (width * height * file.readInt16LE(72)) / 8];
  const head = Buffer.from(file.subarray(0, start));
  head.writeInt16LE(last - first, 46);
  [280, 296, 312].forEach((row, axis) => {
    const shifted = head.readFloatLE(row + 12) + first * head.readFloatLE(row + 8);
    head.writeFloatLE(shifted, row + 12);
    head.writeFloatLE(shifted, 268 + 4 * axis);
  });
  return Buffer.concat([head, file.subarray(start + first * slice, start + last * slice)]);
}

async function open(viewport) {
  const context = await browser.newContext({ viewport, colorScheme: "dark", acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || /content security policy|GL_INVALID/i.test(message.text())) faults.push(message.text());
  });
  // Nothing is asked of anybody but the service.
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(service.address)) faults.push(`asks ${request.url()}`);
  });
  await page.goto(service.address);
  return page;
}

async function check(name, test) {
  const from = performance.now();
  try {
    await test();
  } catch (error) {
    console.error(`not ok ${name}`);
    for (const page of browser.contexts().flatMap((context) => context.pages())) await shot(page, "failure").catch(() => {});
    throw error;
  }
  console.log(`ok ${name} (${seconds(from)} s)`);
}

function seconds(from) {
  return Math.round((performance.now() - from) / 100) / 10;
}

async function shot(page, name) {
  if (SHOTS === "") return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

async function firstView(page) {
  await page.getByText("Drop a CT here").waitFor();
  figures.firstPaint = await page.evaluate(() => Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0) / 1000);
  await axe(page);
  await shot(page, "start");
}

async function refused(page) {
  await page.setInputFiles("[data-pick=file]", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no CT") });
  await page.getByRole("alert").getByText("no CT was found").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
}

async function cancelled(page) {
  await page.setInputFiles("[data-pick=file]", ct);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled. What was sent has been deleted.").first().waitFor();
  await page.getByText("Drop a CT here").waitFor();
  assert.deepEqual(await page.evaluate(async () => (await fetch("jobs")).json()), [], "no job stays behind");
}

async function segmented(page) {
  await withLesion(page);
  await page.getByText("Options").click();
  await page.getByLabel("Profile").selectOption("fast");
  const from = performance.now();
  await drop(page);
  await page.getByRole("progressbar").waitFor();
  await shot(page, "progress");
  await page.locator(".structure-groups li").first().waitFor();
  await page.locator(".waiting").waitFor({ state: "hidden" });
  figures.clickToFirstMask = seconds(from);
  await page.locator(".surface-progress").waitFor({ state: "hidden" });
  await page.getByRole("listitem").filter({ hasText: "Liver" }).first().waitFor();
  await shot(page, "viewer");
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

/** Drop the file as a user does, with a DataTransfer. */
async function drop(page) {
  const transfer = await page.evaluateHandle((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "ct.nii.gz"));
    return data;
  }, readFileSync(ct).toString("base64"));
  await page.dispatchEvent(".drop-zone", "drop", { dataTransfer: transfer });
}

/** The liver is on the patient's right; the phantom is not symmetric. */
async function sides(page) {
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

async function tick(page, key) {
  await page.locator(`[data-key=${key}] input[type=checkbox]`).click();
  await settled(page);
}

/** The axial slice as it is on the screen: PNG, base64. */
async function axialPicture(page) {
  const box = await page.locator(".stage").boundingBox();
  const clip = { x: box.x, y: box.y, width: Math.floor(box.width / 2) - 4, height: Math.floor(box.height / 2) - 4 };
  return (await page.screenshot({ clip })).toString("base64");
}

/** How many pixels of two pictures differ, and the middle of these as a share of the width. */
function difference(page, one, other) {
  return page.evaluate(async (pictures) => {
    const decode = async (encoded) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))], { type: "image/png" }));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      canvas.drawImage(bitmap, 0, 0);
      return canvas.getImageData(0, 0, bitmap.width, bitmap.height);
    };
    const [a, b] = await Promise.all(pictures.map(decode));
    let [count, sum] = [0, 0];
    for (let k = 0; k < a.data.length; k += 4) {
      const changed = [0, 1, 2].reduce((total, channel) => total + Math.abs(a.data[k + channel] - b.data[k + channel]), 0);
      if (changed < 12) continue;
      count += 1;
      sum += (k / 4) % a.width;
    }
    return { count, centre: sum / count / a.width };
  }, [one, other]);
}

/** Two frames have been drawn since. */
async function settled(page) {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(resolve)))));
}

/** One mask alone, then a search, then all again. */
async function toggled(page) {
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

async function located(page) {
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

async function measured(page) {
  await page.keyboard.press("m");
  await drag(page, [0.15, 0.2], [0.3, 0.25]);
  const label = page.locator(".mark-label").last();
  assert.match(await label.textContent(), /^\d+\.\d mm$/);
  await page.getByRole("button", { name: "Clear lines" }).click();
  await page.keyboard.press("v");
}

/** Drag over shares of the stage. */
async function drag(page, from, to) {
  const box = await page.locator(".stage").boundingBox();
  const place = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...place(from));
  await page.mouse.down();
  await page.mouse.move(...place(to), { steps: 3 });
  await page.mouse.up();
  await settled(page);
}

async function corrected(page) {
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

async function saved(page) {
  await page.getByRole("tab", { name: "Files" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("[data-file='segmentation.seg.nrrd']").click()]);
  const bytes = readFileSync(await download.path());
  assert.equal(bytes.subarray(0, 8).toString(), "NRRD0004");
  await page.getByRole("tab", { name: "Structures" }).click();
}

async function keyboard(page) {
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

async function accessible(page) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const tab of ["Lesions", "Quality", "Compare", "Files", "Structures"]) {
      await page.getByRole("tab", { name: tab }).click();
      await axe(page);
    }
    await shot(page, `viewer-${scheme}`);
  }
}

async function axe(page) {
  const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(bad.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 160)]), []);
}

async function tablet(page) {
  await page.setViewportSize({ width: 820, height: 1180 });
  await settled(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, "nothing is wider than a tablet");
  await shot(page, "tablet");
}

async function deleted(page) {
  const id = new URL(page.url()).hash.replace("#result=", "");
  await page.getByRole("button", { name: "Delete this scan" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator(".notice").getByText(/Deleted \d+ files/).waitFor();
  const left = await page.evaluate(async () => (await fetch("jobs")).json());
  assert.ok(!left.some((job) => job.id === id), "the service does not know it any more");
}
