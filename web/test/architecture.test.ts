import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, "../src");
/** What the modules of a folder may import, besides those of their own, those that lie in no folder, and tables. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "": [],
  ui: [],
  formats: [],
  service: ["formats"],
  local: ["formats"],
  view: ["ui"],
  panels: ["ui", "view"],
  page: ["ui", "formats", "view", "panels", "styles"],
  entries: ["page", "service", "local"],
};

const folder = (path: string): string => (path.includes("/") ? path.split("/")[0] as string : "");

test("folders import one way", () => {
  const modules = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  const wrong = modules.flatMap((path) => {
    const found = [...readFileSync(join(SRC, path), "utf8").matchAll(/(?:from |import |import\(|new URL\()"(\.[^"]+)"/g)];
    return found
      .map(([, target = ""]) => normalize(join(dirname(path), target)))
      .filter((target) => !["", "tables", folder(path), ...(MAY_IMPORT[folder(path)] ?? [])].includes(folder(target)))
      .map((target) => `${path} imports ${target}`);
  });
  expect(modules.length).toBeGreaterThan(50);
  expect(wrong).toEqual([]);
});
