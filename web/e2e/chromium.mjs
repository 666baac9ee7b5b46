/** Chromium for the tests of both pages: where it is, how it runs, what the pages are given. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { chromium } from "playwright-core";

/** Software rendering: WebGL2 without a graphics card. */
const FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];

/** Folder for screenshots; none are taken without it. */
const SHOTS = process.env.SHOTS ?? "";

/** Start Chromium, or end the program with a line of words where there is none. */
export async function launch(extraFlags = []) {
  const executablePath = process.env.CHROMIUM ?? "";
  if (!existsSync(executablePath)) {
    console.error(`error: CHROMIUM=${executablePath} is no browser (set CHROMIUM=/path/to/it; make web-test finds one)`);
    process.exit(2);
  }
  return chromium.launch({ executablePath, args: [...FLAGS, ...extraFlags] });
}

/** Collect what a page must not do: errors, and requests that `mayAsk` refuses. */
export function watchFaults(page, faults, mayAsk) {
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || /content security policy|GL_INVALID/i.test(message.text())) faults.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !mayAsk(request)) faults.push(`${request.method()} ${request.url()}`);
  });
}

/** Drop files as a user does, with a DataTransfer. */
export async function drop(page, ...paths) {
  const files = paths.map((path) => ({ name: basename(path), bytes: readFileSync(path).toString("base64") }));
  const transfer = await page.evaluateHandle((given) => {
    const data = new DataTransfer();
    for (const { name, bytes } of given) data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
    return data;
  }, files);
  await page.dispatchEvent(".drop-zone", "drop", { dataTransfer: transfer });
}

/** The masks are on the screen. */
export async function masksShown(page) {
  await page.locator(".structure-groups li").first().waitFor();
  await page.locator(".waiting").waitFor({ state: "hidden" });
}

/** Seconds from the start of loading to the first text or picture on the screen. */
export function firstContentfulPaint(page) {
  return page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const [painted] = list.getEntriesByName("first-contentful-paint");
      if (painted !== undefined) resolve(Math.round(painted.startTime) / 1000);
    }).observe({ type: "paint", buffered: true });
  }));
}

/** Save a file of the page's list. */
export async function save(page, name) {
  await page.getByRole("tab", { name: "Files" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`[data-file='${name}']`).click()]);
  return download;
}

/** Frames have been drawn since. */
export async function settled(page) {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(resolve)))));
}

export function secondsSince(from) {
  return Math.round((performance.now() - from) / 100) / 10;
}

export async function shot(page, name) {
  if (SHOTS === "") return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}
