/** Collects the licence texts of all bundled packages into `licenses.txt` beside the page. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/** Vite plugin. A bundled package without a licence text fails the build, unless its package.json names a licence. */
export function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((chunk) => (chunk.type === "chunk" ? Object.keys(chunk.modules) : []));
      const folders = new Set(modules.map(packageFolder).filter((folder) => folder !== null));
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
  const file = readdirSync(folder).find((name) => LICENCE_FILE.test(name));
  if (file === undefined && about.license === undefined) throw new Error(`${about.name} has no licence`);
  const text = file === undefined ? textOfSibling(folder) : readFileSync(join(folder, file), "utf8");
  return `${about.name} ${about.version}\nLicence: ${about.license ?? "see below"}\n\n${text.trim()}\n`;
}

/** Licence text of a package of the same scope, for monorepos that ship it with one package only. */
function textOfSibling(folder: string): string {
  const scope = dirname(folder);
  if (!/\/@[^/]+$/.test(scope)) return "";
  const texts = readdirSync(scope).map((name) => join(scope, name, "LICENSE"));
  const found = texts.find((path) => existsSync(path));
  return found === undefined ? "" : readFileSync(found, "utf8");
}
