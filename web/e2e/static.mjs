/**
 * The static page in Chromium: a CT is dropped, segmented by the page itself and saved.
 *
 * node e2e/static.mjs CT SAVED.seg.nrrd [--dicom FOLDER] [--threads N] [--device wasm|webgpu]; with a folder, the CT (int16) is
 * written there as a DICOM series, beside another one, and these are dropped. Prints figures as JSON. One thread means
 * that the page is served without the headers that threads need.
 */
import assert from "node:assert/strict";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { writeSeries } from "./dicom.mjs";
import { drop, launch, masksShown, save, watchFaults } from "./chromium.mjs";

const FOLDER = fileURLToPath(new URL("../dist-static", import.meta.url));
const WEBGPU_FLAGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml", ".txt": "text/plain" };
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const PATIENCE_MS = 1_800_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { dicom: { type: "string" }, threads: { type: "string", default: "1" }, device: { type: "string", default: "wasm" }, shot: { type: "string" } } });
const [ct, saved] = positionals;
for (const [missing, reason] of [
  [saved === undefined, "usage: node e2e/static.mjs CT SAVED.seg.nrrd [--threads N] [--device wasm|webgpu]"],
  [!existsSync(join(FOLDER, "model.onnx")), "no static page found (make web-static)"],
]) {
  if (!missing) continue;
  console.error(`error: ${reason}`);
  process.exit(2);
}

const isolated = values.threads !== "1";
let downloaded = 0;
const server = createServer((request, response) => {
  const path = join(FOLDER, normalize(new URL(request.url, "http://localhost").pathname).replace(/\/$/, "/index.html"));
  if (!path.startsWith(FOLDER) || !existsSync(path)) {
    response.writeHead(404).end();
    return;
  }
  downloaded += statSync(path).size;
  response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", ...(isolated ? ISOLATION : {}) });
  createReadStream(path).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}`;
const browser = await launch(values.device === "webgpu" ? WEBGPU_FLAGS : []);
const faults = [];
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
  if (isolated) await context.addInitScript((n) => Object.defineProperty(Navigator.prototype, "hardwareConcurrency", { get: () => n }), Number(values.threads));
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  // Nothing leaves: no request goes anywhere but to the folder, and none carries a body.
  watchFaults(page, faults, (request) => request.url().startsWith(address) && request.method() === "GET");
  await page.goto(`${address}/?device=${values.device}`);
  await page.getByText("Drop a CT here").waitFor();
  assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
  const usage = watch(browser);
  const from = performance.now();
  if (values.dicom) await dropSeries(page, values.dicom);
  else await drop(page, ct);
  await page.getByRole("progressbar").waitFor();
  await masksShown(page);
  const clickToMasks = (performance.now() - from) / 1000;
  const { peakMb, cpuSeconds } = await usage();
  await findings(page);
  if (values.shot) await page.screenshot({ path: values.shot });
  await (await save(page, "segmentation.seg.nrrd")).saveAs(saved);
  const figures = { device: values.device, threads: Number(values.threads), seconds: round(clickToMasks), cpu_seconds: round(cpuSeconds), peak_mb: Math.round(peakMb), downloaded_mb: round(downloaded / 1e6), cores: cpus().length, chromium: browser.version() };
  console.log(JSON.stringify(figures));
  assert.deepEqual(faults, [], "faults in the page");
} finally {
  await browser.close();
  server.close();
}

/** The CT and a part of it as two series; the first one is chosen. */
async function dropSeries(page, folder) {
  const file = readFileSync(ct);
  const nifti = file[0] === 0x1f ? gunzipSync(file) : file;
  const whole = writeSeries(join(folder, "1"), nifti, { number: 1, description: "Abdomen venous 5mm" });
  const part = writeSeries(join(folder, "2"), nifti, { number: 2, description: "Abdomen Doe", from: 3 });
  await drop(page, ...whole, ...part);
  const dialog = page.getByRole("dialog", { name: "Which series?" });
  assert.match(await dialog.locator(".series").last().textContent(), /^Series 2 \(Abdomen \.\.\., \d+ images, 5 x 5 x 5 mm\)$/);
  await dialog.getByText("Series 1 (Abdomen venous 5mm").click();
}

/** What was measured in the browser is listed. */
async function findings(page) {
  assert.match(await page.locator(".structure-group .amount").first().textContent(), /^[\d.,]+ ml$/);
  for (const [tab, listed] of [[/Quality/, ".flag, .flags .empty"], [/Lesions/, ".lesion-table, .lesions .empty"]]) {
    await page.getByRole("tab", { name: tab }).click();
    await page.locator(listed).first().waitFor();
  }
}

function round(value) {
  return Math.round(value * 10) / 10;
}

/** Processor time of the page's process, and its most resident memory in MB, looked up every half second. */
function watch(running) {
  let [most, cpu] = [0, 0];
  const look = async () => {
    const session = await running.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    const pages = processInfo.filter(({ type }) => type === "renderer");
    cpu = Math.max(...pages.map(({ cpuTime }) => cpuTime));
    for (const { id } of pages) most = Math.max(most, Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0) / 1024);
  };
  const timer = setInterval(() => void look().catch(() => {}), 500);
  return async () => {
    clearInterval(timer);
    await look();
    return { peakMb: most, cpuSeconds: cpu };
  };
}
