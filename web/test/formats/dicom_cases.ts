/**
 * Cases that Python writes and judges (`tests/export/test_browser_dicom.py`): a folder for each with what is read in
 * `input`, to which the answer of the page's reader is added: `answer.json`, and the voxels.
 */
import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { readSeries } from "../../src/formats/dicom/series.ts";
import type { Source } from "../../src/formats/source.ts";
import { ImageError } from "../../src/volume.ts";

/** Files below a folder, as the page gets them: no links, no pipes, none that are hidden. */
function filesIn(folder: string): Source[] {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
  const kept = paths.filter((path) => lstatSync(path).isFile() && !/(^|\/)(\.[^/]*|DICOMDIR)$/.test(path));
  return kept.map((path) => ({ path: relative(folder, path), bytes: async () => new Uint8Array(readFileSync(path)) }));
}

async function run(folder: string): Promise<void> {
  const { file, series } = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as { file: string | null; series: string | null };
  const choose = series === null ? null : async (words: readonly string[]) => words.findIndex((text) => text.startsWith(`series ${series} `));
  const files = filesIn(join(folder, "input")).filter(({ path }) => file === null || path === file);
  const answer = await readSeries(files, file === null, choose, () => {}).then(
    ({ volume: { grid, voxels }, warnings }) => {
      writeFileSync(join(folder, "voxels.bin"), new Uint8Array(voxels.buffer));
      return { ...grid, kind: voxels instanceof Int16Array ? "int16" : "float32", warnings };
    },
    (fault: unknown) => {
      if (!(fault instanceof ImageError)) throw fault;
      return { reason: fault.message, remedy: fault.remedy, file: fault.file };
    },
  );
  writeFileSync(join(folder, "answer.json"), JSON.stringify(answer));
}

const [, , root = "."] = process.argv;
for (const name of readdirSync(root)) await run(join(root, name));
