/** Starts `omentum serve` for tests and for the demo. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ADDRESS = /http:\/\/127\.0\.0\.1:\d+/;
const START_MS = 180_000;

/**
 * Start the service on a free port, with a state folder of its own that `stop` removes.
 *
 * @param token what has to be known to use it; nothing if not given
 * @returns {Promise<{address: string, stop: () => Promise<void>, ended: Promise<number | null>}>}
 */
export async function startService(token = null) {
  const state = mkdtempSync(join(tmpdir(), "omentum-page-"));
  const env = token === null ? process.env : { ...process.env, OMENTUM_TOKEN: token };
  const child = spawn("omentum", ["serve", "--port", "0", "--state", state], { env, stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  const address = new Promise((resolve, reject) => {
    const read = (text) => {
      told += text;
      const found = ADDRESS.exec(told);
      if (found !== null) resolve(found[0]);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", read);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`omentum serve ended with ${code}: ${told}`)));
    setTimeout(() => reject(new Error(`omentum serve does not answer: ${told}`)), START_MS).unref();
  });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(state, { recursive: true, force: true });
  };
  return { address: await address.catch((error) => { child.kill(); throw error; }), stop, ended };
}
