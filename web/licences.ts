/** Collects the licence texts of all bundled packages into `licenses.txt` beside the page. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/** Licence texts of packages that carry none. */
const KEPT = join(import.meta.dirname, "licences");

/**
 * Vite plugin; a bundled package without a licence text fails the build.
 *
 * @param ofWorkers packages that only workers import: their bundles are built apart
 */
export function licences(ofWorkers: readonly string[] = []): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((chunk) => (chunk.type === "chunk" ? Object.keys(chunk.modules) : []));
      const folders = new Set(modules.map(packageFolder).filter((folder) => folder !== null));
      for (const name of ofWorkers) folders.add(join(import.meta.dirname, "node_modules", name));
      const entries = [...folders].sort().map(describe);
      this.emitFile({ type: "asset", fileName: "licenses.txt", source: entries.join(`\n${"-".repeat(80)}\n\n`) });
    },
  };
}

/** Folder of the npm package that a module belongs to; null for our own modules. */
export function packageFolder(module: string): string | null {
  const found = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module);
  return found?.[1] ?? null;
}

function describe(folder: string): string {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name: string; version: string; license?: string };
  const inside = readdirSync(folder).find((name) => LICENCE_FILE.test(name));
  const path = inside === undefined ? join(KEPT, `${about.name.replace("/", "+")}.txt`) : join(folder, inside);
  if (!existsSync(path)) throw new Error(`${about.name} (${about.license ?? "no licence named"}) carries no licence text: put it into ${path}`);
  return `${about.name} ${about.version}\n\n${readFileSync(path, "utf8").trim()}\n`;
}
