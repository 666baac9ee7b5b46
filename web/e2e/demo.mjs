/** `make serve-demo`: segment a CT with `omentum serve` and show it in the browser. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { startService } from "./service.mjs";

const POLL_MS = 1000;
const OPENERS = { darwin: "open", win32: "explorer", linux: "xdg-open" };

async function call(address, method, path, body) {
  const headers = typeof body === "string" ? { "Content-Type": "application/json" } : {};
  const answer = await fetch(`${address}/${path}`, { method, headers, body });
  if (!answer.ok) throw new Error(`${method} /${path}: ${await answer.text()}`);
  return answer.json();
}

async function segment(address, file) {
  const { id: upload } = await call(address, "POST", "uploads");
  await call(address, "PUT", `uploads/${upload}/files/ct.nii.gz`, readFileSync(file));
  let job = await call(address, "POST", "jobs", JSON.stringify({ upload }));
  let told = "";
  while (job.state === "queued" || job.state === "running") {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    job = await call(address, "GET", `jobs/${job.id}`);
    const { stage, done, total } = job.progress ?? { stage: job.state };
    const now = `${stage}${total ? ` ${Math.round((10 * done) / total) * 10} %` : ""}`;
    if (now !== told) console.log(now);
    told = now;
  }
  if (job.state !== "done") throw new Error(job.error?.reason ?? job.state);
  return job.id;
}

const [file] = process.argv.slice(2);
const service = await startService();
process.on("SIGINT", () => void service.stop().then(() => process.exit(0)));
try {
  const page = `${service.address}/#result=${await segment(service.address, file)}`;
  console.log(`\nLook at it: ${page}\nCtrl-C ends the service and deletes the scan.`);
  spawn(OPENERS[process.platform] ?? "xdg-open", [page], { stdio: "ignore", detached: true }).on("error", () => {}).unref();
  await service.ended;
} catch (error) {
  console.error(`error: ${error.message}`);
  await service.stop();
  process.exitCode = 1;
}
